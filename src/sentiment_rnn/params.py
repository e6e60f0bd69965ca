"""The schema of params.yaml: what each key may be, and which variants the study consists of."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sentiment_rnn.errors import PipelineError

RecurrentCell = Literal["lstm", "gru"]
Cell = Literal["lstm", "gru", "attention"]
Optimizer = Literal["sgd", "momentum", "adagrad", "rmsprop", "adam"]
Init = Literal["study", "pytorch"]
KeepEpoch = Literal["best", "last"]
EmbeddingStart = Literal["random", "cooccurrence"]
Head = Literal["flatten", "mean_max"]
StopWords = Literal["drop", "literal", "keep"]
Split = Literal["random", "official"]
Baseline = Literal["tfidf", "nbsvm"]
Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NLayers = Annotated[int, Field(gt=0, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Seeds = list[Annotated[int, Field(ge=0, lt=2**63)]]


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
    n_layers: NLayers
    bidirectional: bool
    dropout: Share

    @model_validator(mode="after")
    def _attention_is_one_layer(self) -> "Architecture":
        if self.cell == "attention" and (self.n_layers > 1 or self.bidirectional):
            raise ValueError("cell: attention has one layer and no direction; set n_layers 1 and bidirectional false")
        return self


class Hyperparameters(Architecture):
    """One variant: everything that two trainings of the same protocol can differ in, the seed aside.

    What the source's models have not is off by default.
    """

    lr: LearningRate
    embedding: EmbeddingStart = "random"
    embedding_std: PositiveFloat = 0.3
    head: Head = "flatten"
    ngrams: Annotated[int, Field(ge=0, le=10)] = 0
    ngrams_C: PositiveFloat = 1.0  # noqa: N815  # scikit-learn's name for it

    @property
    def hyperparameters(self) -> "Hyperparameters":
        """These alone, without what a subclass adds."""
        return Hyperparameters(**{name: getattr(self, name) for name in Hyperparameters.model_fields})


def _refuse_repeats(key: str, values: list[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{key}: {value} stands there twice")


class Grids(Section):
    """The values of each axis; those of n_layers, hidden_dim and embedding_dim stand beside the base's own."""

    cell: list[RecurrentCell]
    optimizer: list[Optimizer]
    n_layers: list[NLayers]
    hidden_dim: list[Positive]
    embedding_dim: list[Positive]

    @model_validator(mode="after")
    def _no_repeats(self) -> "Grids":
        for axis, values in self:
            _refuse_repeats(f"study.grids.{axis}", values)
        return self


AXES = ("n_layers", "hidden_dim", "embedding_dim")


class Compound(Section):
    """The variant that scales several axes together."""

    hidden_dim: Positive
    n_layers: NLayers
    embedding_dim: Positive


class Attention(Section):
    """The variant with self-attention in place of the base's recurrent layer."""

    embedding_dim: Positive
    hidden_dim: Positive


class Champion(Hyperparameters):
    """The variant that is to be as good as it can, with what it has of its own in the protocol."""

    stop_words: Literal["drop", "keep"]
    max_length: Positive
    batch_size: Positive
    n_epochs: Positive


class ChampionTrials(Section):
    """What of the champion is changed to see what it is worth."""

    names: list[Annotated[str, Field(pattern="^[a-z0-9_]+$")]]
    changes: dict[str, dict[str, Any]]

    @model_validator(mode="after")
    def _no_repeats(self) -> "ChampionTrials":
        _refuse_repeats("study.champion_trials.names", self.names)
        return self


class Alternatives(Section):
    """Other settings of the protocol; under each of them the base is trained with every cell."""

    init: list[Init]
    keep_epoch: list[KeepEpoch]
    stop_words: list[StopWords]
    split: list[Split]

    @model_validator(mode="after")
    def _no_repeats(self) -> "Alternatives":
        for axis, values in self:
            _refuse_repeats(f"study.alternatives.{axis}", values)
        return self


class Tuning(Section):
    """Learning rates beside the study's own: every optimizer has as many trials."""

    seeds: Seeds
    trials: list[Annotated[str, Field(pattern="^[a-z0-9]+$")]]
    learning_rates: dict[str, dict[Optimizer, LearningRate]]


class Study(Section):
    """The published comparison: a base, and what is varied around it."""

    base: Architecture
    learning_rates: dict[Optimizer, LearningRate]
    grids: Grids
    compound: Compound
    attention: Attention
    champion: Champion
    champion_trials: ChampionTrials
    alternatives: Alternatives
    tuning: Tuning

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
            rates = [self.learning_rates[optimizer]]
            for trial in self.tuning.trials:
                if optimizer not in self.tuning.learning_rates.get(trial, {}):
                    raise ValueError(f"study.tuning.learning_rates.{trial}: no learning rate for {optimizer}")
                rates.append(self.tuning.learning_rates[trial][optimizer])
            if len(set(rates)) < len(rates):
                raise ValueError(
                    f"study.tuning.learning_rates: {optimizer} has {rates}, its own first; each must be another"
                )
        if self.tuning.seeds and not self.tuning.trials:
            raise ValueError("study.tuning.trials: none to choose from; without seeds there is no tuning")
        for name in (*self.champion_trials.changes, *self.champion_trials.names):
            self.champion_trial(name)
        return self

    def champion_trial(self, name: str) -> Champion:
        """The champion but for what the trial of that name changes.

        Raises:
            ValueError: the changes are none that the champion can have.
        """
        if name not in self.champion_trials.changes:
            raise ValueError(f"study.champion_trials.changes: no changes for {name}")
        changes = self.champion_trials.changes[name]
        key = f"study.champion_trials.changes.{name}"
        if changes.keys() & {"stop_words", "max_length"}:
            raise ValueError(f"{key}: neither stop_words nor max_length, for which the reviews are encoded once")
        try:
            trial = Champion.model_validate(self.champion.model_dump() | changes)
        except ValidationError as error:
            raise ValueError("\n".join(f"{key}.{_explain(problem)}" for problem in error.errors())) from error
        if trial == self.champion:
            raise ValueError(f"{key}: changes nothing of the champion")
        return trial


