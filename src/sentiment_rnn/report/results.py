"""What the runs of each variant left, and what they come to together."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.evaluation.answers import Answers, read_answers
from sentiment_rnn.report.statistics import Estimate, Values, Variance, estimate, shared_variances
from sentiment_rnn.study.variants import Rows

Tables = dict[str, dict[str, dict[str, Any]]]  # study -> row -> figure


@dataclass(frozen=True)
class Runs:
    """What the runs of one variant left.

    Attributes:
        models: the model.json of each run.
        curves: its learning curves: columns seed, epoch, split, loss, accuracy; empty for a bag of words.
        answers: of all runs, on the test reviews.
    """

    models: list[dict[str, Any]]
    curves: pd.DataFrame
    answers: Answers

    @property
    def seeds(self) -> list[int | None]:
        """Of the runs; a bag of words has none."""
        return [model.get("seed") for model in self.models]

    @property
    def n_parameters(self) -> int:
        """Of a model."""
        return int(self.models[0]["n_parameters"])


@dataclass(frozen=True)
class Result(Runs):
    """And what they come to.

    Attributes:
        accuracy: on the test reviews.
        loss: likewise.
        variance: of the accuracies of its seeds, shared with other variants where that is allowed.
    """

    accuracy: Estimate
    loss: Estimate
    variance: Variance | None

    @property
    def correct(self) -> tuple[Values, Variance | None]:
        """What a comparison of accuracies needs."""
        return self.answers.correct, self.variance


def read_results(folders: dict[str, Path], guests: Collection[str] = ()) -> dict[str, Result]:
    """The results of some variants, which share the variance of their seeds.

    Args:
        folders: of the evaluations of each variant: one below it for each seed.
        guests: variants that add nothing to what the others share.
    """
    return summarize({name: read_runs(folder) for name, folder in folders.items()}, guests)


def summarize(runs: dict[str, Runs], guests: Collection[str] = ()) -> dict[str, Result]:
    """What the runs of some variants come to. Variants of one kind share the variance of their seeds."""
    groups = {name: _kind(name, found) for name, found in runs.items()}
    accuracies_of_runs = {name: found.answers.correct.mean(axis=1) for name, found in runs.items()}
    losses_of_runs = {name: found.answers.losses.mean(axis=1) for name, found in runs.items()}
    accuracies, losses = (shared_variances(means, groups, guests) for means in (accuracies_of_runs, losses_of_runs))
    return {
        name: Result(
            **vars(found),
            accuracy=estimate(found.answers.correct, accuracies[name]),
            loss=estimate(found.answers.losses, losses[name]),
            variance=accuracies[name],
        )
        for name, found in runs.items()
    }


def _kind(name: str, runs: Runs) -> str:
    """The same for variants whose seeds can be expected to vary alike.

    Those have in common the optimizer, the kind of network, the initialisation, and how many epochs and test reviews.
    """
    model = runs.models[0]
    if "hyperparameters" not in model:
        return name
    network = [model["hyperparameters"].get(key) for key in ("optimizer", "head")]
    network.append(model["hyperparameters"].get("cell") == "attention")
    return str([*network, model.get("init"), model.get("n_epochs"), len(runs.answers.labels)])


def read_runs(folder: Path) -> Runs:
    """All runs of a variant.

    Args:
        folder: of its evaluations: one below it for each seed.
    """
    runs = [folder / str(seed) for seed in sorted(int(path.name) for path in folder.iterdir())]
    models = [json.loads((run / "model.json").read_text(encoding="utf-8")) for run in runs]
    curves = [
        _tidy(pd.read_csv(run / "curves.csv")).assign(seed=model["seed"])
        for run, model in zip(runs, models, strict=True)
        if (run / "curves.csv").exists()
    ]
    return Runs(models, pd.concat(curves) if curves else pd.DataFrame(), read_answers(runs))


def _tidy(curves: pd.DataFrame) -> pd.DataFrame:
    """A row for each epoch and split."""
    parts = [
        curves[["epoch", f"{split}_loss", f"{split}_accuracy"]]
        .set_axis(["epoch", "loss", "accuracy"], axis=1)
        .assign(split=split)
        for split in ("train", "valid")
    ]
    return pd.concat(parts)


def study_curves(rows: dict[str, str], results: dict[str, Result]) -> pd.DataFrame:
    """The learning curves of a study: columns variant (the row's name), seed, epoch, split, loss, accuracy."""
    parts = [results[name].curves.assign(variant=row) for row, name in rows.items() if len(results[name].curves)]
    columns = ["variant", "seed", "epoch", "split", "loss", "accuracy"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def means(results: dict[str, Result], tables: Rows) -> Tables:
    """Mean over the seeds of test_loss and test_accuracy."""
    return {
        study: {
            row: {"test_loss": results[name].loss.mean, "test_accuracy": results[name].accuracy.mean}
            for row, name in rows.items()
        }
        for study, rows in tables.items()
    }


def row_figures(tables: Rows, results: dict[str, Result], published: Tables) -> Tables:
    """The figures of each row with their intervals, and the published ones beside them where there are any."""
    return {
        study: {row: _figures(name, results[name], published.get(study, {}).get(row)) for row, name in rows.items()}
        for study, rows in tables.items()
    }


def _figures(name: str, result: Result, source: dict[str, Any] | None) -> dict[str, Any]:
    figures: dict[str, Any] = {"variant": name}
    for measure, found in (("accuracy", result.accuracy), ("loss", result.loss)):
        figures |= {f"test_{measure}": found.mean, f"{measure}_low": found.low, f"{measure}_high": found.high}
        if found.std is not None:
            figures[f"{measure}_std"] = found.std
        if source:
            value = source[f"test_{measure}"]
            figures |= {f"run_{measure}_low": found.run_low, f"run_{measure}_high": found.run_high}
            figures |= {f"published_{measure}": value, f"published_{measure}_inside": is_inside(value, found)}
    return figures | {"n": result.accuracy.n, "n_reviews": result.accuracy.n_reviews}


def is_inside(published: float, found: Estimate) -> bool:
    """Whether a published value, of one run and given to three decimals, may lie in our interval for one run."""
    return found.run_low - 0.0005 <= published <= found.run_high + 0.0005


def published_tables(published: dict[str, Any]) -> Tables:
    """The source's tables with the same studies and rows as ours, but for rows whose axis value it does not state."""
    tables: Tables = {}
    for study, entries in published["studies"].items():
        axis = "optimizer" if study.endswith("_optimizers") else study
        tables[study] = {
            str(entry.get(axis, study)): {name: entry[name] for name in ("test_loss", "test_accuracy")}
            for entry in entries
            if entry.get(axis, study) is not None
        }
    return tables
