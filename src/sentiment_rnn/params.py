"""The schema of params.yaml: what each key may be, and which variants the study consists of."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sentiment_rnn.errors import PipelineError

Cell = Literal["lstm", "gru"]
Optimizer = Literal["sgd", "adagrad", "rmsprop", "adam"]
Positive = Annotated[int, Field(gt=0)]
LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class ParamsError(PipelineError):
    """params.yaml holds something that the pipeline cannot work with; the message names the key."""


class Section(BaseModel):
    """A part of params.yaml. Strict: no unknown key, no "5" where 5 is meant."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Architecture(Section):
    """The hyperparameters of a variant but for its learning rate."""

    cell: Cell
    optimizer: Optimizer
    embedding_dim: Positive
    hidden_dim: Positive
    n_layers: Positive
    bidirectional: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]


class Hyperparameters(Architecture):
    """One variant: everything that two trainings of the same protocol can differ in, the seed aside."""

    lr: LearningRate


class Grids(Section):
    """The values of each axis; those of n_layers, hidden_dim and embedding_dim stand beside the base's own."""

    cell: list[Cell]
    optimizer: list[Optimizer]
    n_layers: list[Positive]
    hidden_dim: list[Positive]
    embedding_dim: list[Positive]

    @model_validator(mode="after")
    def _no_repeats(self) -> "Grids":
        for axis, values in self:
            if len(set(values)) < len(values):
                raise ValueError(f"study.grids.{axis}: a value stands there twice")
        return self


AXES = ("n_layers", "hidden_dim", "embedding_dim")


class Compound(Section):
    """The variant that scales several axes together."""

    hidden_dim: Positive
    n_layers: Positive
    embedding_dim: Positive


class Study(Section):
    """The published comparison: a base, and what is varied around it."""

    base: Architecture
    learning_rates: dict[Optimizer, LearningRate]
    grids: Grids
    compound: Compound

    @model_validator(mode="after")
    def _consistent(self) -> "Study":
        for axis in AXES:
            value = getattr(self.base, axis)
            if value in getattr(self.grids, axis):
                raise ValueError(
                    f"study.grids.{axis}: {value} is the base's own value, whose row is in the table anyway; remove it"
                )
        for axis in ("cell", "optimizer"):
            value = getattr(self.base, axis)
            if value not in getattr(self.grids, axis):
                raise ValueError(
                    f"study.grids.{axis}: must list the base's own {value}, which is trained as part of it"
                )
        for optimizer in self.grids.optimizer:
            if optimizer not in self.learning_rates:
                raise ValueError(f"study.learning_rates: no learning rate for {optimizer}")
        return self


class Plots(Section):
    """How the figures look."""

    dpi: Annotated[int, Field(ge=50, le=600)]
    colors: Annotated[list[Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]], Field(min_length=1)]


class Params(Hyperparameters):
    """The whole of params.yaml; its top level is the protocol and the experiment's hyperparameters."""

    dataset: Annotated[str, Field(pattern=r"^(imdb|sample|[^/\\]+\.csv)$")]
    split: Literal["random"]
    split_seed: Annotated[int, Field(ge=0, lt=2**32)]
    drop_duplicates: bool
    stop_words: Literal["drop", "keep"]
    min_freq: Positive
    max_length: Positive
    batch_size: Positive
    n_epochs: Positive
    init: Literal["study", "pytorch"]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)]
    study: Study
    plots: Plots

    @model_validator(mode="after")
    def _no_repeated_seeds(self) -> "Params":
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: a seed stands there twice")
        return self

    @property
    def experiment(self) -> Hyperparameters:
        """The variant spelled out at the top level."""
        return Hyperparameters(**{name: getattr(self, name) for name in Hyperparameters.model_fields})

    def variants(self) -> dict[str, Hyperparameters]:
        """Every variant by its name, which is also its folder's: lstm-adam, n_layers-2, compound, experiment, ..."""
        grids = self.study.grids
        variants = {
            f"{cell}-{optimizer}": self._around_base(cell=cell, optimizer=optimizer)
            for cell in grids.cell
            for optimizer in grids.optimizer
        }
        for axis in AXES:
            variants |= {f"{axis}-{value}": self._around_base(**{axis: value}) for value in getattr(grids, axis)}
        return variants | {
            "compound": self._around_base(**self.study.compound.model_dump()),
            "experiment": self.experiment,
        }

    def variant(self, name: str) -> Hyperparameters:
        """The variant of that name.

        Raises:
            ParamsError: there is none.
        """
        variants = self.variants()
        if name not in variants:
            raise ParamsError(f"no variant {name!r} in params.yaml; there are: {', '.join(variants)}")
        return variants[name]

    def _around_base(self, **changes: Any) -> Hyperparameters:
        values = self.study.base.model_dump() | changes
        return Hyperparameters(lr=self.study.learning_rates[values["optimizer"]], **values)


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate params.yaml, with YAML 1.2's reading of numbers, as DVC reads it (1e-3 is a number).

    Raises:
        ParamsError: with a line for each key that is wrong, which names it and what is allowed.
    """
    try:
        content = YAML(typ="safe").load(path)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ParamsError(f"{path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: holds no keys")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise ParamsError("\n".join(f"{path}: {_explain(problem)}" for problem in error.errors())) from error


def _explain(problem: Any) -> str:
    """One problem found by pydantic as `key: what is allowed, what stands there`."""
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it, or correct its spelling"
    if problem["type"] == "missing":
        return f"{key}: missing"
    if problem["type"] == "value_error":  # raised above, with the key in its own text
        return str(problem["ctx"]["error"])
    if key == "dataset":
        return f"dataset: must be imdb, sample or the name of a CSV file in data/, not {problem['input']!r}"
    return f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"
