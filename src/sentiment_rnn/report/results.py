"""The results of each variant: its runs, and their summary statistics."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.evaluation.predictions import Predictions, read_predictions
from sentiment_rnn.report.statistics import Estimate, Row, Variance, estimate, shared_variances
from sentiment_rnn.study.variants import Rows

Tables = dict[str, dict[str, dict[str, Any]]]  # study -> row -> figure


class ResultsError(PipelineError):
    """The results of a variant are missing or incomplete."""


@dataclass(frozen=True)
class Runs:
    """The runs of one variant."""

    models: list[dict[str, Any]]  # the model.json of each
    curves: pd.DataFrame  # columns seed, epoch, split, loss, accuracy; empty for a bag of words
    predictions: Predictions  # of all runs, for the test reviews

    @property
    def settings(self) -> dict[str, Any]:
        """The hyperparameters; of a bag of words those that the validation reviews chose."""
        model = self.models[0]
        if "hyperparameters" in model:
            return dict(model["hyperparameters"])
        (kept,) = [trial for trial in model["trials"] if trial["kept"]]
        chosen = {name: value for name, value in kept.items() if name not in ("valid_accuracy", "kept")}
        return {"baseline": model["baseline"]} | chosen


@dataclass(frozen=True)
class Result(Runs):
    """Runs with their summary statistics on the test reviews."""

    accuracy: Estimate
    loss: Estimate
    variance: Variance | None  # of the seeds' accuracies, shared with other variants where that is allowed

    @property
    def correct(self) -> Row:
        """What a comparison of accuracies needs."""
        return self.predictions.correct, self.variance


def read_results(folders: dict[Path, tuple[int, ...]], not_pooled: Collection[str] = ()) -> dict[str, Result]:
    """The results of some variants, which share the variance of their seeds; those `not_pooled` add nothing to it.

    Raises:
        ResultsError: those of a variant are missing or incomplete.
    """
    return summarize({folder.name: read_runs(folder, seeds) for folder, seeds in folders.items()}, not_pooled)


def summarize(runs: dict[str, Runs], not_pooled: Collection[str] = ()) -> dict[str, Result]:
    """Summary statistics of some variants. Variants of one kind share the variance of their seeds."""
    groups = {name: _kind(name, of_variant) for name, of_variant in runs.items()}
    correct = {name: of_variant.predictions.correct for name, of_variant in runs.items()}
    losses = {name: of_variant.predictions.losses for name, of_variant in runs.items()}
    of_accuracy, of_loss = (
        shared_variances({name: values.mean(axis=1) for name, values in tables.items()}, groups, not_pooled)
        for tables in (correct, losses)
    )
    for variances in (of_accuracy, of_loss):  # a bag of words has no seeds, a network with one seed an unknown variance
        largest = max(filter(None, variances.values()), key=lambda one: one.value, default=None)
        variances |= {name: one or largest for name, one in variances.items() if groups[name] != name}
    return {
        name: Result(
            **vars(of_variant),
            accuracy=estimate(correct[name], of_accuracy[name]),
            loss=estimate(losses[name], of_loss[name]),
            variance=of_accuracy[name],
        )
        for name, of_variant in runs.items()
    }


def with_own_variance(results: dict[str, Result]) -> list[str]:
    """The variants with several seeds that share the variance of these with no other variant."""
    return [name for name, one in results.items() if one.variance and 1 < one.accuracy.n == one.variance.df + 1]


def _kind(name: str, runs: Runs) -> str:
    """The same for variants whose seeds can be expected to vary alike.

    They have in common the optimizer, the kind of network, the initialisation, and the number of epochs and of test
    reviews.
    """
    hyperparameters = runs.models[0].get("hyperparameters")
    if hyperparameters is None:
        return name
    settings = [hyperparameters.get(key) for key in ("optimizer", "init", "n_epochs")]
    return str([*settings, hyperparameters.get("cell") == "attention", len(runs.predictions.labels)])


def read_runs(folder: Path, seeds: tuple[int, ...]) -> Runs:
    """All runs of a variant, one in each seed's folder.

    Raises:
        ResultsError: a file is missing.
    """
    runs = [folder / str(seed) for seed in sorted(seeds)]
    if missing := [run for run in runs if not (run / "metrics.json").exists()]:
        raise ResultsError(
            f"{missing[0]}: these results are missing; `git checkout HEAD {folder}` brings back committed ones"
        )
    models = [json.loads((run / "model.json").read_text(encoding="utf-8")) for run in runs]
    curves = [
        _tidy(pd.read_csv(run / "curves.csv")).assign(seed=model["seed"])
        for run, model in zip(runs, models, strict=True)
        if (run / "curves.csv").exists()
    ]
    return Runs(models, pd.concat(curves) if curves else pd.DataFrame(), read_predictions(runs))


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


def row_figures(tables: Rows, results: dict[str, Result], published: Tables) -> Tables:
    """The estimates of each row, and the published figures where there are any."""
    figures: Tables = {}
    for table, rows in tables.items():
        sources = published.get(table, {})
        figures[table] = {
            row: {
                "variant": name,
                "accuracy": asdict(results[name].accuracy),
                "loss": asdict(results[name].loss),
                **({"published": sources[row]} if row in sources else {}),
            }
            for row, name in rows.items()
        }
    return figures


def is_inside(published: float, ours: Estimate) -> bool:
    """Whether a published value, of one run and given to three decimals, may lie in our prediction interval."""
    return ours.prediction_low - 0.0005 <= published <= ours.prediction_high + 0.0005


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
