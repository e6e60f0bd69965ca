"""The verdicts on the source's claims.

A claim asserts some statements, all of them: `STUDY.ROW > STUDY.ROW` or `STUDY.ROW < NUMBER`. One 95% interval decides
on each statement: it is *within the margin*, or it *holds* or is *reversed*, or it is *undecided*. That all hold, or
that all are within the margin, is an intersection-union test (Berger 1982): it needs no correction. That any is
reversed is a union, and is corrected for the number of statements (Bonferroni). docs/statistics.md says more.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.report.comparisons import as_number, compare_rows, variant_by_row
from sentiment_rnn.report.results import Result
from sentiment_rnn.study.variants import Rows

Verdict = Literal[
    "supported",
    "partly supported",
    "not supported: any difference is below the margin",
    "contradicted",
    "undecided",
    "not tested",
]
STATEMENT = re.compile(r"([a-z_]+\.\S+) ([<>]) (\S+)")


class ClaimError(PipelineError):
    """A claim cannot be read; the message names it."""


@dataclass(frozen=True)
class Claim:
    """A published claim, the verdict on it, and its statements, each with its outcome and its comparison.

    From the smallest margin on, all its differences are within the margin; None without differences.
    """

    name: str
    text: str
    verdict: Verdict
    smallest_margin: float | None
    statements: list[dict[str, Any]]


def evaluate_claims(
    claims: list[dict[str, str]], specs: dict[str, list[str]], tables: Rows, results: dict[str, Result], margin: float
) -> list[Claim]:
    """The verdict on each claim, by its statements in `specs`. A claim is not tested if one of its rows is missing.

    Raises:
        ClaimError: a claim has no statement, or one that cannot be read, or `specs` has another claim.
    """
    if unknown := specs.keys() - {claim["id"] for claim in claims}:
        raise ClaimError(f"claim {min(unknown)}: is none of the published ones")
    rows = variant_by_row(tables)
    evaluated = []
    for claim in claims:
        name = claim["id"]
        if not specs.get(name):
            raise ClaimError(f"claim {name}: no statement says how it is read")
        parsed = [_parse(name, text) for text in specs[name]]
        if any(side not in rows for first, _, second in parsed for side in (first, second) if as_number(side) is None):
            evaluated.append(Claim(name, claim["says"], "not tested", None, []))
            continue
        pairs = [(first, second) for first, _, second in parsed]
        comparisons = compare_rows({name: pairs}, tables, results, margin, n_statements=len(pairs))
        statements = []
        for text, (_, sign, _), comparison in zip(specs[name], parsed, comparisons, strict=True):
            claimed = "more" if sign == ">" else "less"
            outcome: str = comparison.outcome
            if outcome in ("more", "less"):
                outcome = "holds" if outcome == claimed else "reversed"
            is_contradicted = outcome == "reversed" and comparison.corrected_outcome not in (claimed, "undecided")
            statement = {"statement": text, "sign": sign, "outcome": outcome, "contradicts": is_contradicted}
            statements.append(statement | asdict(comparison))
        margins = [comparison.smallest_margin for comparison in comparisons if comparison.smallest_margin is not None]
        evaluated.append(Claim(name, claim["says"], verdict_of(statements), max(margins, default=None), statements))
    return evaluated


def verdict_of(statements: list[dict[str, Any]]) -> Verdict:
    """The verdict on a claim with these statements."""
    outcomes = {statement["outcome"] for statement in statements}
    if any(statement["contradicts"] for statement in statements):
        return "contradicted"
    if outcomes == {"holds"}:
        return "supported"
    if outcomes == {"within the margin"}:
        return "not supported: any difference is below the margin"
    return "partly supported" if outcomes == {"holds", "within the margin"} else "undecided"


def _parse(claim: str, text: str) -> tuple[str, str, str]:
    if not (match := STATEMENT.fullmatch(text)):
        raise ClaimError(f"claim {claim}: {text!r} is not of the form `STUDY.ROW > STUDY.ROW` or `STUDY.ROW < NUMBER`")
    return match[1], match[2], match[3]
