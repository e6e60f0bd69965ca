"""What the runs of each variant left, and what they come to together."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.evaluation.answers import Answers, read_answers
from sentiment_rnn.report.statistics import Estimate, estimate
from sentiment_rnn.study.variants import Rows

Tables = dict[str, dict[str, dict[str, Any]]]  # study -> row -> figure


@dataclass(frozen=True)
class Result:
    """What the runs of one variant came to on the test reviews.

    Attributes:
        models: the model.json of each run.
        curves: its learning curves: columns seed, epoch, split, loss, accuracy; empty for a bag of words.
        answers: of all runs.
        accuracy: of all runs.
        loss: of all runs.
    """

    models: list[dict[str, Any]]
    curves: pd.DataFrame
    answers: Answers
    accuracy: Estimate
    loss: Estimate

    @classmethod
    def of(cls, answers: Answers, models: list[dict[str, Any]], curves: pd.DataFrame | None = None) -> "Result":
        """From what was read."""
        curves = pd.DataFrame() if curves is None else curves
        return cls(models, curves, answers, estimate(answers.correct), estimate(answers.losses))

    @property
    def seeds(self) -> list[int | None]:
        """Of the runs; a bag of words has none."""
        return [model.get("seed") for model in self.models]

    @property
    def n_parameters(self) -> int:
        """Of a model."""
        return int(self.models[0]["n_parameters"])


def read_result(folder: Path) -> Result:
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
    return Result.of(read_answers(runs), models, pd.concat(curves) if curves else None)


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


def summarize(results: dict[str, Result], tables: Rows) -> Tables:
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
            figures |= {f"published_{measure}": value, f"published_{measure}_inside": is_inside(value, found)}
    return figures | {"n": result.accuracy.n, "n_reviews": result.accuracy.n_reviews}


def is_inside(published: float, found: Estimate) -> bool:
    """Whether a published value, which is given to three decimals, may lie in our interval."""
    return found.low - 0.0005 <= published <= found.high + 0.0005
