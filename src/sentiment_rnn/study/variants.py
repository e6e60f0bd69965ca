"""The variants of the study: the one place that says what each is called, how it is trained and where it stands.

A variant is one full set of hyperparameters and protocol. It is trained once for each seed.
"""

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
        stage: the rest of its stages' names in dvc.yaml: train_STAGE trains it, evaluate_STAGE evaluates it.
        hyperparameters: in which it differs from the others.
        protocol: what it shares with them.
        seeds: it is trained with.
        encoded: folder of the encoded reviews.
        split: how the reviews are divided: at random, or another division of the extensions.
        data: folder that has models/ and evaluations/.
    """

    name: str
    stage: str
    hyperparameters: Hyperparameters
    protocol: Protocol
    seeds: tuple[int, ...]
    encoded: Path = Path("data/encoded")
    split: str = "random"
    data: Path = Path("data")

    @property
    def models(self) -> Path:
        """Folder of its trained models: one below it for each seed."""
        return self.data / "models" / self.name

    @property
    def evaluations(self) -> Path:
        """Folder of its evaluations: one below it for each seed."""
        return self.data / "evaluations" / self.name


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
        name: Variant(name, stage, hyperparameters, params.protocol, tuple(params.seeds))
        for name, (stage, hyperparameters) in found.items()
    }
    return Catalogue(variants, tables)


def base_name(params: Params, cell: str | None = None) -> str:
    """The name of the base, or of the same with another cell."""
    return f"{cell or params.study.base.cell}-{params.study.base.optimizer}"


def as_dvc(value: Any) -> str:
    """A value as DVC writes it into a command."""
    return str(value).lower() if isinstance(value, bool) else str(value)
