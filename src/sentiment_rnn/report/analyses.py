"""What a reader asks beyond the tables, from committed predictions: averaged seeds, thresholds, accuracy by length."""

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from sentiment_rnn.evaluation.calibration import Floats
from sentiment_rnn.evaluation.predictions import Predictions

LENGTHS = (0, 0.25, 0.5, 0.75, 1, np.inf)  # edges, as shares of the tokens that a model reads


def averaged_seeds(predictions: Predictions) -> list[float]:
    """Accuracy of 1, 2, ... runs whose log-odds are averaged: the mean over all choices of so many runs."""
    n_runs = len(predictions.log_odds)
    choices = [list(combinations(range(n_runs), size)) for size in range(1, n_runs + 1)]
    means = [[predictions.log_odds[list(runs)].mean(axis=0) for runs in of_size] for of_size in choices]
    return [float(Predictions(predictions.labels, np.array(of_size)).correct.mean()) for of_size in means]


def best_threshold(log_odds: Floats, is_positive: NDArray[np.bool_]) -> float:
    """The threshold of the log-odds [reviews] with the highest accuracy: of equal ones the nearest to zero."""
    order = np.argsort(log_odds, kind="stable")
    ranked, is_positive = log_odds[order], is_positive[order]
    n_correct = is_positive.sum() + np.concatenate([[0], np.where(is_positive, -1, 1).cumsum()])
    thresholds = np.concatenate([[ranked[0] - 1], (ranked[1:] + ranked[:-1]) / 2, [ranked[-1]]])
    best = thresholds[n_correct == n_correct.max()]
    return float(best[np.abs(best).argmin()])


def with_threshold(test: Predictions, valid: Predictions) -> Predictions:
    """The test predictions, less the threshold that the validation reviews choose for each run."""
    thresholds = [best_threshold(run, valid.labels == 1) for run in valid.log_odds]
    return Predictions(test.labels, test.log_odds - np.array(thresholds)[:, None])


def by_length(
    n_tokens: NDArray[np.int64], max_length: int, predictions: dict[str, Predictions]
) -> dict[tuple[float, float], dict[str, float]]:
    """The number of reviews with more than so many tokens, up to so many, and the accuracy of each model on them."""
    groups = {}
    for low, high in pairwise(max_length * share for share in LENGTHS):
        is_in = (n_tokens > low) & (n_tokens <= high)
        if is_in.any():
            accuracies = {name: of_model.correct[:, is_in].mean() for name, of_model in predictions.items()}
            groups[low, high] = {"reviews": int(is_in.sum())} | accuracies
    return groups
