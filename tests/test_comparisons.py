"""Comparisons and verdicts: on made-up answers whose verdicts are plain, and re-derived from stored predictions."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, Scratch, committed
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from sentiment_rnn.evaluation.predictions import Predictions
from sentiment_rnn.report.claims import Claim, ClaimError, evaluate_claims, verdict_of
from sentiment_rnn.report.comparisons import as_number, compare_rows, study_families
from sentiment_rnn.report.results import Result, Runs, summarize
from sentiment_rnn.study.params import load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

N = 2000
MARGIN = 0.03
SHIFTS = {"a": 0.0, "b": 0.12}  # of the ease of the reviews: their difference is reversed at 5%, not at 0.1%
NOT_SUPPORTED = "not supported: any difference is below the margin"
LABELS = np.arange(N) % 2


def right_on(*shares: float) -> np.ndarray:
    """Right on the first reviews, and on no other: this share of all; 1 and -1 [seeds, reviews]."""
    return np.where(np.arange(N) < N * np.array(shares)[:, None], 1, -1)


def results_of(signs: dict[str, np.ndarray]) -> dict[str, Result]:
    """Results that are right where the sign is positive: [seeds, reviews]; each has its own variance of the seeds."""
    runs = {}
    for name, table in signs.items():
        predictions = Predictions(LABELS, table * np.where(LABELS == 1, 1.0, -1.0))
        runs[name] = Runs(
            [{"seed": seed, "validation_reviews": ""} for seed in range(len(table))], pd.DataFrame(), predictions
        )
    return summarize(runs)


RESULTS = results_of(
    {
        "low": right_on(0.500, 0.505, 0.510),
        "high": right_on(0.800, 0.805, 0.795),
        "higher": right_on(0.900, 0.905, 0.895),
        "as high": right_on(0.800, 0.800, 0.803),
    }
)
ROWS = {"study": {"low": "low", "high": "high", "higher": "higher", "same": "as high"}}
PAIRS = [("study.low", "study.high"), ("study.high", "study.higher"), ("study.high", "study.same")]
PAIRS += [("study.low", "study.higher")]


def evaluated(*statements: str, margin: float = MARGIN) -> Claim:
    (claim,) = evaluate_claims([{"id": "x", "says": "so"}], {"x": list(statements)}, ROWS, RESULTS, margin)
    return claim


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        (["study.higher > study.high"], "supported"),
        (["study.high < study.higher", "study.low < study.high"], "supported"),
        (["study.low < 0.55"], "supported"),
        (["study.low < 0.515"], "undecided"),
        (["study.low < 0.4"], "contradicted"),
        (["study.high > study.same"], NOT_SUPPORTED),
        (["study.high < study.same"], NOT_SUPPORTED),
        (["study.higher > study.high", "study.high > study.same"], "partly supported"),
        (["study.higher > study.high", "study.low < 0.515"], "undecided"),
        (["study.high > study.same", "study.low < 0.515"], "undecided"),
        (["study.high > study.same", "study.high > study.higher"], "contradicted"),
        (["study.high > study.absent"], "not tested"),
        (["study.absent < 0.5", "study.low < study.high"], "not tested"),
    ],
)
def test_verdicts(statements: list[str], verdict: str):
    assert evaluated(*statements).verdict == verdict


def test_margin_decides_what_counts():
    """The difference of these two is certain, and about a tenth."""
    assert evaluated("study.higher > study.high", margin=0.15).verdict == NOT_SUPPORTED
    assert evaluated("study.higher > study.high", margin=0.05).verdict == "supported"
    assert evaluated("study.high > study.same", margin=0.0001).verdict == "undecided"


def test_smallest_margin_is_where_the_verdict_begins():
    claim = evaluated("study.high > study.same", "study.high < study.same")
    assert claim.verdict == NOT_SUPPORTED
    assert evaluated("study.high > study.same", margin=claim.smallest_margin + 1e-6).verdict == NOT_SUPPORTED
    assert evaluated("study.high > study.same", margin=claim.smallest_margin - 1e-6).verdict != NOT_SUPPORTED
    assert evaluated("study.low < 0.55").smallest_margin is None


def statement(outcome: str, contradicts: bool = False) -> dict[str, object]:
    return {"outcome": outcome, "contradicts": contradicts}


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([statement("reversed", True), statement("holds")], "contradicted"),
        ([statement("reversed", False), statement("holds")], "undecided"),
        ([statement("holds"), statement("within the margin"), statement("undecided")], "undecided"),
        ([statement("holds"), statement("within the margin")], "partly supported"),
    ],
)
def test_rules_of_the_verdicts(statements: list[dict[str, object]], verdict: str):
    assert verdict_of(statements) == verdict


def test_contradiction_is_corrected_for_the_statements_of_the_claim():
    """A statement that is reversed at 5% alone does not contradict a claim of many."""
    random = np.random.default_rng(3)
    ease = random.normal(1, 1, N)
    results = results_of(
        {name: 2.0 * (random.normal(size=(1, N)) < ease + shift) - 1 for name, shift in SHIFTS.items()}
    )
    rows = {"study": {name: name for name in SHIFTS}}

    def verdict(n: int) -> str:
        specs = {"x": ["study.a > study.b", *["study.b < 0.99"] * (n - 1)]}
        return evaluate_claims([{"id": "x", "says": "so"}], specs, rows, results, 0.001)[0].verdict

    assert (verdict(1), verdict(50)) == ("contradicted", "undecided")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("study.high beats study.low", "claim x: 'study.high beats study.low' is not of the form"),
        ("study.low > study.absent2 ", "is not of the form"),
        ("0.55 > study.low", "is not of the form"),
    ],
)
def test_statement_that_cannot_be_tested(statement: str, message: str):
    with pytest.raises(ClaimError, match=message):
        evaluated(statement)


def test_claim_without_a_reading():
    with pytest.raises(ClaimError, match="claim x: no statement says how it is read"):
        evaluate_claims([{"id": "x", "says": "so"}], {}, ROWS, RESULTS, MARGIN)
    with pytest.raises(ClaimError, match="claim y: is none of the published ones"):
        evaluate_claims([], {"y": ["study.low > study.high"]}, ROWS, RESULTS, MARGIN)


def test_every_claim_is_read():
    """With the committed grids."""
    params = load_params(committed("params.yaml"))
    specs, published = read_yaml(PROJECT / "data/claims.yaml"), read_yaml(PROJECT / "data/published.yaml")
    assert list(specs) == [claim["id"] for claim in published["claims"]]
    tables = study_catalogue(params).tables
    results = results_of({variant: right_on(0.5) for names in tables.values() for variant in names.values()})
    claims = evaluate_claims(published["claims"], specs, tables, results, 0.01)
    assert all(len(claim.statements) == len(specs[claim.name]) for claim in claims)
    compared = {pair for pairs in study_families(tables).values() for pair in pairs}
    compared |= {(second, first) for first, second in compared}
    stated = {(part["first"], part["second"]) for claim in claims for part in claim.statements}
    assert {pair for pair in stated if as_number(pair[1]) is None} <= compared  # the tables show them, too


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_verdict_can_be_rederived_by_hand(n_seeds: int):
    """From answers alone, in the order of statistics.py's account, with other code than its own."""
    random = np.random.default_rng(n_seeds)
    ease = random.normal(1, 1, N)
    tables = [(random.normal(size=(n_seeds, N)) < ease + shift).astype(float) for shift in (0.0, 0.05)]
    results = results_of({name: 2 * table - 1 for name, table in zip("ab", tables, strict=True)})
    rows = {"study": {"a": "a", "b": "b"}}
    (comparison,) = compare_rows({"study": [("study.a", "study.b")]}, rows, results, MARGIN)
    frames = [pd.DataFrame(table) for table in tables]
    of_reviews = (frames[0].mean() - frames[1].mean()).var()
    parts = []
    for frame in frames if n_seeds > 1 else []:
        left = frame.sub(frame.mean(axis=1), axis=0) - frame.mean() + frame.mean().mean()
        of_reviews -= (left**2).sum().sum() / ((n_seeds - 1) * (N - 1)) / n_seeds
        parts.append((frame.mean(axis=1).var() / n_seeds, n_seeds - 1))
    parts.append((of_reviews / N, N - 1))
    variance = sum(part for part, _ in parts)
    degrees = variance**2 / sum(part**2 / freedom for part, freedom in parts)
    difference = tables[0].mean() - tables[1].mean()
    low, high = stats.t.interval(0.95, degrees, difference, np.sqrt(variance))
    assert (comparison.ci_low, comparison.ci_high) == pytest.approx((low, high))
    assert comparison.p_value == pytest.approx(2 * stats.t.sf(abs(difference) / np.sqrt(variance), degrees))
    beyond = (MARGIN - abs(difference)) / np.sqrt(variance)
    assert comparison.p_equivalence == pytest.approx(min(1, 2 * stats.t.sf(beyond, degrees)))


