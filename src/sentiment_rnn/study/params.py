"""The schema of params.yaml: what each key may be."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sentiment_rnn.errors import PipelineError

Cell = Literal["lstm", "gru", "attention"]
Optimizer = Literal["sgd", "adagrad", "rmsprop", "adam"]
Init = Literal["source", "pytorch"]
KeepEpoch = Literal["best", "last"]
StopWords = Literal["source", "drop", "keep"]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)]
Model = TypeVar("Model", bound=BaseModel)

OPTIMIZER_SETTINGS = {  # which settings each optimizer has
    "sgd": {"lr", "momentum"},
    "adagrad": {"lr", "eps"},
    "rmsprop": {"lr", "momentum", "eps"},
    "adam": {"lr", "eps"},
}


class ParamsError(PipelineError):
    """A file of parameters is invalid; the message names the file and the key."""


class StrictModel(BaseModel):
    """A part of params.yaml. Strict: no unknown key, no "5" where 5 is meant."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Settings(StrictModel):
    """The hyperparameters of a variant, without those of its optimizer."""

    cell: Cell
    optimizer: Optimizer
    embedding_dim: PositiveInt
    hidden_dim: PositiveInt
    n_layers: Annotated[int, Field(gt=0, le=100)]
    bidirectional: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]
    warmup_steps: Annotated[int, Field(ge=0)]
    clip_norm: PositiveFloat | None
    batch_size: PositiveInt
    n_epochs: PositiveInt
    init: Init
    keep_epoch: KeepEpoch

    @model_validator(mode="after")
    def _attention_is_one_layer(self) -> Self:
        if self.cell == "attention" and (self.n_layers > 1 or self.bidirectional):
            raise ValueError("cell: attention has one layer and no direction; set n_layers 1 and bidirectional false")
        return self

    @model_validator(mode="after")
    def _dropout_is_between_layers(self) -> Self:
        if self.dropout and self.n_layers == 1:
            raise ValueError(f"dropout: {self.dropout} would do nothing: it is between layers, and n_layers is 1")
        return self


class Hyperparameters(Settings):
    """One variant: everything in which two trainings on the same data can differ, except the seed.

    `momentum` and `eps` are None for an optimizer that does not have them.
    """

    lr: LearningRate
    momentum: Momentum | None
    eps: PositiveFloat | None


class Base(Settings):
    """The base of the study."""

    seeds: Seeds


class OptimizerSettings(StrictModel):
    """What an optimizer's name stands for."""

    lr: LearningRate
    momentum: Momentum | None = None
    eps: PositiveFloat | None = None


class Study(StrictModel):
    """The published comparison: a base, and what is varied around it."""

    base: Base
    grids: dict[str, list[Any]]
    compound: dict[str, Any]

    @property
    def axes(self) -> list[str]:
        """The hyperparameters that are varied one at a time."""
        return [axis for axis in self.grids if axis not in ("cell", "optimizer")]


