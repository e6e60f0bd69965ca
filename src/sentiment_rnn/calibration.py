"""Whether a probability means what it says: reliability diagram and expected calibration error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from sentiment_rnn.evaluation import Answers, Floats
from sentiment_rnn.statistics import CONFIDENCE

N_BINS = 10
N_RESAMPLES = 400


@dataclass(frozen=True)
class Calibration:
    """The answers of a variant's runs, all together, by their probability of positive in ten bins of one width.

    Attributes:
        probability: float [bins that hold an answer], its mean.
        positive: float [the same bins], the share of positive reviews.
        share: float [the same bins], of all answers.
        error: the expected calibration error (Naeini et al. 2015, for the positive label): the mean over the answers
            of their bins' distance between the two; 0 where every probability is right.
        low: lower end of the error's 95% interval, bootstrapped over the reviews.
        high: its upper end.
    """

    probability: Floats
    positive: Floats
    share: Floats
    error: float
    low: float
    high: float

    @classmethod
    def of(cls, answers: Answers) -> "Calibration":
        """Of the answers of one or several runs."""
        probability, labels = answers.probability, np.broadcast_to(answers.labels, answers.log_odds.shape)
        count, said, true = _bins(probability.ravel(), labels.ravel())
        is_used = count > 0
        # whole reviews are drawn, with the answers of all runs; `basic`: drawing again adds to the error
        found = bootstrap(
            (np.arange(len(answers.labels)),),
            lambda drawn: _error(probability[:, drawn].ravel(), labels[:, drawn].ravel()),
            vectorized=False,
            n_resamples=N_RESAMPLES,
            confidence_level=CONFIDENCE,
            method="basic",
            rng=0,
        ).confidence_interval
        return cls(
            probability=said[is_used] / count[is_used],
            positive=true[is_used] / count[is_used],
            share=count[is_used] / count.sum(),
            error=_error(probability.ravel(), labels.ravel()),
            low=max(0.0, float(found.low)),
            high=float(found.high),
        )


def _error(probability: Floats, labels: NDArray[np.int64]) -> float:
    count, said, true = _bins(probability, labels)
    return float(np.abs(said - true).sum() / count.sum())


def _bins(probability: Floats, labels: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """By bin: how many answers, the sum of their probabilities, the number of positive reviews."""
    places = np.minimum((probability * N_BINS).astype(int), N_BINS - 1)

    def sums(values: NDArray[Any]) -> Floats:
        return np.bincount(places, weights=values, minlength=N_BINS).astype(np.float64)

    return sums(np.ones_like(probability)), sums(probability), sums(labels)
