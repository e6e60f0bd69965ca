"""Whether a probability means what it says: reliability diagram and expected calibration error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_rnn.evaluation.answers import Answers, Floats

N_BINS = 10
N_DRAWS = 400


@dataclass(frozen=True)
class Calibration:
    """The answers of a variant's runs by their probability of positive, in ten bins of one width.

    Attributes:
        probability: float [bins that hold an answer], its mean; all runs together.
        positive: float [the same bins], the share of positive reviews.
        share: float [the same bins], of all answers.
        errors: float [runs], the expected calibration error of each (Naeini et al. 2015, for the positive label): the
            mean over the answers of their bins' distance between the two.
        by_chance: 95% of the errors that a run would show if each of its probabilities were right: with a finite number
            of reviews none is 0 (consistency resampling, Broecker and Smith 2007).
    """

    probability: Floats
    positive: Floats
    share: Floats
    errors: Floats
    by_chance: tuple[float, float]

    @classmethod
    def of(cls, answers: Answers) -> "Calibration":
        """Of the answers of one or several runs; without those of a run that diverged, which are no numbers."""
        count, said, true = np.sum([_bins(run, answers.labels) for run in answers.probability], axis=0)
        is_used = count > 0
        return cls(
            probability=said[is_used] / count[is_used],
            positive=true[is_used] / count[is_used],
            share=count[is_used] / count.sum(),
            errors=np.array([_error(run, answers.labels) for run in answers.probability]),
            by_chance=_by_chance(answers.probability[0]),
        )


def _by_chance(probability: Floats) -> tuple[float, float]:
    random = np.random.default_rng(0)
    drawn = [_error(probability, random.random(len(probability)) < probability) for _ in range(N_DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _error(probability: Floats, labels: NDArray[Any]) -> float:
    count, said, true = _bins(probability, labels)
    return float(np.abs(said - true).sum() / count.sum())


def _bins(probability: Floats, labels: NDArray[Any]) -> Floats:
    """[3, bins]: how many answers, the sum of their probabilities, the number of positive reviews."""
    is_number = ~np.isnan(probability)
    places = np.minimum((probability[is_number] * N_BINS).astype(int), N_BINS - 1)
    columns = (np.ones(len(places)), probability[is_number], labels[is_number])
    return np.stack([np.bincount(places, weights=column, minlength=N_BINS) for column in columns])
