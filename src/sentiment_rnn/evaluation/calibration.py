"""Whether probabilities match frequencies: reliability diagram and expected calibration error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

N_BINS = 10
N_DRAWS = 400


@dataclass(frozen=True)
class Calibration:
    """The predictions of a variant's runs in ten bins of equal width, by their probability of positive.

    Attributes:
        probability: float [bins that are not empty], mean probability; all runs together.
        positive: float [the same bins], share of positive reviews.
        share: float [the same bins], share of all predictions.
        errors: float [runs], expected calibration error of each.
        by_chance: central 95% of the errors of a perfectly calibrated run: with a finite number of reviews none is 0
            (consistency resampling, Broecker and Smith 2007).
    """

    probability: Floats
    positive: Floats
    share: Floats
    errors: Floats
    by_chance: tuple[float, float]

    @classmethod
    def from_predictions(cls, probability: Floats, labels: Labels) -> "Calibration":
        """From probabilities [runs, reviews] and labels [reviews]; NaN, of a run that diverged, is left out."""
        count, predicted, positive = np.sum([_bins(run, labels) for run in probability], axis=0)
        is_used = count > 0
        return cls(
            probability=predicted[is_used] / count[is_used],
            positive=positive[is_used] / count[is_used],
            share=count[is_used] / count.sum(),
            errors=np.array([calibration_error(run, labels) for run in probability]),
            by_chance=_by_chance(probability[0]),
        )


def calibration_error(probability: Floats, labels: NDArray[Any]) -> float:
    """Expected calibration error of one run (Naeini et al. 2015, for the positive label).

    The mean over all predictions of the distance, in their bin, between mean probability and share of positive
    reviews; NaN if every probability is NaN.
    """
    count, predicted, positive = _bins(probability, labels)
    return float(np.abs(predicted - positive).sum() / count.sum()) if count.any() else float("nan")


def _by_chance(probability: Floats) -> tuple[float, float]:
    random = np.random.default_rng(0)
    draws = [calibration_error(probability, random.random(len(probability)) < probability) for _ in range(N_DRAWS)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _bins(probability: Floats, labels: NDArray[Any]) -> Floats:
    """[3, bins]: number of predictions, sum of their probabilities, number of positive reviews."""
    is_number = ~np.isnan(probability)
    bins = np.minimum((probability[is_number] * N_BINS).astype(int), N_BINS - 1)
    columns = (np.ones(len(bins)), probability[is_number], labels[is_number])
    return np.stack([np.bincount(bins, weights=column, minlength=N_BINS) for column in columns])