class Params(Base):
    """The whole of params.yaml. Its top level has the experiment, and what experiment and study share."""

    lr: LearningRate | None
    momentum: Momentum | None
    eps: PositiveFloat | None
    dataset: Annotated[str, Field(pattern=r"^(imdb|sample|[^/\\]+\.(?i:csv)(\.(gz|zip))?)$")]
    split_seed: Annotated[int, Field(ge=0, lt=2**32)]
    drop_duplicates: bool
    stop_words: StopWords
    min_freq: PositiveInt
    max_length: PositiveInt
    optimizers: dict[Optimizer, OptimizerSettings]
    study: Study
    margin: Any  # validated by the report, like `plots`: no training depends on them
    plots: Any

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_unique("seeds", self.seeds)
        check_unique("study.base.seeds", self.study.base.seeds)
        self._check_optimizers()
        _ = self.experiment
        self.with_changes({}, "study.base")
        for axis in ("cell", "optimizer"):
            if getattr(self.study.base, axis) not in self.study.grids.get(axis, []):
                raise ValueError(f"study.grids.{axis}: must list the base's own {getattr(self.study.base, axis)}")
        for axis in self.study.grids:
            self._check_axis(axis)
        self._check_compound()
        return self

    def _check_optimizers(self) -> None:
        for name, settings in self.optimizers.items():
            given, needed = settings.model_fields_set, OPTIMIZER_SETTINGS[name]
            if others := sorted(given - needed):
                raise ValueError(f"optimizers.{name}.{others[0]}: {name} has no {others[0]}")
            for key in sorted(needed):
                if getattr(settings, key) is None:
                    raise ValueError(f"optimizers.{name}.{key}: missing")

    def _check_axis(self, axis: str) -> None:
        key = f"study.grids.{axis}"
        if axis not in Hyperparameters.model_fields:
            raise ValueError(f"{key}: not a hyperparameter that can be varied")
        values = [getattr(self.with_changes({axis: value}, "study.grids"), axis) for value in self.study.grids[axis]]
        check_unique(key, values)  # as they are understood: 1 and 1.0 are one learning rate
        base = getattr(self.with_changes({}, key), axis)
        if axis in self.study.axes and base in values:
            raise ValueError(f"{key}: {base} is the base's own value, whose row is in the table anyway; remove it")

    def _check_compound(self) -> None:
        if "optimizer" in self.study.compound:
            raise ValueError("study.compound.optimizer: compound keeps the base's optimizer")
        compound = self.with_changes(self.study.compound, "study.compound")
        if compound == self.with_changes({}, "study.base"):
            raise ValueError("study.compound: changes nothing of the base")

    @property
    def experiment(self) -> Hyperparameters:
        """The variant at the top level."""
        return self._resolve({name: getattr(self, name) for name in Hyperparameters.model_fields}, "")

    def with_changes(self, changes: dict[str, Any], section: str) -> Hyperparameters:
        """The base of the study with some hyperparameters changed.

        Raises:
            ValueError: there is no such variant; the message begins with `section`, where the changes are written.
        """
        return self._resolve(self.study.base.model_dump(exclude={"seeds"}) | changes, section)

    def _resolve(self, values: dict[str, Any], section: str) -> Hyperparameters:
        """Fill in what the optimizer's name stands for, where the values do not say it."""
        optimizer = values["optimizer"]
        needed = OPTIMIZER_SETTINGS.get(optimizer) if isinstance(optimizer, str) else None
        settings: dict[str, Any] = {"lr": 1.0, "momentum": None, "eps": None}
        if needed is not None:  # else the validation refuses the optimizer
            if optimizer not in self.optimizers:
                raise ValueError(f"optimizers: no settings for {optimizer}")
            settings = self.optimizers[optimizer].model_dump()
        for key in settings:
            value = values.get(key)
            if value is not None and needed is not None and key not in needed:
                raise ValueError(f"{section}.{key}: {optimizer} has no {key}".removeprefix("."))
            settings[key] = settings[key] if value is None else value
        return validated(Hyperparameters, values | settings, section)


def check_unique(key: str, values: list[Any]) -> None:
    """Check that no value is repeated.

    Raises:
        ValueError: one is; the message begins with `key`.
    """
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{key}: {value} is repeated")


def validated(model: type[Model], values: dict[str, Any], section: str) -> Model:
    """The model with these values.

    Raises:
        ValueError: the values are not allowed; each line of the message begins with `section`.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [f"{section}.{format_error(problem)}".removeprefix(".") for problem in error.errors()]
        raise ValueError("\n".join(lines)) from error


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate params.yaml.

    Raises:
        ParamsError: with a line for each key that is wrong, which names it and what is allowed.
    """
    return parse(Params, path, read_yaml(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys of a YAML file, with YAML 1.2's reading of numbers, as DVC reads it (1e-3 is a number).

    Raises:
        ParamsError: the file cannot be read.
    """
    try:
        content = YAML(typ="safe").load(path)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ParamsError(f"{path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: has no keys")
    return content


def parse(model: type[Model], path: Path, content: Any) -> Model:
    """Validate what was read from a file.

    Raises:
        ParamsError: with a line for each key that is wrong.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [line for problem in error.errors() for line in format_error(problem).split("\n")]
        raise ParamsError("\n".join(f"{path}: {line}" for line in lines)) from error


def format_error(problem: Any) -> str:
    """One error of pydantic as `key: what is allowed, what is there`."""
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it, or correct its spelling"
    if problem["type"] == "missing":
        return f"{key}: missing"
    if problem["type"] == "too_short":
        return f"{key}: must not be empty"
    if problem["type"] == "value_error":  # raised above; its text begins with the rest of the key
        lines = str(problem["ctx"]["error"]).split("\n")
        return "\n".join(f"{key}.{line}" if key else line for line in lines)
    if key == "dataset":
        return (
            f"dataset: must be imdb, sample or the name of a CSV file in data/ (.csv, .csv.gz or .csv.zip), "
            f"not {problem['input']!r}"
        )
    return f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"
