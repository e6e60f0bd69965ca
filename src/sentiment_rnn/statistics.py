"""Estimates and paired comparisons that carry both kinds of noise: the seed's, and that of the test reviews.

Every figure is a mean over a table of values [seeds, reviews]: right or wrong, or the loss, of each seed's model on
each test review. Seeds and reviews are both samples, so the table is a two-way crossed random-effects layout (Searle,
Casella and McCulloch, Variance Components, 1992): the variance of its mean is the seeds' part plus the reviews' part,
less the interaction, which both of them count. The quantiles are Student's t with Satterthwaite's degrees of freedom
(1946), so that three seeds count as three and no more. A comparison is the same with the difference of two tables,
review by review: with one seed each it is McNemar's test.

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
    """The first mean less the second on the same reviews, with its 95% interval and two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def estimate(values: Values) -> Estimate:
    """The mean of a table [seeds, reviews]."""
    mean, error, degrees = _mean_and_error(values)
    margin = _quantile(degrees) * error
    std = float(values.mean(axis=1).std(ddof=1)) if len(values) > 1 else None
    return Estimate(mean, mean - margin, mean + margin, std, *values.shape)


def compare(first: Values, second: Values) -> Comparison:
    """Two tables [seeds, reviews] of the same reviews; the numbers of seeds may differ.

    Raises:
        ValueError: the tables are not of the same reviews.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"{first.shape[1]} reviews cannot be paired with {second.shape[1]}")
    difference, error, degrees = _mean_and_error(first, second)
    if error == 0:  # the same answers everywhere, or answers that differ everywhere alike
        return Comparison(difference, difference, difference, float(difference == 0))
    margin = _quantile(degrees) * error
    p_value = float(2 * stats.t.sf(abs(difference) / error, degrees))
    return Comparison(difference, difference - margin, difference + margin, p_value)


def holm(p_values: list[float]) -> list[float]:
    """The p-values of one family, adjusted for their number (Holm 1979)."""
    adjusted: list[float] = multipletests(p_values, method="holm")[1].tolist() if p_values else []
    return adjusted


def _quantile(degrees: float) -> float:
    return float(stats.t.ppf(1 - ALPHA / 2, degrees))


def _mean_and_error(*tables: Values) -> tuple[float, float, float]:
    """The mean of a table, or the difference of two; its standard error, and the degrees of freedom of that."""
    n_reviews = tables[0].shape[1]
    of_seeds, interaction = [0.0 for _ in tables], 0.0
    for place, table in enumerate(tables):
        n, means = len(table), table.mean(axis=1, keepdims=True)
        if n > 1:
            residuals = table - means - table.mean(axis=0) + means.mean()
            of_seeds[place] = float(means.var(ddof=1)) / n
            interaction += float((residuals**2).sum()) / ((n - 1) * (n_reviews - 1)) / (n * n_reviews)
    by_review = [table.mean(axis=0) for table in tables]
    contrast = by_review[0] - by_review[1] if len(tables) > 1 else by_review[0]
    of_reviews = float(contrast.var(ddof=1)) / n_reviews
    # neither part is less than nothing, whatever the estimate of the interaction
    variance = max(sum(of_seeds) + of_reviews - interaction, sum(of_seeds), of_reviews)
    parts = [(of_reviews, n_reviews - 1), *((part, len(t) - 1) for part, t in zip(of_seeds, tables, strict=True))]
    spread = sum(part**2 / degrees for part, degrees in parts if part)
    mean = float(tables[0].mean() - (tables[1].mean() if len(tables) > 1 else 0))
    return mean, math.sqrt(variance), variance**2 / spread if spread else math.inf
