"""Intervals and comparisons: against other libraries where they answer the same question, else by simulation."""

import numpy as np
import pandas as pd
import pytest
from interval_coverage import simulate
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import ttost_paired

from sentiment_rnn.evaluation.predictions import Predictions
from sentiment_rnn.report.results import Runs
from sentiment_rnn.report.statistics import (
    Variance,
    compare,
    compare_with_number,
    estimate,
    mean_shift,
    outcome_of,
    seed_variance,
    shared_variances,
)

TRUE_ACCURACY = stats.norm.cdf(1.2 / np.sqrt(1 + 1 + 0.05**2))  # of the answers simulated below
MARGIN = 0.05


def right_or_wrong(*shape: int, seed: int = 0, rate: float = 0.8) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < rate).astype(float)


def same_on_all_reviews(*means: float) -> np.ndarray:
    return np.repeat(np.array(means)[:, None], 1000, axis=1)


def own(values: np.ndarray) -> tuple[np.ndarray, Variance | None]:
    return values, seed_variance(values.mean(axis=1))


def shared(*tables: np.ndarray) -> list[tuple[np.ndarray, Variance | None]]:
    means = {str(place): table.mean(axis=1) for place, table in enumerate(tables)}
    return list(zip(tables, shared_variances(means, dict.fromkeys(means, "all")).values(), strict=True))


def test_with_one_seed_the_interval_is_that_of_a_mean():
    values = right_or_wrong(1, 500)
    found = estimate(*own(values))
    low, high = stats.t.interval(0.95, 499, values.mean(), stats.sem(values[0]))
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))
    assert (found.mean, found.std, found.n, found.n_reviews) == (values.mean(), None, 1, 500)


def test_where_only_the_seeds_differ_the_intervals_are_those_of_a_sample():
    """Of its mean, and of the next value that is drawn."""
    values = same_on_all_reviews(0.5, 0.8, 0.4)
    found, seeds = estimate(*own(values)), values[:, 0]
    half = stats.t.isf(0.025, 2) * stats.sem(seeds)
    assert (found.ci_low, found.ci_high) == pytest.approx((seeds.mean() - half, seeds.mean() + half))
    half = stats.t.isf(0.025, 2) * seeds.std(ddof=1) * np.sqrt(1 + 1 / 3)
    assert (found.prediction_low, found.prediction_high) == pytest.approx((seeds.mean() - half, seeds.mean() + half))
    assert found.std == pytest.approx(seeds.std(ddof=1))


def test_variance_by_hand():
    """Two seeds, four reviews. Seeds' means 3/4 and 2/4; reviews' means 1, 1, 1/2, 0; residuals all 1/8 or 3/8."""
    values = np.array([[1.0, 1, 1, 0], [1, 1, 0, 0]])
    of_seeds = (1 / 4) ** 2 / 2 / 2
    rest = (6 * (1 / 8) ** 2 + 2 * (3 / 8) ** 2) / (1 * 3) / 2
    of_reviews = (np.var([1, 1, 0.5, 0], ddof=1) - rest) / 4
    degrees = (of_seeds + of_reviews) ** 2 / (of_seeds**2 / 1 + of_reviews**2 / 3)
    half = stats.t.ppf(0.975, degrees) * np.sqrt(of_seeds + of_reviews)
    found = estimate(*own(values))
    assert (found.ci_low, found.ci_high) == pytest.approx((5 / 8 - half, 5 / 8 + half))


