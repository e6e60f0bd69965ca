"""The study's tables: which variant stands in which row, and where its runs are."""

from typing import get_args

from sentiment_rnn.params import AXES, Baseline, Params

Rows = dict[str, dict[str, str]]  # study -> row -> variant
Folders = dict[str, list[str]]  # variant -> the folder of each of its runs, below models and evaluations


def study_rows(params: Params) -> Rows:
    """All tables in order. The base stands in each table that it belongs to."""
    return grid_rows(params) | _open_rows(params)


def grid_rows(params: Params) -> Rows:
    """The tables that the source has, that of its attention layer, which it does not train, and the experiment's."""
    study = params.study
    base = f"{study.base.cell}-{study.base.optimizer}"
    tables: Rows = {
        f"{cell}_optimizers": {str(optimizer): f"{cell}-{optimizer}" for optimizer in study.grids.optimizer}
        for cell in study.grids.cell
    }
    for axis in AXES:
        own = getattr(study.base, axis)
        values = sorted([own, *getattr(study.grids, axis)])
        tables[axis] = {str(value): base if value == own else f"{axis}-{value}" for value in values}
    tables["compound"] = {"base": base, "compound": "compound"}
    tables["attention"] = {"base": base, "attention": "attention"}
    tables["experiment"] = {"base": base, "experiment": "experiment"}
    return tables


def _open_rows(params: Params) -> Rows:
    """The tables beyond the published ones: the baselines, and what the source leaves open."""
    study = params.study
    bases = {cell: f"{cell}-{study.base.optimizer}" for cell in study.grids.cell}
    beside = bases | {name: name for name in get_args(Baseline)}
    tables: Rows = {"baselines": beside, "champion": {"champion": "champion"} | beside}
    for axis in ("init", "keep_epoch", "stop_words"):
        rows: dict[str, str] = {}
        for cell, base in bases.items():
            others = {f"{cell}-{value}": f"{axis}-{value}-{cell}" for value in getattr(study.alternatives, axis)}
            rows |= {f"{cell}-{getattr(params, axis)}": base} | others
        if len(rows) > len(bases):
            tables[axis] = rows
    for split in study.alternatives.split:
        names = [*study.grids.cell, *get_args(Baseline)]
        tables[f"{split}_split"] = {name: f"split-{split}-{name}" for name in names}
    if study.tuning.seeds:
        for cell in study.grids.cell:
            tables[f"{cell}_tuned"] = {str(name): f"tuned-{cell}-{name}" for name in study.grids.optimizer}
    return tables


def run_folders(params: Params, rows: Rows) -> Folders:
    """Every variant that stands in a table, and where its runs are: a folder a seed, but one for a baseline."""
    folders: Folders = {}
    for variants in rows.values():
        for variant in variants.values():
            if variant.rpartition("-")[2] in get_args(Baseline):
                folders[variant] = [variant]
            else:
                seeds = params.study.tuning.seeds if variant.startswith("tuned-") else params.seeds
                folders[variant] = [f"{variant}/{seed}" for seed in seeds]
    return folders


def trial_folders(params: Params) -> dict[str, str]:
    """The champion's trials by name, and where each is below models."""
    return {name: f"champion_trials/{params.seeds[0]}/{name}" for name in params.study.champion_trials.names}
