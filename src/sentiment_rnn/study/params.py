"""The schema of params.yaml: what each key may be."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sentiment_rnn.errors import PipelineError

Cell = Literal["lstm", "gru", "attention"]
Optimizer = Literal["sgd", "momentum", "adagrad", "rmsprop", "adam"]
Init = Literal["study", "pytorch"]
KeepEpoch = Literal["best", "last"]
EmbeddingStart = Literal["random", "cooccurrence"]
Head = Literal["flatten", "mean_max"]
StopWords = Literal["drop", "literal", "keep"]
Positive = Annotated[int, Field(gt=0)]
NLayers = Annotated[int, Field(gt=0, le=100)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Seeds = list[Annotated[int, Field(ge=0, lt=2**63)]]
SplitSeed = Annotated[int, Field(ge=0, lt=2**32)]
Model = TypeVar("Model", bound=BaseModel)


class ParamsError(PipelineError):
    """params.yaml holds something that the pipeline cannot work with; the message names the key."""


class Section(BaseModel):
    """A part of params.yaml. Strict: no unknown key, no "5" where 5 is meant."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Protocol(Section):
    """What all trainings of the study share, the reviews aside."""

    stop_words: StopWords
    max_length: Positive
    batch_size: Positive
    n_epochs: Positive
    init: Init
    keep_epoch: KeepEpoch


class Architecture(Section):
    """The hyperparameters of a variant, its learning rate aside."""

    cell: Cell
    optimizer: Optimizer
    embedding_dim: Positive
    hidden_dim: Positive
    n_layers: NLayers
    bidirectional: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]

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


class Hyperparameters(Architecture):
    """One variant: everything in which two trainings of one protocol can differ, the seed aside.

    The last five belong to the champion (see the extensions). The models of the source do not have them.
    """

    lr: LearningRate
    embedding: EmbeddingStart = "random"
    embedding_std: PositiveFloat = 0.3
    head: Head = "flatten"
    ngrams: Annotated[int, Field(ge=0, le=10)] = 0
    ngrams_C: PositiveFloat = 1.0  # noqa: N815  # scikit-learn's name for it


class Compound(Section):
    """The variant that scales several hyperparameters together."""

    hidden_dim: Positive
    n_layers: NLayers
    embedding_dim: Positive


class Study(Section):
    """The published comparison: a base, and what is varied around it."""

    base: Architecture
    learning_rates: dict[Optimizer, LearningRate]
    grids: dict[str, list[Any]]
    compound: Compound

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for axis in ("cell", "optimizer"):
            if getattr(self.base, axis) not in self.grids.get(axis, []):
                raise ValueError(f"grids.{axis}: must list the base's own {getattr(self.base, axis)}")
        for axis, values in self.grids.items():
            refuse_repeats(f"grids.{axis}", values)
            for value in values:
                self.around_base({axis: value}, "grids")
        for axis in self.axes:
            own = getattr(self.base, axis, None)
            if own in self.grids[axis]:
                raise ValueError(
                    f"grids.{axis}: {own} is the base's own value, whose row is in the table anyway; remove it"
                )
        return self

    @property
    def axes(self) -> list[str]:
        """The hyperparameters that are varied one at a time."""
        return [axis for axis in self.grids if axis not in ("cell", "optimizer")]

    def around_base(self, changes: dict[str, Any], section: str = "study") -> Hyperparameters:
        """The base with some changes, at its optimizer's learning rate.

        Raises:
            ValueError: there is no such variant; the message begins with the section where the changes stand.
        """
        values = self.base.model_dump() | changes
        optimizer = values["optimizer"]
        if "lr" not in changes and optimizer in get_args(Optimizer):
            if optimizer not in self.learning_rates:
                raise ValueError(f"learning_rates: no learning rate for {optimizer}")
            values["lr"] = self.learning_rates[optimizer]
        return validated(Hyperparameters, values, section)


class Plots(Section):
    """How the figures look."""

    dpi: Annotated[int, Field(ge=50, le=600)]
    colors: Annotated[list[Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]], Field(min_length=1)]


class Params(Protocol, Architecture):
    """The whole of params.yaml; its top level is the protocol and the experiment's hyperparameters."""

    dataset: Annotated[str, Field(pattern=r"^(imdb|sample|[^/\\]+\.csv)$")]
    split_seed: SplitSeed
    drop_duplicates: bool
    min_freq: Positive
    seeds: Annotated[Seeds, Field(min_length=1)]
    lr: LearningRate
    study: Study
    margin: Annotated[float, Field(gt=0, lt=1)]
    plots: Plots

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        refuse_repeats("seeds", self.seeds)
        return self

    @property
    def protocol(self) -> Protocol:
        """What all trainings share."""
        return Protocol(**{name: getattr(self, name) for name in Protocol.model_fields})

    @property
    def experiment(self) -> Hyperparameters:
        """The variant at the top level."""
        return Hyperparameters(lr=self.lr, **{name: getattr(self, name) for name in Architecture.model_fields})


def refuse_repeats(key: str, values: list[Any]) -> None:
    """Check that no value stands there twice.

    Raises:
        ValueError: one does; the message begins with `key`.
    """
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{key}: {value} stands there twice")


def validated(model: type[Model], values: dict[str, Any], section: str) -> Model:
    """The model with these values.

    Raises:
        ValueError: the values are not allowed; each line of the message begins with the section.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ValueError("\n".join(f"{section}.{explain(problem)}" for problem in error.errors())) from error


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate params.yaml.

    Raises:
        ParamsError: with a line for each key that is wrong, which names it and what is allowed.
    """
    return read_section(Params, path, read_yaml(path))


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
        raise ParamsError(f"{path}: holds no keys")
    return content


def read_section(model: type[Model], path: Path, content: Any) -> Model:
    """Validate what was read from a file.

    Raises:
        ParamsError: with a line for each key that is wrong.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [line for problem in error.errors() for line in explain(problem).split("\n")]
        raise ParamsError("\n".join(f"{path}: {line}" for line in lines)) from error


def explain(problem: Any) -> str:
    """One problem found by pydantic as `key: what is allowed, what stands there`."""
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it, or correct its spelling"
    if problem["type"] == "missing":
        return f"{key}: missing"
    if problem["type"] == "value_error":  # raised above; its text begins with the rest of the key
        lines = str(problem["ctx"]["error"]).split("\n")
        return "\n".join(f"{key}.{line}" if key else line for line in lines)
    if key == "dataset":
        return f"dataset: must be imdb, sample or the name of a CSV file in data/, not {problem['input']!r}"
    return f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"
