"""Which differences between rows are real, and what that makes of the source's claims."""

import re
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.report.results import Result, Tables
from sentiment_rnn.report.statistics import ALPHA, Values, compare, holm
from sentiment_rnn.study.variants import Rows

Pair = tuple[str, str]  # of rows, each as STUDY.ROW; the second may be a number

Verdict = Literal["supported", "not supported", "contradicted", "not tested"]
STATEMENT = re.compile(r"(\S+\.\S+) ([<>]) (\S+)")


class ClaimError(PipelineError):
    """A claim cannot be read; the message names it."""


@dataclass(frozen=True)
class RowComparison:
    """The test accuracy of one row less another's, on the same reviews.

    Attributes:
        family: the comparisons that are corrected together.
        first: a row, as STUDY.ROW.
        second: another row, or a number.
        difference: first less second.
        low: lower end of the difference's 95% interval (of this comparison alone).
        high: its upper end.
        p_value: two-sided.
        n: seeds.
        n_reviews: test reviews.
        p_holm: the p-value corrected for the number of comparisons in the family.
    """

    family: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p_value: float
    n: int
    n_reviews: int
    p_holm: float

    @property
    def is_significant(self) -> bool:
        """Whether the difference is told from none at 5%, after the correction."""
        return self.p_holm < ALPHA


@dataclass(frozen=True)
class Claim:
    """A claim of the source and what became of it."""

    name: str
    says: str
    verdict: Verdict
    statements: list[dict[str, Any]]


def pairs_within(study: str, rows: list[str]) -> list[Pair]:
    """Some rows of a study, each with each."""
    return [(f"{study}.{first}", f"{study}.{second}") for first, second in combinations(rows, 2)]


def families_of_study(tables: Rows, published: Tables) -> dict[str, list[Pair]]:
    """The comparisons that are made, by family: all rows of a study with each other; the cells under each optimizer.

    Where the source has rows to compare, pairs with a row that it has not are a family of their own, FAMILY_added: a
    value added to a grid moves no p-value of the source's.
    """
    families = {study: pairs_within(study, list(rows)) for study, rows in tables.items()}
    by_cell = {study: rows for study, rows in tables.items() if study.endswith("_optimizers")}
    families["cells"] = [
        (f"{first}.{optimizer}", f"{second}.{optimizer}")
        for first, second in combinations(by_cell, 2)
        for optimizer in by_cell[first]
    ]
    sources = {f"{study}.{row}" for study, rows in published.items() for row in rows}
    divided: dict[str, list[Pair]] = {}
    for family, pairs in families.items():
        of_source = [pair for pair in pairs if sources.issuperset(pair)]
        added = [pair for pair in pairs if not sources.issuperset(pair)]
        divided |= {family: of_source, f"{family}_added": added} if of_source else {family: added}
    return {family: pairs for family, pairs in divided.items() if pairs}


def compare_rows(families: dict[str, list[Pair]], tables: Rows, results: dict[str, Result]) -> list[RowComparison]:
    """Every pair of every family, in order; the second of a pair may be a number, to hold the first against."""
    standing = standing_rows(tables)
    found = []
    for family, pairs in families.items():
        plain = []
        for first, second in pairs:
            bound = _number(second)
            if bound is None:
                plain.append(compare(*_paired(results[standing[first]], results[standing[second]])))
            else:
                values = results[standing[first]].answers.correct
                plain.append(compare(values, np.full((1, values.shape[1]), bound)))
        corrected = holm([comparison.p_value for comparison in plain])
        for (first, second), comparison, p_holm in zip(pairs, plain, corrected, strict=True):
            found.append(RowComparison(family, first, second, p_holm=p_holm, **asdict(comparison)))
    return found


def standing_rows(tables: Rows) -> dict[str, str]:
    """The variant in each row, by STUDY.ROW."""
    return {f"{study}.{row}": name for study, rows in tables.items() for row, name in rows.items()}


def _paired(first: Result, second: Result) -> tuple[Values, Values]:
    """The answers of the seeds that both have. One without a seed, a bag of words, is compared with every seed."""
    shared = [seed for seed in first.seeds if seed in second.seeds]
    if None in (*first.seeds, *second.seeds):
        return first.answers.correct, second.answers.correct
    one, other = (result.answers.correct[[result.seeds.index(seed) for seed in shared]] for result in (first, second))
    return one, other


def judge(
    claims: list[dict[str, str]],
    meanings: dict[str, list[str]],
    comparisons: list[RowComparison],
    tables: Rows,
    results: dict[str, Result],
) -> list[Claim]:
    """The verdict on each claim.

    A claim is contradicted if one of its statements is refuted, that is, the contrary is significant; else supported
    if every statement is, and not supported otherwise. One whose rows are not all there is not tested. Statements on
    bounds are a family of their own.

    Args:
        claims: those of the source, with id and says.
        meanings: by id, the statements that the claim makes: `STUDY.ROW > STUDY.ROW`, `STUDY.ROW < NUMBER`.
        comparisons: those of compare_rows.
        tables: of the study.
        results: by variant.

    Raises:
        ClaimError: a claim has no statement, or one that cannot be read or is not compared.
    """
    standing = standing_rows(tables)
    parsed = {claim["id"]: [_parse(claim["id"], text) for text in meanings.get(claim["id"], [])] for claim in claims}
    bounds = [
        (first, second)
        for parts in parsed.values()
        for first, _, second in parts
        if _number(second) is not None and first in standing
    ]
    made = {
        (made.first, made.second): made for made in [*comparisons, *compare_rows({"bounds": bounds}, tables, results)]
    }
    made |= {(second, first): _turned(comparison) for (first, second), comparison in made.items()}
    judged = []
    for claim in claims:
        name, statements = claim["id"], []
        if not parsed[name]:
            raise ClaimError(f"claim {name}: no statement says how it is read")
        for text, (first, sign, second) in zip(meanings[name], parsed[name], strict=True):
            if not all(side in standing for side in (first, second) if _number(side) is None):
                continue
            if (first, second) not in made:
                raise ClaimError(f"claim {name}: {text!r}: these two rows are not compared in any family")
            comparison = made[first, second]
            points_there = (comparison.difference > 0) == (sign == ">")
            outcome = "undecided" if not comparison.is_significant else "holds" if points_there else "refuted"
            statements.append({"statement": text, "outcome": outcome, **asdict(comparison)})
        verdict = _verdict(statements) if len(statements) == len(parsed[name]) else "not tested"
        judged.append(Claim(name, claim["says"], verdict, statements))
    return judged


def _verdict(statements: list[dict[str, Any]]) -> Verdict:
    outcomes = {statement["outcome"] for statement in statements}
    if "refuted" in outcomes:
        return "contradicted"
    return "supported" if outcomes == {"holds"} else "not supported"


def _turned(comparison: RowComparison) -> RowComparison:
    """The same with the second row first."""
    return replace(
        comparison,
        first=comparison.second,
        second=comparison.first,
        difference=-comparison.difference,
        low=-comparison.high,
        high=-comparison.low,
    )


def _parse(claim: str, text: str) -> tuple[str, str, str]:
    match = STATEMENT.fullmatch(text)
    if match is None:
        raise ClaimError(f"claim {claim}: {text!r} is not of the form `STUDY.ROW > STUDY.ROW` or `STUDY.ROW < NUMBER`")
    return match[1], match[2], match[3]


def _number(side: str) -> float | None:
    return float(side) if re.fullmatch(r"\d*\.\d+", side) else None