class TfidfGrid(Section):
    """Logistic regression on TF-IDF: what is tried."""

    C: Annotated[list[PositiveFloat], Field(min_length=1)]


class NbsvmGrid(Section):
    """The SVM on naive-Bayes log-count ratios: what is tried."""

    C: Annotated[list[PositiveFloat], Field(min_length=1)]
    beta: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)]


class Baselines(Section):
    """The hyperparameters of the baselines; every combination is fitted, and the valid reviews choose."""

    tfidf: TfidfGrid
    nbsvm: NbsvmGrid


class Plots(Section):
    """How the figures look."""

    dpi: Annotated[int, Field(ge=50, le=600)]
    colors: Annotated[list[Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]], Field(min_length=1)]


class Params(Hyperparameters):
    """The whole of params.yaml; its top level is the protocol and the experiment's hyperparameters."""

    dataset: Annotated[str, Field(pattern=r"^(imdb|sample|[^/\\]+\.csv)$")]
    split: Split
    split_seed: Annotated[int, Field(ge=0, lt=2**32)]
    drop_duplicates: bool
    stop_words: StopWords
    min_freq: Positive
    max_length: Positive
    batch_size: Positive
    n_epochs: Positive
    init: Init
    keep_epoch: KeepEpoch
    seeds: Annotated[Seeds, Field(min_length=1)]
    study: Study
    baselines: Baselines
    plots: Plots

    @model_validator(mode="after")
    def _consistent(self) -> "Params":
        _refuse_repeats("seeds", self.seeds)
        _refuse_repeats("study.tuning.seeds", self.study.tuning.seeds)
        for seed in self.study.tuning.seeds:
            if seed not in self.seeds:
                raise ValueError(
                    f"study.tuning.seeds: {seed} is not among the seeds, and so has no trial at the own rate"
                )
        for axis, values in self.study.alternatives:
            own = getattr(self, axis)
            if own in values:
                raise ValueError(
                    f"study.alternatives.{axis}: {own} is what {axis} itself says; take it out there, "
                    f"for example with -S 'study.alternatives.{axis}=[]'"
                )
        return self

    @property
    def experiment(self) -> Hyperparameters:
        """The variant spelled out at the top level."""
        return self.hyperparameters

    def variants(self) -> dict[str, Hyperparameters]:
        """Every variant by its name, which is also its folder's: lstm-adam, n_layers-2, compound, experiment, ..."""
        grids, tuning = self.study.grids, self.study.tuning
        variants = {
            f"{cell}-{optimizer}": self._around_base(cell=cell, optimizer=optimizer)
            for cell in grids.cell
            for optimizer in grids.optimizer
        }
        for axis in AXES:
            variants |= {f"{axis}-{value}": self._around_base(**{axis: value}) for value in getattr(grids, axis)}
        variants |= {
            "compound": self._around_base(**self.study.compound.model_dump()),
            "attention": self._around_base(
                cell="attention", n_layers=1, bidirectional=False, **self.study.attention.model_dump()
            ),
            "experiment": self.experiment,
        }
        for axis, values in self.study.alternatives:
            variants |= {
                f"{axis}-{value}-{cell}": self._around_base(cell=cell) for value in values for cell in grids.cell
            }
        variants["champion"] = self.study.champion.hyperparameters
        for trial in self.study.champion_trials.names:
            variants[f"champion-{trial}"] = self.study.champion_trial(trial).hyperparameters
        for trial in tuning.trials:
            for cell in grids.cell:
                for optimizer in grids.optimizer:
                    own = self._around_base(cell=cell, optimizer=optimizer)
                    rate = {"lr": tuning.learning_rates[trial][optimizer]}
                    variants[f"tuning-{cell}-{optimizer}-{trial}"] = own.model_copy(update=rate)
        return variants

    def protocol(self, variant: str) -> dict[str, Any]:
        """The protocol's settings that the training of a variant reads: its own alternative in place of the usual."""
        names = ("stop_words", "max_length", "batch_size", "n_epochs", "init", "keep_epoch")
        axis, _, rest = variant.partition("-")
        if axis == "champion":
            champion = self.study.champion_trial(rest) if rest else self.study.champion
            return {name: getattr(champion if name in Champion.model_fields else self, name) for name in names}
        own = {axis: rest.rpartition("-")[0]} if axis in Alternatives.model_fields else {}
        return {name: own.get(name, getattr(self, name)) for name in names}

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


def stage_of(run: str) -> str:
    """The stage of dvc.yaml that makes the model in a run's folder."""
    variant, _, seed = run.partition("/")
    kind, _, rest = variant.partition("-")
    if variant in ("compound", "attention", "champion", "experiment"):
        return f"{kind}@{seed}"
    if not seed:
        return f"other_baselines@{rest}" if rest else f"baselines@{variant}"
    own_name = {name: name for name in (*AXES, *Alternatives.model_fields)}
    stages = own_name | {"split": "splits", "tuned": "tuned"}
    name, item = (stages[kind], rest) if kind in stages else ("optimizers", variant)
    return f"{name}@{item}-{seed}"


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
    if problem["type"] == "value_error":  # raised above, with the key in its own text, whole or within its section
        text = str(problem["ctx"]["error"])
        return text if text.startswith(key) else f"{key}.{text}"
    if key == "dataset":
        return f"dataset: must be imdb, sample or the name of a CSV file in data/, not {problem['input']!r}"
    return f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"
