"""Comparisons and verdicts: on made-up answers whose verdicts are plain, and re-derived from stored predictions."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, Scratch
from scipy import stats

from sentiment_rnn.evaluation.answers import Answers
from sentiment_rnn.report.comparisons import ClaimError, compare_rows, families_of_study, judge
from sentiment_rnn.report.published import published_tables, read_meanings, read_published
from sentiment_rnn.report.results import Result
from sentiment_rnn.report.statistics import holm
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue

N = 2000
LABELS = np.arange(N) % 2


def right_on(*shares: float) -> Result:
    """A result whose seeds are right on the first reviews, and on no other: this share of all."""
    signs = np.where(np.arange(N) < N * np.array(shares)[:, None], 1, -1)
    return result_of(signs)


def result_of(signs: np.ndarray, seeds: list[int | None] | None = None) -> Result:
    """A result that is right where the sign is positive: [seeds, reviews]."""
    models = [{"seed": seed} for seed in (seeds or range(len(signs)))]
    return Result.of(Answers(LABELS, signs * np.where(LABELS == 1, 1.0, -1.0)), models)


RESULTS = {
    "low": right_on(0.50, 0.51, 0.52),
    "high": right_on(0.80, 0.81, 0.79),
    "higher": right_on(0.90, 0.91, 0.89),
    "as high": right_on(0.80, 0.80, 0.805),
}
ROWS = {"study": {"low": "low", "high": "high", "higher": "higher", "same": "as high"}}
PAIRS = [("study.low", "study.high"), ("study.high", "study.higher"), ("study.high", "study.same")]


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        (["study.higher > study.high"], "supported"),
        (["study.high < study.higher", "study.low < study.high"], "supported"),
        (["study.low < 0.55"], "supported"),
        (["study.low < 0.515"], "not supported"),
        (["study.low < 0.4"], "contradicted"),
        (["study.high > study.same"], "not supported"),
        (["study.high < study.same"], "not supported"),
        (["study.higher > study.high", "study.high > study.same"], "not supported"),
        (["study.high > study.same", "study.high > study.higher"], "contradicted"),
        (["study.high > study.absent"], "not tested"),
        (["study.absent < 0.5", "study.low < study.high"], "not tested"),
    ],
)
def test_verdicts(statements: list[str], verdict: str):
    comparisons = compare_rows({"study": PAIRS}, ROWS, RESULTS)
    (claim,) = judge([{"id": "x", "says": "so"}], {"x": statements}, comparisons, ROWS, RESULTS)
    assert claim.verdict == verdict


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("study.high beats study.low", "claim x: 'study.high beats study.low' is not of the form"),
        ("study.low > study.higher", "these two rows are not compared in any family"),
    ],
)
def test_statement_that_cannot_be_tested(statement: str, message: str):
    comparisons = compare_rows({"study": PAIRS}, ROWS, RESULTS)
    with pytest.raises(ClaimError, match=message):
        judge([{"id": "x", "says": "so"}], {"x": [statement]}, comparisons, ROWS, RESULTS)


def test_claim_without_a_reading():
    with pytest.raises(ClaimError, match="claim x: no statement says how it is read"):
        judge([{"id": "x", "says": "so"}], {}, [], ROWS, RESULTS)


def test_bounds_are_a_family_of_their_own():
    claims = [{"id": "x", "says": "so"}, {"id": "y", "says": "so"}]
    meanings = {"x": ["study.low < 0.515"], "y": ["study.high > 0.7"]}
    x, y = (claim.statements[0] for claim in judge(claims, meanings, [], ROWS, RESULTS))
    assert x["family"] == y["family"] == "bounds"
    assert [x["p_holm"], y["p_holm"]] == holm([x["p_value"], y["p_value"]])


def test_correction_is_within_a_family():
    families = {"one": PAIRS[2:], "three": PAIRS}
    comparisons = compare_rows(families, ROWS, RESULTS)
    assert [comparison.family for comparison in comparisons] == ["one", "three", "three", "three"]
    assert comparisons[0].p_holm == comparisons[0].p_value == comparisons[3].p_value
    assert [comparison.p_holm for comparison in comparisons[1:]] == holm([c.p_value for c in comparisons[1:]])


def test_every_claim_is_read_and_every_statement_is_compared():
    """With the committed grids."""
    params = load_params(PROJECT / "params.yaml")
    meanings = read_meanings(PROJECT / "data/claims.yaml")
    published = read_published(PROJECT / "data/published.yaml")
    assert list(meanings) == [claim["id"] for claim in published["claims"]]
    tables = study_catalogue(params).tables
    results = {variant: right_on(0.5) for names in tables.values() for variant in names.values()}
    comparisons = compare_rows(families_of_study(tables, published_tables(published)), tables, results)
    claims = judge(published["claims"], meanings, comparisons, tables, results)
    assert all(len(claim.statements) == len(meanings[claim.name]) for claim in claims)


def test_a_row_that_the_source_does_not_have_moves_no_p_value_of_its_rows():
    tables = study_catalogue(load_params(PROJECT / "params.yaml")).tables
    published = published_tables(read_published(PROJECT / "data/published.yaml"))
    families = families_of_study(tables, published)
    assert len(families["lstm_optimizers"]) == 6  # four optimizers
    assert len(families["cells"]) == 4
    assert len(families["n_layers"]) == 6
    assert len(families["embedding_dim"]) == 3  # of which the source has one row alone
    more = {**tables, "n_layers": tables["n_layers"] | {"5": "n_layers-5"}}
    assert families_of_study(more, published)["n_layers"] == families["n_layers"]
    assert len(families_of_study(more, published)["n_layers_added"]) == 4


def test_rows_are_compared_on_the_seeds_that_both_have():
    """And a bag of words, which has no seed, with every seed."""
    signs = np.where(np.random.default_rng(0).random((4, N)) < 0.7, 1.0, -1.0)
    seeds: dict[str, list[int | None]] = {"a": [0, 1, 2], "b": [2, 1], "bag": [None]}
    rows = {"a": signs[:3], "b": signs[2:0:-1], "bag": signs[3:]}
    results = {name: result_of(rows[name], seeds[name]) for name in seeds}
    pairs = [("study.a", "study.b"), ("study.a", "study.bag")]
    shared, every = compare_rows({"study": pairs}, {"study": {name: name for name in results}}, results)
    assert (shared.n, shared.difference, shared.high) == (2, 0.0, 0.0)  # the same answers, in another order
    assert every.n == 3
    assert every.difference == pytest.approx((signs[:3] > 0).mean() - (signs[3] > 0).mean())


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_verdict_can_be_rederived_by_hand(n_seeds: int):
    """From answers alone, in the order of statistics.py's account, with other code than its own."""
    random = np.random.default_rng(n_seeds)
    ease = random.normal(1, 1, N)
    tables = [(random.normal(size=(n_seeds, N)) < ease + shift).astype(float) for shift in (0.0, 0.05)]
    results = {name: result_of(2 * table - 1) for name, table in zip("ab", tables, strict=True)}
    rows = {"study": {"a": "a", "b": "b"}}
    (comparison,) = compare_rows({"study": [("study.a", "study.b")]}, rows, results)
    long = pd.DataFrame(tables[0] - tables[1]).melt(ignore_index=False, var_name="review").reset_index(names="seed")
    by_seed, by_review = long.groupby("seed")["value"].mean(), long.groupby("review")["value"].mean()
    parts = [by_seed.var() / n_seeds if n_seeds > 1 else 0.0, by_review.var() / N]
    fitted = long["seed"].map(by_seed) + long["review"].map(by_review) - long["value"].mean()
    left = ((long["value"] - fitted) ** 2).sum() / ((n_seeds - 1) * (N - 1)) / (n_seeds * N) if n_seeds > 1 else 0.0
    variance = max(sum(parts) - left, *parts)
    degrees = variance**2 / (parts[0] ** 2 / max(n_seeds - 1, 1) + parts[1] ** 2 / (N - 1))
    low, high = stats.t.interval(0.95, degrees, long["value"].mean(), np.sqrt(variance))
    assert (comparison.low, comparison.high) == pytest.approx((low, high))
    assert comparison.p_value == pytest.approx(2 * stats.t.sf(abs(long["value"].mean()) / np.sqrt(variance), degrees))


def test_verdict_can_be_rederived_from_the_predictions(finished: Scratch):
    """With one seed: the t test of the differences."""
    folder = finished.folder / "results"
    base, compound = (pd.read_csv(folder / name / "0/predictions.csv") for name in ("lstm-adam", "compound"))
    correct = [(table["log_odds"] > 0) == (table["label"] == 1) for table in (compound, base)]
    reference = stats.ttest_rel(*(column.astype(float) for column in correct))
    claim = json.loads((finished.folder / "metrics/verdicts.json").read_text())["compound"]
    (statement,) = claim["statements"]
    assert statement["difference"] == pytest.approx(correct[0].mean() - correct[1].mean())
    assert statement["p_value"] == statement["p_holm"] == pytest.approx(reference.pvalue)
    interval = reference.confidence_interval(0.95)
    assert (statement["low"], statement["high"]) == pytest.approx((interval.low, interval.high))
    outcome = "undecided" if reference.pvalue >= 0.05 else "holds" if reference.statistic < 0 else "refuted"
    verdicts = {"undecided": "not supported", "holds": "supported", "refuted": "contradicted"}
    assert (statement["outcome"], claim["verdict"]) == (outcome, verdicts[outcome])
