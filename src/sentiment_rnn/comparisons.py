"""Which differences between rows are real, and what that makes of the source's claims."""

import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ruamel.yaml import YAML

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.statistics import ALPHA, Values, compare, holm
from sentiment_rnn.studies import Result, Rows

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
        p_holm: the same, corrected for the number of comparisons in the family.
    """

    family: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p_value: float
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


def compare_rows(
    families: dict[str, list[tuple[str, str]]], rows: Rows, results: dict[str, Result]
) -> list[RowComparison]:
    """Every pair of every family, in order."""
    found = []
    for family, pairs in families.items():
        plain = [compare(_correct(first, rows, results), _correct(second, rows, results)) for first, second in pairs]
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
    if every statement is, and not supported otherwise. One whose rows are not all there is not tested.

    Args:
        claims: those of the source, with id and says.
        meanings: by id, the statements that the claim makes: `STUDY.ROW > STUDY.ROW`, `STUDY.ROW < NUMBER`.
        comparisons: those of compare_rows.
        rows: the tables.
        results: by variant.

    Raises:
        ClaimError: a statement cannot be read.
    """
    made = {(comparison.first, comparison.second): comparison for comparison in comparisons}
    judged = []
    for claim in claims:
        parts = [_parse(claim["id"], text) for text in meanings[claim["id"]]]
        addresses = [side for first, _, second in parts for side in (first, second) if isinstance(side, str)]
        if not all(_variant(address, rows) for address in addresses):
            judged.append(Claim(claim["id"], claim["says"], "not tested", []))
            continue
        statements = []
        for text, (first, sign, second) in zip(meanings[claim["id"]], parts, strict=True):
            comparison = _of_statement(first, second, made, rows, results)
            if comparison is None:
                raise ClaimError(f"claim {claim['id']}: {text!r}: these two rows are not compared in any family")
            points_there = (comparison.difference > 0) == (sign == ">")
            outcome = "undecided" if not comparison.is_significant else "holds" if points_there else "refuted"
            statements.append({"statement": text, "outcome": outcome, **asdict(comparison)})
        judged.append(Claim(claim["id"], claim["says"], _verdict(statements), statements))
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


def _of_statement(
    first: str,
    second: str | float,
    made: dict[tuple[str, str], RowComparison],
    rows: Rows,
    results: dict[str, Result],
) -> RowComparison | None:
    """The comparison that decides it, with its sides as the statement has them; None where there is none."""
    if isinstance(second, float):  # a bound: one comparison of its own, with a table that has no noise
        values = _correct(first, rows, results)
        against = compare(values, np.full((1, values.shape[1]), second))
        return RowComparison("bound", first, str(second), p_holm=against.p_value, **asdict(against))
    if (first, second) in made:
        return made[first, second]
    found = made.get((second, first))
    return found and RowComparison(
        found.family, first, second, -found.difference, -found.high, -found.low, found.p_value, found.p_holm
    )


def _parse(claim: str, text: str) -> tuple[str, str, str | float]:
    match = STATEMENT.fullmatch(text)
    if match is None:
        raise ClaimError(f"claim {claim}: {text!r} is not of the form `STUDY.ROW > STUDY.ROW` or `STUDY.ROW < NUMBER`")
    first, sign, second = match.groups()
    try:
        bound = float(second)
    except ValueError:
        return first, sign, second
    if not math.isfinite(bound):
        raise ClaimError(f"claim {claim}: {text!r} has no finite bound")
    return first, sign, bound


def _variant(address: str, rows: Rows) -> str | None:
    study, _, row = address.partition(".")
    return rows.get(study, {}).get(row)


def _correct(address: str, rows: Rows, results: dict[str, Result]) -> Values:
    study, _, row = address.partition(".")
    return results[rows[study][row]].answers.correct
