"""What a model's answers on the test reviews are worth."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """The answers of one or several runs on the same test reviews.

    Attributes:
        labels: int [reviews], 1 for positive.
        log_odds: float [runs, reviews], of positive.
    """

    labels: NDArray[np.int64]
    log_odds: Floats

    @cached_property
    def correct(self) -> Floats:
        """[runs, reviews]: 1 where the likelier label is the review's, 0 elsewhere; no number is no answer."""
        is_right = ((self.log_odds > 0) == (self.labels == 1)) & ~np.isnan(self.log_odds)
        correct: Floats = is_right.astype(np.float64)
        return correct

    @cached_property
    def losses(self) -> Floats:
        """[runs, reviews]: cross-entropy in nats."""
        losses: Floats = np.logaddexp(0, np.where(self.labels == 1, -self.log_odds, self.log_odds))
        return losses

    @property
    def probability(self) -> Floats:
        """[runs, reviews]: of positive."""
        probability: Floats = np.exp(-np.logaddexp(0, -self.log_odds))
        return probability


def answers_of(logits: NDArray[Any], labels: NDArray[np.int64]) -> Answers:
    """The answers of one run.

    Args:
        logits: float [reviews, 2], of negative and positive.
        labels: int [reviews].
    """
    return Answers(labels, (logits[:, 1].astype(np.float64) - logits[:, 0].astype(np.float64))[None])


def test_metrics(answers: Answers) -> dict[str, Any]:
    """Mean cross-entropy in nats, accuracy, and the confusion counts, of one run."""
    says_positive, is_positive = answers.log_odds[0] > 0, answers.labels == 1
    return {
        "test_loss": float(answers.losses.mean()),
        "test_accuracy": float(answers.correct.mean()),
        "true_positive": int((says_positive & is_positive).sum()),
        "true_negative": int((~says_positive & ~is_positive).sum()),
        "false_positive": int((says_positive & ~is_positive).sum()),
        "false_negative": int((~says_positive & is_positive).sum()),
    }


def write_evaluation(answers: Answers, folder: Path) -> dict[str, Any]:
    """Write predictions.csv (label, log_odds of positive: a row a review) and metrics.json of one run.

    Four significant digits are small enough for git and move no probability by more than 0.0001. The metrics are of
    what stands in the file, so that who reads it comes to the same.

    Returns:
        The metrics.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({"label": answers.labels, "log_odds": answers.log_odds[0]})
    table.to_csv(folder / "predictions.csv", index=False, float_format="%.4g")
    metrics = test_metrics(read_answers([folder]))
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def read_answers(folders: list[Path]) -> Answers:
    """The answers of several runs on the same test reviews, from their predictions.csv."""
    tables = [pd.read_csv(folder / "predictions.csv") for folder in folders]
    return Answers(tables[0]["label"].to_numpy(), np.stack([table["log_odds"] for table in tables]))
