"""What a model's answers on the test reviews are worth."""

from typing import Any

import numpy as np
import pandas as pd


def predictions(logits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """One row a review: label (1 positive), log_odds of positive, probability of positive.

    Args:
        logits: float [reviews, 2], of negative and positive.
        labels: int [reviews].
    """
    log_odds = logits[:, 1].astype(np.float64) - logits[:, 0].astype(np.float64)
    probability = np.exp(-np.logaddexp(0, -log_odds))
    return pd.DataFrame({"label": labels, "log_odds": log_odds, "probability": probability})


def test_metrics(predicted: pd.DataFrame) -> dict[str, Any]:
    """Mean cross-entropy in nats, accuracy, and the confusion counts, of what `predictions` returns."""
    label, log_odds = predicted["label"].to_numpy(), predicted["log_odds"].to_numpy()
    losses = np.logaddexp(0, np.where(label == 1, -log_odds, log_odds))
    says_positive, is_positive = log_odds > 0, label == 1
    true_positive, true_negative = (says_positive & is_positive).sum(), (~says_positive & ~is_positive).sum()
    return {
        "test_loss": float(losses.mean()),
        "test_accuracy": float((true_positive + true_negative) / len(label)),
        "true_positive": int(true_positive),
        "true_negative": int(true_negative),
        "false_positive": int((says_positive & ~is_positive).sum()),
        "false_negative": int((~says_positive & is_positive).sum()),
    }
