"""Estimates and comparisons with both kinds of noise: that of the seeds, and that of the test reviews.

Every figure is a mean over a table of values [seeds, reviews]: right or wrong, or the loss, of each seed's model on
each test review. Seeds and reviews are both samples, so the table is a two-way crossed random-effects layout (Searle,
Casella and McCulloch, Variance Components, 1992): value = mean + seed + review + rest. For two rows 1 and 2

    difference = mean of table 1 - mean of table 2
    variance   = S1 / n1 + S2 / n2 + B / R

S is the variance of the seeds' means (it contains the seed's part and that of the rest), n the number of seeds, R the
number of reviews, and B the variance between reviews: the variance of the R differences of the reviews' means, minus
what the rest adds to it. The reviews are the same for both rows, so B is that of paired differences. For one row the
second table is nothing. The trainings are independent by construction, so the seeds of two rows are not paired.

Five seeds tell little about a variance, so rows share theirs. S is the pooled variance of all rows with the same
optimizer, if Bartlett's test (1937) finds no difference between them at 5%, and each row's own otherwise. A row
with one seed has none of its own, so it always has the pooled variance, or for want of that the largest of all. `make
coverage` shows by simulation at the study's sizes how often such intervals cover, and what else was tried.

The quantiles are Student's t with Satterthwaite's degrees of freedom (1946). One interval decides: two rows differ if
their 95% interval excludes zero, and are equivalent if it lies within the margin, which is two one-sided tests at 2.5%
each (Lakens, Equivalence Tests, 2017). Where no row has a second seed, an interval is that of the reviews alone, and a
comparison is in large samples McNemar's test.
"""

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE

Values = NDArray[np.float64]  # [seeds, reviews]
Means = NDArray[np.float64]  # [seeds]
Outcome = Literal["more", "less", "within the margin", "undecided"]


@dataclass(frozen=True, eq=False)  # two estimates with equal numbers are two
class Variance:
    """An estimate of a variance, with its degrees of freedom."""

    value: float
    df: float


Row = tuple[Values, Variance | None]  # a table, and the variance of its seeds; None leaves that out


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds and `n_reviews` test reviews, with its 95% confidence interval.

    The prediction interval is that of a single run, with another seed and as many other test reviews; std is that of
    the seeds' means, None with one seed.
    """

    mean: float
    ci_low: float
    ci_high: float
    prediction_low: float
    prediction_high: float
    std: float | None
    n: int
    n_reviews: int


@dataclass(frozen=True)
class Comparison:
    """The first mean minus the second, or minus a number, with its 95% confidence interval.

    p_value is two-sided, of no difference: below 5% if the interval excludes zero. p_equivalence is of a difference as
    large as the margin, or larger: twice the larger p of the two one-sided tests, and so below 5% if the interval is
    within the margin. The corrected interval is that of all statements of a claim together (Bonferroni). A comparison
    with a number has no margin.
    """

    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    p_equivalence: float | None
    corrected_low: float
    corrected_high: float
    margin: float | None

    @property
    def outcome(self) -> Outcome:
        """What the 95% interval shows. An interval within the margin that excludes zero is within the margin."""
        return outcome_of(self.ci_low, self.ci_high, self.margin)

    @property
    def corrected_outcome(self) -> Outcome:
        """What the corrected interval shows."""
        return outcome_of(self.corrected_low, self.corrected_high, self.margin)

    @property
    def smallest_margin(self) -> float | None:
        """The smallest margin that the interval lies within; None for a number."""
        return None if self.margin is None else max(abs(self.ci_low), abs(self.ci_high))


def outcome_of(low: float, high: float, margin: float | None) -> Outcome:
    """What an interval shows; without a margin there is no equivalence."""
    if margin is not None and -margin < low and high < margin:
        return "within the margin"
    if low > 0:
        return "more"
    return "less" if high < 0 else "undecided"


def seed_variance(means: Means) -> Variance | None:
    """The variance of the means of one row's seeds; None with one seed."""
    return Variance(float(means.var(ddof=1)), len(means) - 1) if len(means) > 1 else None


def shared_variances(
    means: dict[str, Means], groups: dict[str, str], not_pooled: Collection[str] = ()
) -> dict[str, Variance | None]:
    """For each row the pooled variance of its group, if Bartlett's test finds its rows equal; else the row's own.

    Args:
        means: of each row's seeds.
        groups: the group of each row.
        not_pooled: rows that add nothing to the variance of their group; they use it unless their own is larger at 5%.
            In a group that has no other rows they are like all others.
    """
    with_pool = {groups[row] for row in means if row not in not_pooled}
    outside = {row for row in not_pooled if groups[row] in with_pool}
    members: dict[str, list[Means]] = defaultdict(list)
    for row, of_row in means.items():
        if len(of_row) > 1 and np.isfinite(of_row).all() and row not in outside:
            members[groups[row]].append(of_row)
    pooled = {group: _pooled(rows) for group, rows in members.items()}
    alike = {group for group, rows in members.items() if _is_homogeneous(rows)}
    variances = {}
    for row, of_row in means.items():
        own, shared = seed_variance(of_row), pooled.get(groups[row])
        is_alike = groups[row] in alike and np.isfinite(of_row).all()
        is_shared = own is None or (is_alike and shared and not (row in outside and _is_larger(own, shared)))
        variances[row] = shared if is_shared else own
    return variances


def _is_larger(own: Variance, shared: Variance) -> bool:
    """Whether the F test finds a row's own variance larger at 5%."""
    return own.value > shared.value * float(stats.f.isf(ALPHA, own.df, shared.df))