def test_verdict_can_be_rederived_from_the_predictions(finished: Scratch):
    """With one seed: the t test of the differences, and two one-sided ones."""
    folder = finished.folder / "results"
    base, compound = (pd.read_csv(folder / name / "0/predictions.csv") for name in ("lstm-adam", "compound"))
    correct = [((table["log_odds"] > 0) == (table["label"] == 1)).astype(float) for table in (compound, base)]
    reference = stats.ttest_rel(*correct)
    claim = json.loads((finished.folder / "report/verdicts.json").read_text())["compound"]
    (statement,) = claim["statements"]
    assert statement["difference"] == pytest.approx(correct[0].mean() - correct[1].mean())
    assert statement["p_value"] == pytest.approx(reference.pvalue)
    assert statement["p_equivalence"] == pytest.approx(min(1, 2 * ttost_paired(*correct, -0.01, 0.01)[0]))
    interval = reference.confidence_interval(0.95)
    assert (statement["ci_low"], statement["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert claim["smallest_margin"] == pytest.approx(max(-interval.low, interval.high))
    outcome = "undecided" if reference.pvalue >= 0.05 else "holds" if reference.statistic < 0 else "reversed"
    outcome = "within the margin" if statement["p_equivalence"] < 0.05 else outcome
    verdicts = {"holds": "supported", "reversed": "contradicted", "within the margin": NOT_SUPPORTED}
    assert (statement["outcome"], claim["verdict"]) == (outcome, verdicts.get(outcome, outcome))
