"""Estimates and comparisons that carry both kinds of noise: that of the seeds, and that of the test reviews.

Every figure is a mean over a table of values [seeds, reviews]: right or wrong, or the loss, of each seed's model on
each test review. Seeds and reviews are both samples, so the table is a two-way crossed random-effects layout (Searle,
Casella and McCulloch, Variance Components, 1992): value = mean + seed + review + rest. For two rows 1 and 2

    difference = mean of table 1 - mean of table 2
    variance   = S1 / n1 + S2 / n2 + B / R

S is the variance of the seeds' own means (it holds the seed's part and that of the rest), n the number of seeds, R the
number of reviews, and B the variance between reviews: the variance of the R differences of the reviews' means, less
what the rest adds to it. The reviews are the same for both rows, so B is that of paired differences. For one row the
second table is nothing.

Five seeds tell little of a variance, so rows share theirs. S is the pooled variance of all rows with the same
optimizer, if Bartlett's test (1937) finds no difference between them at 5%, and each row's own otherwise. A row
with one seed has the pooled variance, too. `make coverage` shows by simulation at the study's sizes how often such
intervals cover, and what else was tried.

The quantiles are Student's t with Satterthwaite's degrees of freedom (1946). Two one-sided tests show that two rows do
not differ by as much as a margin (Lakens, Equivalence Tests, 2017), each at 2.5%: so they show it where the 95%
interval is within the margin, and what the interval shows is what the tests find. Where no row has a second seed, an
interval is that of the reviews alone, and a comparison is in large samples McNemar's test.

What a variant is trained on is not varied: the intervals are for one split.
"""

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE

Values = NDArray[np.float64]  # [seeds, reviews]
Means = NDArray[np.float64]  # [seeds]


@dataclass(frozen=True, eq=False)  # two estimates that come out equal are two
class Variance:
    """An estimate of a variance.

    Attributes:
        value: the estimate.
        degrees: its degrees of freedom.
    """

    value: float
    degrees: float


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and test reviews, with its 95% interval.

    Attributes:
        mean: over both.
        low: lower end of the interval.
        high: upper end.
        run_low: lower end of the interval for a single run, with another seed and as many other test reviews.
        run_high: its upper end.
        std: standard deviation of the seeds' own means; None where there is one seed.
        n: seeds.
        n_reviews: test reviews.
    """

    mean: float
    low: float
    high: float
    run_low: float
    run_high: float
    std: float | None
    n: int
    n_reviews: int


@dataclass(frozen=True)
class Comparison:
    """The first mean less the second.

    Attributes:
        difference: of the means.
        error: its standard error.
        low: lower end of the interval.
        high: upper end.
        p_value: two-sided, of no difference: below 5% if the interval does not have 0.
        p_equivalence: of a difference as large as the margin, or larger: twice the larger p of the two one-sided tests,
            so it is below 5% if the interval is within the margin.
    """

    difference: float
    error: float
    low: float
    high: float
    p_value: float
    p_equivalence: float


def own_variance(means: Means) -> Variance | None:
    """That of the means of one row's seeds; None where there is one seed."""
    return Variance(float(means.var(ddof=1)), len(means) - 1) if len(means) > 1 else None


def shared_variances(
    means: dict[str, Means], groups: dict[str, str], guests: Collection[str] = ()
) -> dict[str, Variance | None]:
    """For each row the pooled variance of its group, if the rows' own are equal as far as one can tell; else its own.

    Args:
        means: of each row's seeds.
        groups: the group of each row.
        guests: rows that add nothing to the variance of their group, and are given it unless their own is larger at 5%.
            In a group of guests alone they are rows like all others.
    """
    hosts = {groups[row] for row in means if row not in guests}
    visitors = {row for row in guests if groups[row] in hosts}
    members: dict[str, list[Means]] = defaultdict(list)
    for row, found in means.items():
        if len(found) > 1 and np.isfinite(found).all() and row not in visitors:
            members[groups[row]].append(found)
    pooled = {group: _pooled(rows) for group, rows in members.items() if _is_homogeneous(rows)}
    variances = {}
    for row, found in means.items():
        own, shared = own_variance(found), pooled.get(groups[row])
        is_shared = shared and np.isfinite(found).all() and not (row in visitors and _is_larger(own, shared))
        variances[row] = shared if is_shared else own
    return variances


def _is_larger(own: Variance | None, shared: Variance) -> bool:
    """Whether the F test finds a row's own variance larger at 5%."""
    return own is not None and own.value > shared.value * float(stats.f.isf(ALPHA, own.degrees, shared.degrees))