def _is_homogeneous(rows: list[Means]) -> bool:
    """Whether Bartlett's test finds no difference between the variances of the rows at 5%.

    Two seeds can have the same mean by chance. The test has no answer to that, so such rows are left out of it.
    """
    varying = [row for row in rows if np.ptp(row) > 0]
    return len(varying) < 2 or bool(stats.bartlett(*varying).pvalue >= ALPHA)


def _pooled(rows: list[Means]) -> Variance:
    df = sum(len(row) - 1 for row in rows)
    return Variance(sum(float(row.var()) * len(row) for row in rows) / df, df)


def estimate(values: Values, variance: Variance | None) -> Estimate:
    """The mean of a table [seeds, reviews]; a variance that is None leaves the seeds out."""
    mean, of_reviews, own = float(values.mean()), (1.0, review_variance(values)), seed_variance(values.mean(axis=1))
    seeds = [(1 / len(values), variance)] if variance else []
    half = _half_width([*seeds, of_reviews])
    run = _half_width([*seeds, of_reviews, *((1.0, of_seed) for _, of_seed in seeds), of_reviews])
    std = math.sqrt(own.value) if own else None
    return Estimate(mean, mean - half, mean + half, mean - run, mean + run, std, *values.shape)


def compare(first: Row, second: Row, margin: float, n_statements: int = 1) -> Comparison:
    """Two rows on the same reviews; the corrected intervals of `n_statements` comparisons all cover together.

    Raises:
        ValueError: the tables are not of the same reviews.
    """
    if first[0].shape[1] != second[0].shape[1]:
        raise ValueError(f"tables of {first[0].shape} and {second[0].shape} [seeds, reviews] cannot be compared")
    parts = [(1 / len(values), variance) for values, variance in (first, second) if variance]
    parts += [(1.0, review_variance(first[0], second[0]))]
    if np.array_equal(first[0], second[0]):
        parts = []  # the same models
    return _comparison(float(first[0].mean() - second[0].mean()), parts, margin, n_statements)


def compare_with_number(row: Row, number: float, n_statements: int = 1) -> Comparison:
    """A row and a fixed number."""
    values, variance = row
    parts = [(1 / len(values), variance)] if variance else []
    return _comparison(float(values.mean()) - number, [*parts, (1.0, review_variance(values))], None, n_statements)


def mean_shift(rows: list[Row], published: list[float]) -> Comparison:
    """How far our mean accuracies are from the published ones, on average over rows with one optimizer.

    A published accuracy is of one run. The source's runs have one seed and one test set in common, so their errors do
    not average out over the rows: the variance has one whole seed variance, and the reviews' variance of the mean of
    all rows, once for the source's test reviews and once for ours.
    """
    of_reviews = review_variance(np.mean([values.mean(axis=0) for values, _ in rows], axis=0)[None])
    parts = [(2.0, of_reviews)]
    if variances := [variance for _, variance in rows if variance]:
        parts += [(1 / len(variances), variance) for variance in variances]  # the source's seed
        parts += [(1 / len(values) / len(rows) ** 2, variance) for values, variance in rows if variance]
    return _comparison(float(np.mean([values.mean() for values, _ in rows]) - np.mean(published)), parts, None, 1)


Part = tuple[float, Variance]  # of the variance of a mean: a factor, and the variance that it multiplies


def _comparison(difference: float, parts: list[Part], margin: float | None, n_statements: int) -> Comparison:
    error, df = _standard_error(parts)
    half, corrected = _half_width(parts), _half_width(parts, n_statements)
    return Comparison(
        difference=difference,
        standard_error=error,
        ci_low=difference - half,
        ci_high=difference + half,
        p_value=min(1.0, 2 * _tail(abs(difference), error, df)),
        p_equivalence=None if margin is None else min(1.0, 2 * _tail(margin - abs(difference), error, df)),
        corrected_low=difference - corrected,
        corrected_high=difference + corrected,
        margin=margin,
    )


def review_variance(first: Values, second: Values | None = None) -> Variance:
    """The reviews' part of the variance of a mean, or of a difference of means."""
    n_reviews = first.shape[1]
    tables = [first] if second is None else [first, second]
    means = first.mean(axis=0) - (0 if second is None else second.mean(axis=0))
    rest = sum(_rest(table) / len(table) for table in tables)
    return Variance(max(float(means.var(ddof=1)) - rest, 0.0) / n_reviews, n_reviews - 1)


def _rest(values: Values) -> float:
    """The variance that neither the seed nor the review explains; unknown, and taken as zero, with one seed."""
    n, n_reviews = values.shape
    if n == 1:
        return 0.0
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return float((residuals**2).sum() / ((n - 1) * (n_reviews - 1)))


def _standard_error(parts: list[Part]) -> tuple[float, float]:
    """The standard error of a mean or a difference, and its degrees of freedom."""
    weights: dict[Variance, float] = defaultdict(float)
    for weight, variance in parts:
        weights[variance] += weight  # a variance that two rows share is one estimate
    total = math.fsum(weight * variance.value for variance, weight in weights.items())
    spread = math.fsum((weight * variance.value) ** 2 / variance.df for variance, weight in weights.items())
    return math.sqrt(total), total * total / spread if spread else math.inf


def _half_width(parts: list[Part], n_statements: int = 1) -> float:
    error, df = _standard_error(parts)
    return float(stats.t.isf(ALPHA / 2 / n_statements, df)) * error


def _tail(distance: float, error: float, df: float) -> float:
    """The probability of a t as large as that; without an error it is certain which of the two is larger."""
    return float(stats.t.sf(distance / error, df)) if error else float(distance <= 0)
