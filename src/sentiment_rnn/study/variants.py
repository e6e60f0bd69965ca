"""The variants of the study: the one place that says what each is called, how it is trained and where it stands.

A variant is one full set of hyperparameters and protocol. It is trained once for each seed.
A name with a slash, GROUP/NAME, is that of a variant in a group, whose variants one stage trains.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment_rnn.study.params import Hyperparameters, Params, ParamsError, Protocol

Rows = dict[str, dict[str, str]]  # study -> row -> variant


@dataclass(frozen=True)
class Variant:
    """One variant.

    Attributes:
        name: also that of its folders, below models/ and evaluations/.
        hyperparameters: in which it differs from the others.
        protocol: what it shares with them.
        seeds: it is trained with.
        encoded: folder of the encoded reviews.
        data: folder that has models/ and evaluations/.
        stage: in the study, the rest of its stages' names in dvc.yaml: train_STAGE and evaluate_STAGE.
    """

    name: str
    hyperparameters: Hyperparameters
    protocol: Protocol
    seeds: tuple[int, ...]
    encoded: Path = Path("data/encoded")
    data: Path = Path("data")
    stage: str = ""

    def __post_init__(self) -> None:
        """Refuse what this machine cannot hold.

        Raises:
            ParamsError: the least that a training takes is more than there is; the message names the key.
        """
        settings = {key: getattr(self.hyperparameters, key) for key in ("hidden_dim", "embedding_dim")}
        settings |= {key: getattr(self.protocol, key) for key in ("max_length", "batch_size")}
        hidden, embedding, length, batch = settings.values()
        length = length if self.hyperparameters.head == "flatten" else 2
        directions, n_layers = 1 + self.hyperparameters.bidirectional, self.hyperparameters.n_layers
        weights = directions * hidden * (embedding + n_layers * hidden + 2 * length)
        states = batch * (embedding + directions * n_layers * hidden)  # of reviews with a single token
        needed, there = 4 * (2 * weights + states), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if needed > there:
            key = max(settings, key=lambda name: settings[name])
            raise ParamsError(
                f"{key}: {settings[key]} is too much for {self.name}: its training would take {needed / 1e9:,.0f} GB "
                f"of memory or more, and this machine has {there / 1e9:,.0f} GB"
            )

    @property
    def models(self) -> Path:
        """Folder of its trained models: one below it for each seed."""
        return self.data / "models" / self.name

    @property
    def evaluations(self) -> Path:
        """Folder of its evaluations: one below it for each seed."""
        return self.data / "evaluations" / self.name


Run = tuple[Variant, int]  # one training: a variant with one of its seeds


@dataclass(frozen=True)
class Catalogue:
    """All variants of a pipeline, and the tables in which they stand.

    Attributes:
        variants: by name, in the order of dvc.yaml.
        tables: each study with its rows in order, and the variant in each row. The base stands in several.
    """

    variants: dict[str, Variant]
    tables: Rows

    def find(self, name: str) -> Variant:
        """The variant of that name.

        Raises:
            ParamsError: there is none.
        """
        if name not in self.variants:
            raise ParamsError(f"no variant {name!r} in params.yaml; there are: {', '.join(self.variants)}")
        return self.variants[name]

    def runs(self, name: str) -> dict[str, Run]:
        """The trainings of a variant, or of all variants of a group, each by what its lines are headed with.

        Raises:
            ParamsError: there is neither variant nor group of that name.
        """
        if name in self.variants:
            return {f"seed {seed}": (self.variants[name], seed) for seed in self.variants[name].seeds}
        group = [variant for variant in self.variants.values() if variant.name.startswith(f"{name}/")]
        return {
            f"{variant.name.removeprefix(name)[1:]}, seed {seed}": (variant, seed)
            for variant in group or [self.find(name)]
            for seed in variant.seeds
        }

    def rows_of(self, name: str) -> list[str]:
        """Where a variant stands, as STUDY.ROW."""
        return [f"{study}.{row}" for study, rows in self.tables.items() for row, found in rows.items() if found == name]


def study_catalogue(params: Params) -> Catalogue:
    """The published study, and the experiment."""
    study, grids = params.study, params.study.grids
    base = base_name(params)
    tables: Rows = {}
    found: dict[str, tuple[str, Hyperparameters]] = {}  # by name: the stage, and the hyperparameters
    for cell in grids["cell"]:
        tables[f"{cell}_optimizers"] = {optimizer: f"{cell}-{optimizer}" for optimizer in grids["optimizer"]}
        for optimizer, name in tables[f"{cell}_optimizers"].items():
            found[name] = (f"optimizers@{name}", study.around_base({"cell": cell, "optimizer": optimizer}))
    for axis in study.axes:
        own = study.around_base({}).model_dump()[axis]
        names = {value: f"{axis}-{as_dvc(value)}" for value in grids[axis]}
        tables[axis] = {as_dvc(value): names.get(value, base) for value in sorted([own, *names])}
        for value, name in names.items():
            found[name] = (f"{axis}@{axis}-{value}", study.around_base({axis: value}))
    found["compound"] = ("compound@compound", study.around_base(study.compound.model_dump()))
    found["experiment"] = ("experiment@experiment", params.experiment)
    for name in ("compound", "experiment"):
        tables[name] = {"base": base, name: name}
    variants = {
        name: Variant(name, hyperparameters, params.protocol, tuple(params.seeds), stage=stage)
        for name, (stage, hyperparameters) in found.items()
    }
    return Catalogue(variants, tables)


def base_name(params: Params, cell: str | None = None) -> str:
    """The name of the base, or of the same with another cell."""
    return f"{cell or params.study.base.cell}-{params.study.base.optimizer}"


def as_dvc(value: Any) -> str:
    """A value as DVC writes it into a command."""
    return str(value).lower() if isinstance(value, bool) else str(value)
