"""The study's tables: which variant stands in which row, what its runs gave, and what the source published."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from sentiment_rnn.params import AXES, Params

Tables = dict[str, dict[str, dict[str, Any]]]  # study -> row -> figure


def study_rows(params: Params) -> dict[str, dict[str, str]]:
    """The tables in order: study -> row -> name of the variant. The base stands in each table that it belongs to."""
    study = params.study
    base = f"{study.base.cell}-{study.base.optimizer}"
    tables: dict[str, dict[str, str]] = {
        f"{cell}_optimizers": {str(optimizer): f"{cell}-{optimizer}" for optimizer in study.grids.optimizer}
        for cell in study.grids.cell
    }
    for axis in AXES:
        own = getattr(study.base, axis)
        values = sorted([own, *getattr(study.grids, axis)])
        tables[axis] = {str(value): base if value == own else f"{axis}-{value}" for value in values}
    return tables | {"compound": {"compound": "compound"}, "experiment": {"experiment": "experiment"}}


def read_runs(models: Path, evaluations: Path, variants: list[str], seeds: list[int]) -> pd.DataFrame:
    """One row per variant and seed: what its model.json and its metrics.json say."""
    rows = []
    for variant in variants:
        for seed in seeds:
            model = _read_json(models / variant / str(seed) / "model.json")
            metrics = _read_json(evaluations / variant / str(seed) / "metrics.json")
            about = {name: model[name] for name in ("n_parameters", "best_epoch", "trained_on")}
            rows.append({"variant": variant, "seed": seed, **about, **metrics})
    return pd.DataFrame(rows)


def read_curves(models: Path, rows: dict[str, str], seeds: list[int]) -> pd.DataFrame:
    """The learning curves of a study, tidy: variant (the row's name), seed, epoch, split, loss, accuracy."""
    parts = []
    for row, variant in rows.items():
        for seed in seeds:
            curves = pd.read_csv(models / variant / str(seed) / "curves.csv")
            for split in ("train", "valid"):
                part = curves[["epoch", f"{split}_loss", f"{split}_accuracy"]].set_axis(
                    ["epoch", "loss", "accuracy"], axis=1
                )
                parts.append(part.assign(variant=row, seed=seed, split=split))
    return pd.concat(parts)[["variant", "seed", "epoch", "split", "loss", "accuracy"]]


def summarize(runs: pd.DataFrame, tables: dict[str, dict[str, str]]) -> Tables:
    """Mean over the seeds of test_loss and test_accuracy and their number n; their standard deviation if n > 1."""
    by_variant = dict(list(runs.groupby("variant")))
    return {
        study: {row: _over_seeds(by_variant[variant]) for row, variant in rows.items()}
        for study, rows in tables.items()
    }


def _over_seeds(runs: pd.DataFrame) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in ("test_loss", "test_accuracy"):
        figures[name] = float(runs[name].mean())
        if len(runs) > 1:
            figures[f"{name}_std"] = float(runs[name].std())
    return figures | {"n": len(runs)}


def read_published(path: Path) -> dict[str, Any]:
    """The source's figures, as data/published.yaml has them."""
    content: dict[str, Any] = YAML(typ="safe").load(path)
    return content


def published_tables(published: dict[str, Any]) -> Tables:
    """The source's tables with the same studies and rows as ours; a row whose axis value it does not state is None."""
    tables: Tables = {}
    for study, entries in published["studies"].items():
        axis = "optimizer" if study.endswith("_optimizers") else study
        tables[study] = {
            str(entry.get(axis, study)): {name: entry[name] for name in ("test_loss", "test_accuracy")}
            for entry in entries
        }
    return tables


def beside_published(tables: Tables, published: Tables) -> dict[str, dict[str, Any]]:
    """The figures of each row, by `study.row`, and beside them the published ones where there are any."""
    together = {}
    for study, rows in tables.items():
        for row, figures in rows.items():
            source = published.get(study, {}).get(row, {})
            together[f"{study}.{row}"] = figures | {name.replace("test", "published"): x for name, x in source.items()}
    return together


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
