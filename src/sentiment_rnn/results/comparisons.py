"""Which differences between rows are real, and what that makes of the source's claims."""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ruamel.yaml import YAML

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.results.rows import Rows
from sentiment_rnn.results.statistics import ALPHA, Values, compare, holm
from sentiment_rnn.results.studies import Pair, Result

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


def compare_rows(families: dict[str, list[Pair]], rows: Rows, results: dict[str, Result]) -> list[RowComparison]:
    """Every pair of every family, in order; the second of a pair may be a number, to hold the first against."""
    found = []
    for family, pairs in families.items():
        plain = []
        for first, second in pairs:
            values = _correct(first, rows, results)
            bound = _number(second)
            other = _correct(second, rows, results) if bound is None else np.full((1, values.shape[1]), bound)
            plain.append(compare(values, other))
        corrected = holm([comparison.p_value for comparison in plain])
        for (first, second), comparison, p_holm in zip(pairs, plain, corrected, strict=True):
            found.append(RowComparison(family, first, second, p_holm=p_holm, **asdict(comparison)))
    return found


def judge(
    claims: list[dict[str, str]],
    meanings: dict[str, list[str]],
    comparisons: list[RowComparison],
    rows: Rows,
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
        rows: the tables.
        results: by variant.

    Raises:
        ClaimError: a claim has no statement, or one that cannot be read or is not compared.
    """
    parsed = {claim["id"]: [_parse(claim["id"], text) for text in meanings.get(claim["id"], [])] for claim in claims}
    bounds = [
        (first, second)
        for parts in parsed.values()
        for first, _, second in parts
        if _number(second) is not None and _variant(first, rows)
    ]
    made = {
        (made.first, made.second): made for made in [*comparisons, *compare_rows({"bounds": bounds}, rows, results)]
    }
    made |= {(second, first): _turned(comparison) for (first, second), comparison in made.items()}
    judged = []
    for claim in claims:
        name, statements = claim["id"], []
        if not parsed[name]:
            raise ClaimError(f"claim {name}: no statement says how it is read")
        for text, (first, sign, second) in zip(meanings[name], parsed[name], strict=True):
            if not all(_variant(side, rows) for side in (first, second) if _number(side) is None):
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


def read_meanings(path: Path) -> dict[str, list[str]]:
    """The statements of each claim, as data/claims.yaml has them."""
    content: dict[str, list[str]] = YAML(typ="safe").load(path)
    return content


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


def _variant(address: str, rows: Rows) -> str | None:
    study, _, row = address.partition(".")
    return rows.get(study, {}).get(row)


def _correct(address: str, rows: Rows, results: dict[str, Result]) -> Values:
    study, _, row = address.partition(".")
    return results[rows[study][row]].answers.correct
