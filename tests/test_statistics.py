"""Intervals and comparisons: against other libraries where they answer the same question, else by simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from sentiment_rnn.report.statistics import compare, estimate, holm

TRUE_ACCURACY = stats.norm.cdf(1.2 / np.sqrt(1 + 1 + 0.05**2))  # of the answers simulated below


def right_or_wrong(*shape: int, seed: int = 0, rate: float = 0.8) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < rate).astype(float)


def test_with_one_seed_the_interval_is_that_of_a_mean():
    values = right_or_wrong(1, 500)
    found = estimate(values)
    low, high = stats.t.interval(0.95, 499, values.mean(), stats.sem(values[0]))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.mean, found.std, found.n, found.n_reviews) == (values.mean(), None, 1, 500)


def test_where_only_the_seeds_differ_the_interval_is_that_of_their_means():
    """On every review the loss of the second seed's model is 0.3 more, of the third's 0.1 less."""
    seeds = np.array([0.5, 0.8, 0.4])
    found = estimate(np.repeat(seeds[:, None], 1000, axis=1))
    low, high = stats.t.interval(0.95, 2, seeds.mean(), stats.sem(seeds))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.std == pytest.approx(seeds.std(ddof=1))


def test_variance_by_hand():
    """Two seeds, four reviews. Seeds' means 3/4 and 2/4; reviews' means 1, 1, 1/2, 0; residuals all 1/8 or 3/8."""
    values = np.array([[1.0, 1, 1, 0], [1, 1, 0, 0]])
    of_seeds = (1 / 4) ** 2 / 2 / 2
    of_reviews = np.var([1, 1, 0.5, 0], ddof=1) / 4
    interaction = (6 * (1 / 8) ** 2 + 2 * (3 / 8) ** 2) / (1 * 3) / 8
    error = np.sqrt(of_seeds + of_reviews - interaction)
    degrees = error**4 / (of_seeds**2 / 1 + of_reviews**2 / 3)
    margin = stats.t.ppf(0.975, degrees) * error
    found = estimate(values)
    assert (found.low, found.high) == pytest.approx((5 / 8 - margin, 5 / 8 + margin))


def test_with_one_seed_each_the_comparison_is_mcnemars():
    first, second = right_or_wrong(1, 5000, seed=1), right_or_wrong(1, 5000, seed=2, rate=0.79)
    both = [[int(((first == a) & (second == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    reference = mcnemar(both, exact=False, correction=False)
    assert compare(first, second).p_value == pytest.approx(reference.pvalue, rel=0.01)


def test_comparison_turns_with_its_sides():
    first, second = right_or_wrong(3, 400, seed=1), right_or_wrong(3, 400, seed=2, rate=0.7)
    there, back = compare(first, second), compare(second, first)
    assert there.p_value == back.p_value
    assert (there.difference, there.low, there.high) == (-back.difference, -back.high, -back.low)
    assert there.low < there.difference < there.high
    assert (there.p_value < 0.05) == (there.low > 0)
    assert (there.n, there.n_reviews) == (3, 400)


def test_seeds_are_paired():
    """What a seed does to both is not counted; where the reviews agree, what is left is the t test of the seeds."""
    of_seed = np.array([[0.0], [0.5], [-0.4]])
    own = np.array([[0.02], [0.03], [0.025]])
    hard = np.random.default_rng(0).normal(size=500)
    found = compare(of_seed + own + hard, of_seed + hard)
    assert found.p_value == pytest.approx(stats.ttest_1samp(own.ravel(), 0).pvalue)
    assert found.p_value < 0.02


def test_table_of_one_row_stands_for_each_seed():
    seeds, fixed = right_or_wrong(3, 400, seed=1), right_or_wrong(1, 400, seed=2, rate=0.7)
    assert compare(seeds, fixed) == compare(seeds, np.repeat(fixed, 3, axis=0))
    bound = compare(seeds, np.full((1, 400), 0.5))
    assert bound.low + 0.5 == pytest.approx(estimate(seeds).low)


def test_the_same_answers_do_not_differ():
    values = right_or_wrong(1, 50)
    same = compare(values, values)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("shape", [(1, 40), (2, 50)])
def test_other_reviews_or_seeds_cannot_be_paired(shape: tuple[int, int]):
    with pytest.raises(ValueError, match="cannot be paired"):
        compare(right_or_wrong(*shape), right_or_wrong(3, 50))


@pytest.mark.parametrize(
    ("of_seeds", "of_reviews", "rest"), [(0.05, 1.0, 1.0), (0.3, 0.5, 1.0), (0.0, 1.0, 0.5), (0.05, 0.0, 1.0)]
)
def test_intervals_cover_and_tests_keep_their_level(of_seeds: float, of_reviews: float, rest: float):
    """Three seeds and 200 reviews drawn 1,500 times: both noises at once, each alone, one of them without the other.

    A part of each is shared by the two that are compared. Where the seeds' noise is far above the reviews', two degrees
    of freedom are few: there 92 to 94 of 100 intervals cover.
    """
    random = np.random.default_rng(7)
    covered = rejected = 0
    for _ in range(1500):
        shared = of_reviews * random.normal(size=200) + of_seeds * random.normal(size=(3, 1)) / 2
        first, second = (
            shared + of_seeds * random.normal(size=(3, 1)) + rest * random.normal(size=(3, 200)) for _ in range(2)
        )
        found = estimate(first)
        covered += found.low <= 0 <= found.high
        rejected += compare(first, second).p_value < 0.05
    assert 0.92 < covered / 1500 <= 0.99
    assert 0.01 <= rejected / 1500 < 0.075


def test_intervals_cover_for_right_and_wrong():
    """Answers of three seeds to 400 reviews, each as hard as it is, with an accuracy of 0.8."""
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(1500):
        ease = random.normal(1.2, 1.0, size=400) + random.normal(0, 0.05, size=(3, 1))
        found = estimate((random.normal(size=(3, 400)) < ease).astype(float))
        covered += found.low <= TRUE_ACCURACY <= found.high
    assert 0.93 < covered / 1500 <= 0.98


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
