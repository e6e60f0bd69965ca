"""What a reader asks beyond the tables, from committed predictions: averaged seeds, thresholds, accuracy by length."""

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from sentiment_rnn.evaluation.calibration import Floats
from sentiment_rnn.evaluation.predictions import Predictions

LARGEST = 5  # ensemble of seeds: the number of choices grows fast
LENGTHS = (0.25, 0.5, 0.75, 1)  # edges, as shares of the tokens that a model reads


def averaged_seeds(predictions: Predictions) -> list[float]:
    """Accuracy of 1, 2, ... runs whose log-odds are averaged: the mean over all choices of so many runs."""
    labels, log_odds = predictions.labels, predictions.log_odds
    accuracies = []
    for size in range(1, min(len(log_odds), LARGEST) + 1):
        averages = (log_odds[list(runs)].mean(axis=0) for runs in combinations(range(len(log_odds)), size))
        accuracies.append(float(np.mean([Predictions(labels, average[None]).correct.mean() for average in averages])))
    return accuracies


def best_threshold(log_odds: Floats, is_positive: NDArray[np.bool_]) -> float:
    """The threshold of the log-odds [reviews] with the highest accuracy.

    Of equally good ones it is zero, or else the nearest to zero of those halfway between two reviews.
    """
    order = np.argsort(log_odds, kind="stable")
    order = order[~np.isnan(log_odds[order])]
    ranked, is_positive = log_odds[order], is_positive[order]
    n_correct = is_positive.sum() + np.concatenate([[0], np.where(is_positive, -1, 1).cumsum()])
    ends = np.concatenate([[-np.inf], ranked, [np.inf]])
    is_cut = ends[1:] > ends[:-1]  # there is no threshold between equal log-odds
    halfway = np.concatenate([ranked[:1] - 1, (ranked[1:] + ranked[:-1]) / 2, ranked[-1:]])
    thresholds = np.where((ends[:-1] <= 0) & (ends[1:] > 0), 0, np.resize(halfway, len(n_correct)))[is_cut]
    best = thresholds[n_correct[is_cut] == n_correct[is_cut].max()]
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
    for low, high in pairwise([-1, *(max_length * share for share in LENGTHS), np.inf]):
        is_in = (n_tokens > low) & (n_tokens <= high)
        if is_in.any():
            accuracies = {name: of_model.correct[:, is_in].mean() for name, of_model in predictions.items()}
            groups[low, high] = {"reviews": int(is_in.sum())} | accuracies
    return groups
