"""The variants of the study: what each is called, how it is trained, and which rows of the tables it fills.

A variant is one full set of hyperparameters. It is trained once for each seed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment_rnn.study.params import Hyperparameters, Params, ParamsError

Rows = dict[str, dict[str, str]]  # study -> row -> variant


@dataclass(frozen=True)
class Variant:
    """One variant.

    Attributes:
        name: also the name of its folders.
        hyperparameters: without the seed.
        seeds: it is trained once with each.
        stage: the suffix of its DVC stages, as in train_SUFFIX and evaluate_SUFFIX.
        encoded: folder of the encoded reviews.
        models: folder of its trained models, one folder for each seed.
        results: folder of their results, one folder for each seed.
    """

    name: str
    hyperparameters: Hyperparameters
    seeds: tuple[int, ...]
    stage: str
    encoded: Path
    models: Path
    results: Path

    @property
    def training_files(self) -> list[Path]:
        """The files that a training reads: the training and validation reviews, and the words."""
        return [self.encoded / name for name in ("train.safetensors", "valid.safetensors", "vocabulary.txt")]


@dataclass(frozen=True)
class Catalogue:
    """All variants of a pipeline, and the tables that they fill.

    Attributes:
        variants: by name, in the order of dvc.yaml.
        tables: each study with its rows in order, and the variant of each row. The base is in several.
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

    def rows_with(self, name: str) -> list[str]:
        """The rows that a variant fills, as STUDY.ROW."""
        return [f"{study}.{row}" for study, rows in self.tables.items() for row, other in rows.items() if other == name]


def study_catalogue(params: Params) -> Catalogue:
    """The published study, and the experiment."""
    study, grids, base = params.study, params.study.grids, base_name(params)
    tables: Rows = {}
    variants: dict[str, Variant] = {}

    def add(name: str, stage: str, hyperparameters: Hyperparameters, seeds: list[int] = study.base.seeds) -> None:
        folders = [Path(folder) for folder in ("data/encoded", f"data/models/{name}", f"results/{name}")]
        variants[name] = Variant(name, hyperparameters, tuple(seeds), stage, *folders)

    for cell in grids["cell"]:
        tables[f"{cell}_optimizers"] = {optimizer: f"{cell}-{optimizer}" for optimizer in grids["optimizer"]}
        for optimizer, name in tables[f"{cell}_optimizers"].items():
            hyperparameters = params.with_changes({"cell": cell, "optimizer": optimizer}, "study.grids")
            add(name, f"optimizers@{name}", hyperparameters)
    for axis in study.axes:
        own = getattr(params.with_changes({}, "study.base"), axis)
        names = {value: f"{axis}-{format_value(value)}" for value in grids[axis]}
        in_order = sorted([own, *names], key=lambda value: (value is None, value if value is not None else 0))
        tables[axis] = {format_value(value): names.get(value, base) for value in in_order}
        for value, name in names.items():
            add(name, f"{axis}@{axis}-{value}", params.with_changes({axis: value}, "study.grids"))
    add("compound", "compound@compound", params.with_changes(study.compound, "study.compound"))
    add("experiment", "experiment@experiment", params.experiment, params.seeds)
    for name in ("compound", "experiment"):
        tables[name] = {"base": base, name: name}
    return Catalogue(variants, tables)


def base_name(params: Params, cell: str | None = None) -> str:
    """The name of the base, or of the base with another cell."""
    return f"{cell or params.study.base.cell}-{params.study.base.optimizer}"


def format_value(value: Any) -> str:
    """A value as DVC writes it into a command."""
    return str(value).lower() if isinstance(value, bool) else str(value)
