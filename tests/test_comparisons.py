"""Comparisons and verdicts: on made-up answers whose verdicts are plain, and re-derived from stored predictions."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, Scratch
from scipy import stats
from sentiment_rnn.evaluation.answers import Answers
from statsmodels.stats.weightstats import ttost_paired

from sentiment_rnn.report.claims import Claim, ClaimError, judge
from sentiment_rnn.report.comparisons import as_number, compare_rows, families_of_study
from sentiment_rnn.report.results import Result, Runs, published_tables, summarize
from sentiment_rnn.study.params import load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

N = 2000
MARGIN = 0.03
LABELS = np.arange(N) % 2


def right_on(*shares: float) -> np.ndarray:
    """Right on the first reviews, and on no other: this share of all; 1 and -1 [seeds, reviews]."""
    return np.where(np.arange(N) < N * np.array(shares)[:, None], 1, -1)


def results_of(signs: dict[str, np.ndarray]) -> dict[str, Result]:
    """Results that are right where the sign is positive: [seeds, reviews]; each has its own variance of the seeds."""
    runs = {}
    for name, table in signs.items():
        answers = Answers(LABELS, table * np.where(LABELS == 1, 1.0, -1.0))
        runs[name] = Runs([{"seed": seed} for seed in range(len(table))], pd.DataFrame(), answers)
    return summarize(runs)


RESULTS = results_of(
    {
        "low": right_on(0.500, 0.505, 0.510),
        "high": right_on(0.800, 0.805, 0.795),
        "higher": right_on(0.900, 0.905, 0.895),
        "as high": right_on(0.800, 0.800, 0.803),
    }
)
NAMES = {"study.low": "one layer", "study.high": "two layers", "study.higher": "three layers"}
ROWS = {"study": {"low": "low", "high": "high", "higher": "higher", "same": "as high"}}
PAIRS = [("study.low", "study.high"), ("study.high", "study.higher"), ("study.high", "study.same")]
PAIRS += [("study.low", "study.higher")]


def judged(*statements: str, margin: float = MARGIN) -> Claim:
    comparisons = compare_rows({"study": PAIRS}, ROWS, RESULTS, margin)
    meanings = {"claims": {"x": list(statements)}, "rows": NAMES}
    (claim,) = judge([{"id": "x", "says": "so"}], meanings, comparisons, ROWS, RESULTS, margin)
    return claim


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        (["study.higher > study.high"], "supported"),
        (["study.high < study.higher", "study.low < study.high"], "supported"),
        (["study.low < 0.55"], "supported"),
        (["study.low < 0.515"], "undecided"),
        (["study.low < 0.4"], "contradicted"),
        (["study.high > study.same"], "refuted: no difference"),
        (["study.high < study.same"], "refuted: no difference"),
        (["study.higher > study.high", "study.high > study.same"], "partly supported"),
        (["study.higher > study.high", "study.low < 0.515"], "undecided"),
        (["study.high > study.same", "study.low < 0.515"], "undecided"),
        (["study.high > study.same", "study.high > study.higher"], "contradicted"),
        (["study.high > study.absent"], "not tested"),
        (["study.absent < 0.5", "study.low < study.high"], "not tested"),
    ],
)
def test_verdicts(statements: list[str], verdict: str):
    assert judged(*statements).verdict == verdict


def test_margin_decides_what_counts():
    """The difference of these two is certain, and about a tenth."""
    assert judged("study.higher > study.high", margin=0.15).verdict == "refuted: no difference"
    assert judged("study.higher > study.high", margin=0.05).verdict == "supported"
    assert judged("study.high > study.same", margin=0.0001).verdict == "undecided"


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["study.higher > study.high"], r"Three layers did better than two, by \d\.\d to 1\d\.\d points\."),
        (
            ["study.low < study.high", "study.low < study.higher", "study.low < 0.55", "study.low > 0.4"],
            r"One layer did worse than two layers and three layers, by \d\d\.\d to \d\d\.\d points, "
            r"and stayed below 55%, and stayed above 40%\.",
        ),
        (
            ["study.high > study.same"],
            r"Two layers did no better than study\.same: the difference is between -\d\.\d and \+\d\.\d points\.",
        ),
        (["study.high < study.same"], r"Two layers did no worse than study\.same: .*"),
        (
            ["study.higher < study.high", "study.low < 0.515"],
            r"Three layers did better than two, by .* points; one layer came near 51\.5%\.",
        ),
    ],
)
def test_finding_is_a_sentence(statements: list[str], sentence: str):
    assert re.fullmatch(sentence, judged(*statements).finding)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("study.high beats study.low", "claim x: 'study.high beats study.low' is not of the form"),
        ("study.low > study.absent2 ", "is not of the form"),
        ("study.same > study.low", "these two rows are not compared in any family"),
    ],
)
def test_statement_that_cannot_be_tested(statement: str, message: str):
    with pytest.raises(ClaimError, match=message):
        judged(statement)


def test_claim_without_a_reading():
    with pytest.raises(ClaimError, match="claim x: no statement says how it is read"):
        judge([{"id": "x", "says": "so"}], {"claims": {}, "rows": {}}, [], ROWS, RESULTS, MARGIN)


def test_bounds_are_a_family_of_their_own():
    claims = [{"id": "x", "says": "so"}, {"id": "y", "says": "so"}]
    meanings = {"claims": {"x": ["study.low < 0.515"], "y": ["study.high > 0.7"]}, "rows": {}}
    x, y = (claim.statements[0] for claim in judge(claims, meanings, [], ROWS, RESULTS, MARGIN))
    assert x["family"] == y["family"] == "bounds"
    alone = judge(claims[:1], meanings | {"claims": {"x": ["study.low < 0.515"]}}, [], ROWS, RESULTS, MARGIN)
    assert x["p_value"] == pytest.approx(2 * alone[0].statements[0]["p_value"])
    assert x["p_equivalence"] == y["p_equivalence"] == 1


def test_correction_is_within_a_family():
    """Of both p-values, and of the intervals."""
    families = {"one": PAIRS[2:3], "three": PAIRS[:3]}
    comparisons = compare_rows(families, ROWS, RESULTS, MARGIN)
    assert [comparison.family for comparison in comparisons] == ["one", "three", "three", "three"]
    alone, *three = comparisons
    for name in ("p_value", "p_equivalence"):
        assert getattr(three[2], name) == pytest.approx(min(1, 3 * getattr(alone, name)))
    assert three[2].low < alone.low < alone.high < three[2].high


def test_what_lies_within_the_margin_is_no_difference():
    """Where the interval does, the corrected test says so, too: no claim stays undecided there."""
    random = np.random.default_rng(0)
    ease = random.normal(1, 1, N)
    names = [str(place) for place in range(8)]
    results = results_of({name: 2.0 * (random.normal(size=(3, N)) < ease) - 1 for name in names})
    pairs = [(f"study.{name}", f"study.{other}") for name in names for other in names if name < other]
    tables = {"study": {name: name for name in names}}
    for margin in (0.03, 0.04, 0.05):
        made = compare_rows({"study": pairs}, tables, results, margin)
        inside = [one for one in made if -margin < one.low < one.high < margin]
        assert {one.outcome for one in inside} == {"no difference"}
        assert {one.outcome for one in made if one not in inside} <= {"more", "less", "undecided"}


def test_every_claim_is_read_and_every_statement_is_compared():
    """With the committed grids."""
    params = load_params(PROJECT / "params.yaml")
    meanings = read_yaml(PROJECT / "data/claims.yaml")
    published = read_yaml(PROJECT / "data/published.yaml")
    assert list(meanings["claims"]) == [claim["id"] for claim in published["claims"]]
    tables = study_catalogue(params).tables
    results = results_of({variant: right_on(0.5) for names in tables.values() for variant in names.values()})
    comparisons = compare_rows(families_of_study(tables, published_tables(published)), tables, results, params.margin)
    claims = judge(published["claims"], meanings, comparisons, tables, results, params.margin)
    assert all(len(claim.statements) == len(meanings["claims"][claim.name]) for claim in claims)
    sides = {part[side] for claim in claims for part in claim.statements for side in ("first", "second")}
    assert {side for side in sides if as_number(side) is None} == set(meanings["rows"])


def test_a_row_that_the_source_does_not_have_changes_no_correction_of_its_rows():
    tables = study_catalogue(load_params(PROJECT / "params.yaml")).tables
    published = published_tables(read_yaml(PROJECT / "data/published.yaml"))
    families = families_of_study(tables, published)
    assert len(families["lstm_optimizers"]) == 6  # four optimizers
    assert len(families["cells"]) == 4
    assert len(families["n_layers"]) == 6
    assert len(families["embedding_dim"]) == 3  # of which the source has one row alone
    more = {**tables, "n_layers": tables["n_layers"] | {"5": "n_layers-5"}}
    assert families_of_study(more, published)["n_layers"] == families["n_layers"]
    assert len(families_of_study(more, published)["n_layers_added"]) == 4


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
    assert (comparison.low, comparison.high) == pytest.approx((low, high))
    assert comparison.p_value == pytest.approx(2 * stats.t.sf(abs(difference) / np.sqrt(variance), degrees))
    beyond = (MARGIN - abs(difference)) / np.sqrt(variance)
    assert comparison.p_equivalence == pytest.approx(min(1, 2 * stats.t.sf(beyond, degrees)))


def test_verdict_can_be_rederived_from_the_predictions(finished: Scratch):
    """With one seed: the t test of the differences, and two one-sided ones."""
    folder = finished.folder / "results"
    base, compound = (pd.read_csv(folder / name / "0/predictions.csv") for name in ("lstm-adam", "compound"))
    correct = [((table["log_odds"] > 0) == (table["label"] == 1)).astype(float) for table in (compound, base)]
    reference = stats.ttest_rel(*correct)
    claim = json.loads((finished.folder / "metrics/verdicts.json").read_text())["compound"]
    (statement,) = claim["statements"]
    assert statement["difference"] == pytest.approx(correct[0].mean() - correct[1].mean())
    assert statement["p_value"] == pytest.approx(reference.pvalue)
    assert statement["p_equivalence"] == pytest.approx(min(1, 2 * ttost_paired(*correct, -0.01, 0.01)[0]))
    interval = reference.confidence_interval(0.95)
    assert (statement["low"], statement["high"]) == pytest.approx((interval.low, interval.high))
    outcome = "undecided" if reference.pvalue >= 0.05 else "holds" if reference.statistic < 0 else "reversed"
    outcome = "no difference" if statement["p_equivalence"] < 0.05 else outcome
    verdicts = {"holds": "supported", "reversed": "contradicted", "no difference": "refuted: no difference"}
    assert (statement["outcome"], claim["verdict"]) == (outcome, verdicts.get(outcome, outcome))
