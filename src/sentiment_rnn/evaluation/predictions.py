"""The predictions of a model, and their metrics."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_rnn.evaluation.calibration import Floats, Labels, calibration_error
from sentiment_rnn.files import write_json, writing

FILES = {"test": "predictions.csv", "valid": "validation_predictions.csv"}  # by part of the split


@dataclass(frozen=True)
class Predictions:
    """The predictions of one or several runs for the same reviews.

    Attributes:
        labels: int [reviews], 1 for positive.
        log_odds: float [runs, reviews], log-odds of positive.
    """

    labels: Labels
    log_odds: Floats

    @classmethod
    def from_logits(cls, logits: NDArray[np.floating[Any]], labels: Labels) -> "Predictions":
        """The predictions of one run, from logits [reviews, 2] of negative and positive."""
        return cls(labels, np.subtract(logits[:, 1], logits[:, 0], dtype=np.float64)[None])

    @cached_property
    def correct(self) -> Floats:
        """[runs, reviews]: 1 where the predicted label is the review's, else 0; log-odds that are NaN are wrong."""
        predicted_positive, is_positive = self.log_odds > 0, self.labels == 1
        is_correct = (predicted_positive == is_positive) & ~np.isnan(self.log_odds)
        correct: Floats = is_correct.astype(np.float64)
        return correct

    @cached_property
    def losses(self) -> Floats:
        """[runs, reviews]: cross-entropy in nats."""
        losses: Floats = np.logaddexp(0, np.where(self.labels == 1, -self.log_odds, self.log_odds))
        return losses

    @property
    def probability(self) -> Floats:
        """[runs, reviews]: probability of positive."""
        probability: Floats = np.exp(-np.logaddexp(0, -self.log_odds))
        return probability

    @property
    def confusion(self) -> dict[str, int]:
        """Counts over all runs. A wrong prediction, NaN included, counts as the other label."""
        n_runs, is_positive = len(self.log_odds), self.labels == 1
        true_positive, true_negative = (int(self.correct[:, part].sum()) for part in (is_positive, ~is_positive))
        return {
            "true_positive": true_positive,
            "true_negative": true_negative,
            "false_positive": n_runs * int((~is_positive).sum()) - true_negative,
            "false_negative": n_runs * int(is_positive.sum()) - true_positive,
        }


def test_metrics(predictions: Predictions) -> dict[str, Any]:
    """Mean cross-entropy in nats, accuracy, expected calibration error and confusion counts of one run."""
    return {
        "test_loss": float(predictions.losses.mean()),
        "test_accuracy": float(predictions.correct.mean()),
        "test_calibration_error": calibration_error(predictions.probability[0], predictions.labels),
        **predictions.confusion,
    }


def write_results(predictions: dict[str, Predictions], folder: Path) -> dict[str, Any]:
    """Write the predictions of one run, one review a row, and metrics.json.

    Four significant digits are small enough for git and change no probability by more than 0.0001. The metrics are
    those of the rounded predictions, so that they can be computed again from the files.

    Args:
        predictions: by part of the split: test and valid.
        folder: to write into.

    Returns:
        The metrics.
    """
    for part, of_part in predictions.items():
        table = pd.DataFrame({"label": of_part.labels, "log_odds": of_part.log_odds[0]})
        with writing(folder / FILES[part]):
            table.to_csv(folder / FILES[part], index=False, float_format="%.4g", lineterminator="\n")
    metrics = test_metrics(read_predictions([folder]))
    write_json(folder / "metrics.json", metrics)
    return metrics


def read_predictions(folders: list[Path], part: str = "test") -> Predictions:
    """The predictions of several runs for the same reviews: those of one part of the split."""
    tables = [pd.read_csv(folder / FILES[part]) for folder in folders]
    return Predictions(tables[0]["label"].to_numpy(), np.stack([table["log_odds"] for table in tables]))
