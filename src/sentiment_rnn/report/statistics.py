"""Estimates and paired comparisons that carry both kinds of noise: the seed's, and that of the test reviews.

Every figure is a mean over a table of values [seeds, reviews]: right or wrong, or the loss, of each seed's model on
each test review. Seeds and reviews are both samples, so the table is a two-way crossed random-effects layout (Searle,
Casella and McCulloch, Variance Components, 1992): the variance of its mean is the seeds' part plus the reviews' part,
less the interaction, which both of them count. The quantiles are Student's t with Satterthwaite's degrees of freedom
(1946), so that three seeds count as three and no more.

A comparison is the same on the difference of two tables, paired by review and by seed: two trainings with one seed see
the reviews in the same order. With one seed it is, in large samples, McNemar's test.

What a variant is trained on is not varied: the intervals are for one split.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE

Values = NDArray[np.float64]  # [seeds, reviews]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and test reviews, with its 95% interval.

    Attributes:
        mean: over both.
        low: lower end of the interval.
        high: upper end.
        std: standard deviation of the seeds' own means; None where there is one seed, whose interval holds the
            reviews' noise alone.
        n: seeds.
        n_reviews: test reviews.
    """

    mean: float
    low: float
    high: float
    std: float | None
    n: int
    n_reviews: int


@dataclass(frozen=True)
class Comparison:
    """The first mean less the second, with its 95% interval and two-sided p-value.

    Attributes:
        difference: of the means.
        low: lower end of the interval.
        high: upper end.
        p_value: of no difference.
        n: seeds.
        n_reviews: test reviews.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    n_reviews: int


def estimate(values: Values) -> Estimate:
    """The mean of a table [seeds, reviews]."""
    error, degrees = _error_of_mean(values)
    mean, margin = float(values.mean()), _quantile(degrees) * error
    std = float(values.mean(axis=1).std(ddof=1)) if len(values) > 1 else None
    return Estimate(mean, mean - margin, mean + margin, std, *values.shape)


def compare(first: Values, second: Values) -> Comparison:
    """Two tables [seeds, reviews] of the same seeds and reviews; a table of one row stands for each of the seeds.

    Raises:
        ValueError: the tables cannot be paired.
    """
    if first.shape[1] != second.shape[1] or (len(first) != len(second) and 1 not in (len(first), len(second))):
        raise ValueError(f"tables of {first.shape} and {second.shape} [seeds, reviews] cannot be paired")
    values = first - second
    error, degrees = _error_of_mean(values)
    difference, margin = float(values.mean()), _quantile(degrees) * error
    # without error: the same answers everywhere, or answers that differ everywhere alike
    p_value = float(2 * stats.t.sf(abs(difference) / error, degrees)) if error else float(difference == 0)
    return Comparison(difference, difference - margin, difference + margin, p_value, *values.shape)


def holm(p_values: list[float]) -> list[float]:
    """The p-values of one family, adjusted for their number (Holm 1979)."""
    adjusted: list[float] = multipletests(p_values, method="holm")[1].tolist() if p_values else []
    return adjusted


def _quantile(degrees: float) -> float:
    return float(stats.t.ppf(1 - ALPHA / 2, degrees))


def _error_of_mean(values: Values) -> tuple[float, float]:
    """The standard error of a table's mean, and its degrees of freedom."""
    n, n_reviews = values.shape
    of_reviews = float(values.mean(axis=0).var(ddof=1)) / n_reviews
    if n == 1:
        return math.sqrt(of_reviews), n_reviews - 1
    means = values.mean(axis=1, keepdims=True)
    of_seeds = float(means.var(ddof=1)) / n
    residuals = values - means - values.mean(axis=0) + means.mean()
    interaction = float((residuals**2).sum()) / ((n - 1) * (n_reviews - 1)) / (n * n_reviews)
    # neither part is less than nothing, whatever the estimate of the interaction
    variance = max(of_seeds + of_reviews - interaction, of_seeds, of_reviews)
    spread = of_seeds**2 / (n - 1) + of_reviews**2 / (n_reviews - 1)
    return math.sqrt(variance), variance**2 / spread if spread else math.inf
