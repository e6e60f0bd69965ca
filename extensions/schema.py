"""The schema of extensions/params.yaml."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sentiment_rnn.study.params import (
    Hyperparameters,
    Init,
    KeepEpoch,
    LearningRate,
    Optimizer,
    Positive,
    PositiveFloat,
    Section,
    Seeds,
    SplitSeed,
    StopWords,
    read_section,
    read_yaml,
    refuse_repeats,
    validated,
)

Name = Annotated[str, Field(pattern="^[a-z0-9_]+$")]


class Attention(Section):
    """The variant with self-attention in place of the base's recurrent layer."""

    embedding_dim: Positive
    hidden_dim: Positive


class ProtocolGrids(Section):
    """Other settings of the protocol; under each of them the base is trained with every cell."""

    init: list[Init]
    keep_epoch: list[KeepEpoch]
    stop_words: list[StopWords]


class Tuning(Section):
    """Learning rates beside an optimizer's own: every optimizer has as many trials."""

    seeds: Annotated[Seeds, Field(min_length=1)]
    trials: Annotated[list[Name], Field(min_length=1)]
    learning_rates: dict[str, dict[Optimizer, LearningRate]]


class Champion(Hyperparameters):
    """The variant that is to be as good as it can, with what it has of its own in the protocol."""

    stop_words: Literal["drop", "keep"]
    max_length: Positive
    batch_size: Positive
    n_epochs: Positive


class ChampionTrials(Section):
    """What of the champion is changed to see what it is worth."""

    names: Annotated[list[Name], Field(min_length=1)]
    changes: dict[str, dict[str, Any]]


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


class Extensions(Section):
    """All that goes beyond the study."""

    seeds: Annotated[Seeds, Field(min_length=1)]
    momentum_lr: LearningRate
    attention: Attention
    protocol: ProtocolGrids
    splits: list[Literal["official"]]
    split_seeds: list[SplitSeed]
    tuning: Tuning
    baselines: Baselines
    champion: Champion
    champion_trials: ChampionTrials

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("seeds", "split_seeds"):
            refuse_repeats(key, getattr(self, key))
        for key, values in self.protocol:
            refuse_repeats(f"protocol.{key}", values)
        for key in ("seeds", "trials"):
            refuse_repeats(f"tuning.{key}", getattr(self.tuning, key))
        refuse_repeats("champion_trials.names", self.champion_trials.names)
        for seed in self.tuning.seeds:
            if seed not in self.seeds:
                raise ValueError(f"tuning.seeds: {seed} is not among the seeds, and so has no trial at the own rate")
        for name in (*self.champion_trials.changes, *self.champion_trials.names):
            self.champion_trial(name)
        return self

    def champion_trial(self, name: str) -> Champion:
        """The champion but for what the trial of that name changes.

        Raises:
            ValueError: the changes are none that the champion can have.
        """
        key = "champion_trials.changes"
        if name not in self.champion_trials.changes:
            raise ValueError(f"{key}: no changes for {name}")
        changes = self.champion_trials.changes[name]
        if changes.keys() & {"stop_words", "max_length"}:
            raise ValueError(f"{key}.{name}: neither stop_words nor max_length, for which the reviews are encoded once")
        trial = validated(Champion, self.champion.model_dump() | changes, f"{key}.{name}")
        if trial == self.champion:
            raise ValueError(f"{key}.{name}: changes nothing of the champion")
        return trial


class File(Section):
    """The whole of extensions/params.yaml."""

    extensions: Extensions


def load_extensions(path: Path = Path("extensions/params.yaml")) -> Extensions:
    """Read and validate extensions/params.yaml.

    Raises:
        ParamsError: with a line for each key that is wrong, which names it and what is allowed.
    """
    return read_section(File, path, read_yaml(path)).extensions
