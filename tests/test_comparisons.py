"""Comparisons and verdicts: on made-up answers whose verdicts are plain, and re-derived from stored predictions."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, Scratch
from scipy import stats

from sentiment_rnn.comparisons import ClaimError, compare_rows, judge, read_meanings
from sentiment_rnn.evaluation import Answers
from sentiment_rnn.params import load_params
from sentiment_rnn.statistics import holm
from sentiment_rnn.studies import Result, compared, read_published, study_rows

N = 2000
LABELS = np.arange(N) % 2


def right_on(*shares: float) -> Result:
    """A result whose seeds are right on the first reviews, and on no other: this share of all."""
    signs = np.where(np.arange(N) < N * np.array(shares)[:, None], 1, -1)
    return Result.of(Answers(LABELS, signs * np.where(LABELS == 1, 1.0, -1.0)))


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
        ("study.high > nan", "has no finite bound"),
        ("study.low > study.higher", "these two rows are not compared in any family"),
    ],
)
def test_statement_that_cannot_be_tested(statement: str, message: str):
    comparisons = compare_rows({"study": PAIRS}, ROWS, RESULTS)
    with pytest.raises(ClaimError, match=message):
        judge([{"id": "x", "says": "so"}], {"x": [statement]}, comparisons, ROWS, RESULTS)


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
    assert list(meanings) == [claim["id"] for claim in read_published(PROJECT / "data/published.yaml")["claims"]]
    rows = study_rows(params)
    results = {variant: right_on(0.5) for names in rows.values() for variant in names.values()}
    comparisons = compare_rows(compared(params, rows), rows, results)
    claims = judge(read_published(PROJECT / "data/published.yaml")["claims"], meanings, comparisons, rows, results)
    assert all(len(claim.statements) == len(meanings[claim.name]) for claim in claims)


def test_verdict_can_be_rederived_from_the_predictions(finished: Scratch):
    """As one would by hand, with one seed: McNemar's test, by the t distribution of the differences."""
    folder = finished.folder / "data/evaluations"
    base, compound = (pd.read_csv(folder / name / "0/predictions.csv") for name in ("lstm-adam", "compound"))
    correct = [(table["probability"] > 0.5) == (table["label"] == 1) for table in (compound, base)]
    reference = stats.ttest_rel(*(column.astype(float) for column in correct))
    claim = json.loads((finished.folder / "metrics/verdicts.json").read_text())["compound"]
    (statement,) = claim["statements"]
    assert statement["difference"] == pytest.approx(correct[0].mean() - correct[1].mean())
    assert statement["p_value"] == pytest.approx(reference.pvalue)
    interval = reference.confidence_interval(0.95)
    assert (statement["low"], statement["high"]) == pytest.approx((interval.low, interval.high))
    holds = statement["p_holm"] < 0.05 and statement["difference"] < 0
    assert claim["verdict"] == "supported" if holds else claim["verdict"] in ("not supported", "contradicted")
    assert Path(finished.folder / "metrics/comparisons.json").exists()