def _is_homogeneous(rows: list[Means]) -> bool:
    """Whether Bartlett's test finds no difference between the variances of the rows at 5%.

    Two seeds can come to the same by chance. The test has no answer to that, so such rows are left out of it.
    """
    varying = [row for row in rows if np.ptp(row) > 0]
    return len(varying) < 2 or bool(stats.bartlett(*varying).pvalue >= ALPHA)


def _pooled(rows: list[Means]) -> Variance:
    degrees = sum(len(row) - 1 for row in rows)
    return Variance(sum(float(row.var()) * len(row) for row in rows) / degrees, degrees)


def estimate(values: Values, variance: Variance | None) -> Estimate:
    """The mean of a table [seeds, reviews].

    Args:
        values: of one row.
        variance: of its seeds; None leaves them out.
    """
    mean, of_reviews, own = float(values.mean()), (1.0, _review_part(values)), own_variance(values.mean(axis=1))
    seeds = [(1 / len(values), variance)] if variance else []
    half = _half_width([*seeds, of_reviews])
    run = _half_width([*seeds, of_reviews, *((1.0, found) for _, found in seeds), of_reviews])
    std = math.sqrt(own.value) if own else None
    return Estimate(mean, mean - half, mean + half, mean - run, mean + run, std, *values.shape)


def compare(
    first: tuple[Values, Variance | None],
    second: tuple[Values, Variance | None],
    margin: float,
    n_comparisons: int = 1,
) -> Comparison:
    """Two rows on the same reviews.

    Args:
        first: its table [seeds, reviews], and the variance of its seeds.
        second: likewise.
        margin: a difference below it is none.
        n_comparisons: intervals and p-values are corrected for so many (Bonferroni): all intervals hold together.

    Raises:
        ValueError: the tables are not of the same reviews.
    """
    if first[0].shape[1] != second[0].shape[1]:
        raise ValueError(f"tables of {first[0].shape} and {second[0].shape} [seeds, reviews] cannot be compared")
    parts = [(1 / len(values), variance) for values, variance in (first, second) if variance]
    parts += [(1.0, _review_part(first[0], second[0]))]
    if np.array_equal(first[0], second[0]):
        parts = []  # the same models
    error, degrees = _error(parts)
    difference, half = float(first[0].mean() - second[0].mean()), _half_width(parts, n_comparisons)
    return Comparison(
        difference,
        error,
        difference - half,
        difference + half,
        min(1.0, 2 * n_comparisons * _tail(abs(difference), error, degrees)),
        min(1.0, 2 * n_comparisons * _tail(margin - abs(difference), error, degrees)),
    )


def run_error(*rows: tuple[Values, Variance | None], shared_reviews: float = 0.0) -> float:
    """The standard deviation of single runs of a row, or of the differences of two, with other seeds and other reviews.

    Args:
        rows: one or two, each with the variance of its seeds.
        shared_reviews: the share of its test reviews that a run has in common with another.
    """
    reviews = (1 - shared_reviews, _review_part(*(values for values, _ in rows)))
    return _error([*((1.0, one) for _, one in rows if one), reviews])[0]


Part = tuple[float, Variance]  # of the variance of a mean: a variance, and what it is multiplied by


def _review_part(first: Values, second: Values | None = None) -> Variance:
    """The reviews' part of the variance of a mean, or of a difference of means."""
    n_reviews = first.shape[1]
    tables = [first] if second is None else [first, second]
    means = first.mean(axis=0) - (0 if second is None else second.mean(axis=0))
    rest = sum(_rest(table) / len(table) for table in tables)
    return Variance(max(float(means.var(ddof=1)) - rest, 0.0) / n_reviews, n_reviews - 1)


def _rest(values: Values) -> float:
    """The variance of what neither the seed nor the review explains; nothing can be told of it with one seed."""
    n, n_reviews = values.shape
    if n == 1:
        return 0.0
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return float((residuals**2).sum() / ((n - 1) * (n_reviews - 1)))


def _error(parts: list[Part]) -> tuple[float, float]:
    """The standard error of a mean or a difference, and its degrees of freedom."""
    weights: dict[Variance, float] = defaultdict(float)
    for weight, found in parts:
        weights[found] += weight  # a variance that two rows share is one estimate
    variance = math.fsum(weight * found.value for found, weight in weights.items())
    spread = math.fsum((weight * found.value) ** 2 / found.degrees for found, weight in weights.items())
    return math.sqrt(variance), variance * variance / spread if spread else math.inf


def _half_width(parts: list[Part], n_comparisons: int = 1) -> float:
    error, degrees = _error(parts)
    quantile = float(stats.t.isf(ALPHA / 2 / n_comparisons, degrees))
    return quantile * error


def _tail(distance: float, error: float, degrees: float) -> float:
    """The probability of a t as large as that; without error it is certain which of the two is larger."""
    return float(stats.t.sf(distance / error, degrees)) if error else float(distance <= 0)