def test_with_one_seed_each_the_comparison_is_mcnemars():
    first, second = right_or_wrong(1, 5000, seed=1), right_or_wrong(1, 5000, seed=2, rate=0.79)
    both = [[int(((first == a) & (second == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    reference = mcnemar(both, exact=False, correction=False)
    assert compare(own(first), own(second), MARGIN).p_value == pytest.approx(reference.pvalue, rel=0.01)


def test_with_one_seed_each_equivalence_is_that_of_two_one_sided_t_tests():
    first, second = right_or_wrong(1, 500, seed=1), right_or_wrong(1, 500, seed=2, rate=0.79)
    reference = ttost_paired(first[0], second[0], -MARGIN, MARGIN)[0]
    assert compare(own(first), own(second), MARGIN).p_equivalence == pytest.approx(2 * reference)


def test_where_only_the_seeds_differ_the_comparison_is_a_t_test():
    """Student's where the variance is shared, Welch's where each row has its own."""
    first, second = same_on_all_reviews(0.5, 0.8, 0.4, 0.6), same_on_all_reviews(0.9, 0.7, 0.6)
    for sides, pooled in ((shared(first, second), True), ([own(first), own(second)], False)):
        reference = stats.ttest_ind(first[:, 0], second[:, 0], equal_var=pooled)
        found, interval = compare(*sides, MARGIN), reference.confidence_interval()
        assert found.p_value == pytest.approx(reference.pvalue)
        assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))


def test_comparison_is_that_of_a_mixed_model():
    """Fitted by statsmodels: random effects of seeds within rows, of reviews, and of reviews within rows."""
    random = np.random.default_rng(1)
    hard = random.normal(0, 0.5, 30)
    tables = [
        shift + hard + random.normal(0, 0.3, 30) + random.normal(0, 0.2, (4, 1)) + random.normal(0, 0.3, (4, 30))
        for shift in (0.0, 0.1)
    ]
    parts = [pd.DataFrame(table).melt(ignore_index=False, var_name="review") for table in tables]
    long = pd.concat([part.assign(row=place) for place, part in enumerate(parts)]).reset_index(names="seed")
    effects = {"seed": "0 + C(row):C(seed)", "review": "0 + C(review)", "both": "0 + C(row):C(review)"}
    model = MixedLM.from_formula("value ~ row", long.assign(all=1), groups="all", vc_formula=effects, re_formula="0")
    fitted = model.fit(method="bfgs")
    sides = shared(*tables)
    found = compare(sides[1], sides[0], MARGIN)
    assert found.difference == pytest.approx(fitted.params["row"], abs=1e-6)
    assert found.standard_error == pytest.approx(fitted.bse["row"], rel=0.001)


def test_comparison_turns_with_its_sides():
    first, second = own(right_or_wrong(3, 400, seed=1)), own(right_or_wrong(3, 400, seed=2, rate=0.7))
    there, back = compare(first, second, MARGIN, 3), compare(second, first, MARGIN, 3)
    assert (there.difference, there.p_value, there.p_equivalence) == (
        -back.difference,
        back.p_value,
        back.p_equivalence,
    )
    assert (there.ci_low, there.ci_high) == (-back.ci_high, -back.ci_low)
    assert (there.corrected_low, there.corrected_high) == (-back.corrected_high, -back.corrected_low)
    assert there.ci_low < there.difference < there.ci_high
    assert (there.p_value < 0.05) == (there.ci_low > 0)


def test_corrected_interval_is_bonferronis():
    """For five statements it is one of 99%; the interval and the p-values are not corrected."""
    first, second = own(right_or_wrong(1, 400, seed=1)), own(right_or_wrong(1, 400, seed=2, rate=0.7))
    found, alone = compare(first, second, MARGIN, n_statements=5), compare(first, second, MARGIN)
    reference = stats.ttest_rel(first[0][0], second[0][0])
    for level, ends in ((0.99, (found.corrected_low, found.corrected_high)), (0.95, (found.ci_low, found.ci_high))):
        interval = reference.confidence_interval(level)
        assert ends == pytest.approx((interval.low, interval.high))
    assert found.p_value == pytest.approx(reference.pvalue)
    assert (found.p_value, found.p_equivalence) == (alone.p_value, alone.p_equivalence)
    assert (alone.corrected_low, alone.corrected_high) == (alone.ci_low, alone.ci_high)


@pytest.mark.parametrize(
    ("low", "high", "margin", "outcome"),
    [
        (-0.005, 0.009, 0.01, "within the margin"),
        (0.001, 0.009, 0.01, "within the margin"),
        (0.001, 0.011, 0.01, "more"),
        (-0.02, -0.001, 0.01, "less"),
        (-0.011, 0.002, 0.01, "undecided"),
        (-0.01, 0.002, 0.01, "undecided"),
        (0.001, 0.009, None, "more"),
        (-0.001, 0.001, None, "undecided"),
    ],
)
def test_outcome_of_an_interval(low: float, high: float, margin: float | None, outcome: str):
    assert outcome_of(low, high, margin) == outcome


def test_outcome_is_that_of_the_tests():
    """Where the interval lies within the margin, both one-sided tests reject at 2.5%, and nowhere else."""
    for seed in range(20):
        first, second = own(right_or_wrong(1, 400, seed=seed)), own(right_or_wrong(1, 400, seed=seed + 100))
        found = compare(first, second, 0.06)
        assert (found.outcome == "within the margin") == (found.p_equivalence < 0.05)
        assert compare(first, second, found.smallest_margin + 1e-9).outcome == "within the margin"
        assert compare(first, second, found.smallest_margin - 1e-9).outcome != "within the margin"


def test_mean_shift_by_hand():
    """Two rows with one shared variance: its whole for the source's seed, a part for ours; the reviews count twice."""
    random = np.random.default_rng(0)
    tables = [(random.random((3, 500)) < 0.8).astype(float) for _ in "ab"]
    variance = Variance(1e-4, 4)
    found = mean_shift([(table, variance) for table in tables], [0.7, 0.74])
    reviews = np.mean([table.mean(axis=0) for table in tables], axis=0).var(ddof=1) / 500
    assert found.difference == pytest.approx(np.mean([table.mean() for table in tables]) - 0.72)
    assert found.standard_error == pytest.approx(np.sqrt(2 * reviews + 1e-4 * (1 + 2 / 3 / 4)))
    assert found.margin is found.p_equivalence is None


def test_mean_shift_covers_where_the_source_shares_seed_and_reviews():
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        hard, theirs = random.normal(0, 0.4, 300), random.normal(0, 0.4, 300)
        shared_seed = random.normal(0, 0.02)
        rows = [0.8 + hard + random.normal(0, 0.02, (5, 1)) + random.normal(0, 0.2, (5, 300)) for _ in range(6)]
        published = [0.8 + theirs.mean() + shared_seed + random.normal(0, 0.2, 300).mean() for _ in range(6)]
        found = mean_shift(shared(*rows), published)
        covered += found.ci_low <= 0 <= found.ci_high
    assert 0.92 < covered / 400 < 0.99


def test_variance_is_shared_within_a_group_of_equal_ones():
    random = np.random.default_rng(0)
    means = {name: random.normal(0, 0.01, 5) for name in ("a", "b", "c")} | {"wild": random.normal(0, 1, 5)}
    pooled = Variance(np.mean([means[name].var(ddof=1) for name in ("a", "b", "c")]), 12)
    found = shared_variances(means, {"a": "x", "b": "x", "c": "x", "wild": "y"})
    assert [found[name].value for name in ("a", "b", "c")] == pytest.approx([pooled.value] * 3)
    assert (found["a"], found["b"].df) == (found["c"], 12)
    assert found["wild"].value == seed_variance(means["wild"]).value
    together = shared_variances(means | {"one": np.array([0.5])}, dict.fromkeys([*means, "one"], "x"))
    assert [together[name].value for name in means] == [row.var(ddof=1) for row in means.values()]
    # for want of one of its own
    assert together["one"].value == pytest.approx(np.mean([row.var(ddof=1) for row in means.values()]))


def test_rows_that_are_not_pooled_take_and_do_not_give():
    random = np.random.default_rng(0)
    means = {name: random.normal(0, 0.01, 5) for name in ("a", "b", "other")} | {"wild": random.normal(0, 1, 5)}
    found = shared_variances(means, dict.fromkeys(means, "x"), not_pooled=["other", "wild"])
    assert found["other"] == found["a"] == found["b"]
    assert found["a"].df == 8
    assert found["wild"].value == seed_variance(means["wild"]).value
    alone = shared_variances({name: means[name] for name in ("a", "b")}, {"a": "x", "b": "x"}, not_pooled=["a", "b"])
    assert alone["a"] is alone["b"]
    assert alone["a"].df == 8


@pytest.mark.parametrize(("factor", "is_given"), [(0.0, True), (1.5, True), (1.7, False)])
def test_row_that_is_not_pooled_uses_the_pool_unless_its_own_is_larger(factor: float, is_given: bool):
    """The F test at 5%: 2.866 with 4 and 20 degrees of freedom, and 1.69 is its root."""
    rows = {name: np.arange(5.0) for name in "abcde"} | {"other": factor * np.arange(5.0)}
    found = shared_variances(rows, dict.fromkeys(rows, "x"), not_pooled=["other"])
    assert (found["other"] is found["a"]) == is_given


def test_one_seed_seeds_that_tie_and_seeds_that_diverged():
    """One has the noise of the others. A tie is chance, and prevents no sharing. What is no number is not shared."""
    means = {
        "one": np.array([0.8]),
        "tie": np.array([0.5, 0.5]),
        "a": np.array([0.6, 0.62]),
        "b": np.array([0.7, 0.73]),
    }
    found = shared_variances(means | {"lost": np.array([0.1, np.nan])}, dict.fromkeys([*means, "lost"], "x"))
    assert found["one"] is found["tie"] is found["a"] is found["b"]
    assert shared_variances({"one": means["one"]}, {"one": "x"}) == {"one": None}
    assert (found["a"].value, found["a"].df) == (pytest.approx((0.0 + 0.02**2 / 2 + 0.03**2 / 2) / 3), 3)
    assert np.isnan(found["lost"].value)


def test_two_estimates_that_come_out_equal_are_two():
    """Their degrees of freedom add up, as in Welch's test of two samples of the same variance."""
    first, second = same_on_all_reviews(0.5, 0.6, 0.7), same_on_all_reviews(0.6, 0.7, 0.8)
    reference = stats.ttest_ind(first[:, 0], second[:, 0], equal_var=False)
    assert compare(own(first), own(second), MARGIN).p_value == pytest.approx(reference.pvalue)


def test_comparison_with_a_number_is_the_interval_of_the_mean():
    seeds = own(right_or_wrong(3, 400, seed=1))
    found, mean = compare_with_number(seeds, 0.5), estimate(*seeds)
    assert (found.ci_low + 0.5, found.ci_high + 0.5) == pytest.approx((mean.ci_low, mean.ci_high))
    assert (found.outcome, found.smallest_margin) == ("more", None)


def test_the_same_predictions_do_not_differ():
    values = own(right_or_wrong(1, 50))
    found = compare(values, values, MARGIN)
    assert (found.difference, found.ci_low, found.ci_high, found.p_value, found.p_equivalence) == (0, 0, 0, 1, 0)
    assert found.outcome == "within the margin"


def test_other_reviews_cannot_be_compared():
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(own(right_or_wrong(3, 40)), own(right_or_wrong(3, 50)), MARGIN)


@pytest.mark.parametrize(
    ("of_seeds", "of_reviews", "rest"), [(0.05, 1.0, 1.0), (0.3, 0.5, 1.0), (0.0, 1.0, 0.5), (0.05, 0.0, 1.0)]
)
def test_intervals_cover_and_tests_keep_their_level(of_seeds: float, of_reviews: float, rest: float):
    """Five seeds and 200 reviews drawn 1,500 times: both noises at once, each alone, one of them without the other."""
    random = np.random.default_rng(7)
    covered = rejected = equivalent = 0
    for _ in range(1500):
        hard = of_reviews * random.normal(size=200)
        tables = [hard + of_seeds * random.normal(size=(5, 1)) + rest * random.normal(size=(5, 200)) for _ in "ab"]
        first, second = shared(*tables)
        found = estimate(*first)
        covered += found.ci_low <= 0 <= found.ci_high
        rejected += compare(first, second, MARGIN).p_value < 0.05
        equivalent += compare((first[0] + MARGIN, first[1]), second, MARGIN).p_equivalence < 0.05
    assert 0.935 < covered / 1500 <= 0.99
    assert 0.01 <= rejected / 1500 < 0.07
    assert equivalent / 1500 < 0.04


def test_intervals_cover_for_right_and_wrong():
    """Answers of three seeds to 400 reviews, each as hard as it is, with an accuracy of 0.8."""
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(1500):
        ease = random.normal(1.2, 1.0, size=400) + random.normal(0, 0.05, size=(3, 1))
        found = estimate(*own((random.normal(size=(3, 400)) < ease).astype(float)))
        covered += found.ci_low <= TRUE_ACCURACY <= found.ci_high
    assert 0.93 < covered / 1500 <= 0.98


def test_coverage_benchmark():
    """Two optimizers whose seeds are of very different noise: one variance for all misses, one for each covers."""
    random = np.random.default_rng(0)
    ease, labels = random.normal(1, 1, 500), np.ones(500, dtype=np.int64)

    def runs_of(optimizer: str, noise: float) -> Runs:
        log_odds = ease + random.normal(0, noise, (5, 1)) + random.normal(0, 0.5, (5, 500))
        return Runs([{"hyperparameters": {"optimizer": optimizer}}] * 5, pd.DataFrame(), Predictions(labels, log_odds))

    noises = {"calm": 0.01, "wild": 0.4}
    runs = {f"{name} {place}": runs_of(name, noise) for name, noise in noises.items() for place in range(4)}
    found = simulate(runs, n_seeds=5, margin=0.05, n_studies=300)
    covered, wrong = found["covered"], found["wrongly equivalent"]
    assert list(covered.index) == ["calm", "wild", "calm and wild"]
    assert covered["one for each optimizer"].between(0.915, 0.985).all()
    assert (wrong["one for each optimizer"] < 0.055).all()
    assert covered["one for all"]["wild"] < 0.9
    # a variant whose noise is not that of its optimizer is among those that are compared
    runs["calm 4"] = runs_of("calm", 0.4)
    widths = simulate(runs, n_seeds=5, margin=0.05, n_studies=20, own_noise=True)["half width"]["each its own"]
    assert widths["calm"] > 3 * found["half width"]["each its own"]["calm"]
