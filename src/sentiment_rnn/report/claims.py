"""What becomes of the source's claims: the rules, and the sentences in which it is told.

A claim is read as statements, all of which it asserts: `STUDY.ROW > STUDY.ROW` or `STUDY.ROW < NUMBER`. A comparison
finds, at 95%, that there is no difference (it is below the margin), that a statement holds, that it is reversed (the
difference has the other sign), or that it is undecided. A claim is then

- contradicted, if a statement is reversed;
- supported, if all statements hold;
- refuted: no difference, if there is none in any of its statements;
- partly supported, if some of them hold, and others are no difference, whatever the rest;
- undecided otherwise.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.report.comparisons import RowComparison, as_number, by_pair, compare_rows, standing_rows
from sentiment_rnn.report.results import Result
from sentiment_rnn.study.variants import Rows

Verdict = Literal["supported", "partly supported", "refuted: no difference", "contradicted", "undecided", "not tested"]
STATEMENT = re.compile(r"(\S+\.\S+) ([<>]) (\S+)")
BOUND_PHRASES = {"more": "stayed above", "less": "stayed below", "undecided": "came near"}


class ClaimError(PipelineError):
    """A claim cannot be read; the message names it."""


@dataclass(frozen=True)
class Claim:
    """A claim of the source and what became of it.

    Attributes:
        name: its id.
        says: the claim in words.
        verdict: of all statements together.
        finding: what was found instead, or that it was found, in a sentence.
        statements: each with its sign, its outcome, and its comparison.
    """

    name: str
    says: str
    verdict: Verdict
    finding: str
    statements: list[dict[str, Any]]


def judge(
    claims: list[dict[str, str]],
    meanings: dict[str, Any],
    comparisons: list[RowComparison],
    tables: Rows,
    results: dict[str, Result],
    margin: float,
) -> list[Claim]:
    """The verdict on each claim. One whose rows are not all there is not tested.

    Args:
        claims: those of the source, with id and says.
        meanings: data/claims.yaml: the statements of each claim, and what the rows are called.
        comparisons: those of compare_rows. Statements on bounds are a family of their own.
        tables: of the study.
        results: by variant.
        margin: a difference below it is none.

    Raises:
        ClaimError: a claim has no statement, or one that cannot be read or is not compared.
    """
    standing = standing_rows(tables)
    parsed = {name: [_parse(name, text) for text in texts] for name, texts in meanings["claims"].items()}
    bounds = [
        (first, second)
        for parts in parsed.values()
        for first, _, second in parts
        if as_number(second) is not None and first in standing
    ]
    made = by_pair([*comparisons, *compare_rows({"bounds": bounds}, tables, results, margin)])
    judged = []
    for claim in claims:
        name, statements = claim["id"], []
        if not parsed.get(name):
            raise ClaimError(f"claim {name}: no statement says how it is read")
        for text, (first, sign, second) in zip(meanings["claims"][name], parsed[name], strict=True):
            if not all(side in standing for side in (first, second) if as_number(side) is None):
                continue
            if (first, second) not in made:
                raise ClaimError(f"claim {name}: {text!r}: these two rows are not compared in any family")
            one = made[first, second]
            outcome: str = one.outcome
            if outcome in ("more", "less"):
                outcome = "holds" if (outcome == "more") == (sign == ">") else "reversed"
            facts = {"statement": text, "sign": sign, "shows": one.outcome, "outcome": outcome}
            statements.append(facts | asdict(one))
        verdict = verdict_of({part["outcome"] for part in statements})
        if len(statements) < len(parsed[name]):
            verdict = "not tested"
        judged.append(Claim(name, claim["says"], verdict, finding(statements, meanings["rows"]), statements))
    return judged


def verdict_of(outcomes: set[str]) -> Verdict:
    """The verdict on a claim whose statements have these outcomes."""
    if "reversed" in outcomes:
        return "contradicted"
    if outcomes == {"holds"}:
        return "supported"
    if outcomes == {"no difference"}:
        return "refuted: no difference"
    return "partly supported" if {"holds", "no difference"} <= outcomes else "undecided"


def finding(statements: list[dict[str, Any]], names: dict[str, str]) -> str:
    """What the statements of a claim came to, in a sentence; in points, that is, hundredths of the accuracy.

    Args:
        statements: with sign, shows, first, second, low and high.
        names: what a row is called.
    """
    clauses: dict[str, list[str]] = defaultdict(list)  # what is said of each subject
    for part in statements:
        same = [one for one in statements if (one["first"], _phrase(one)) == (part["first"], _phrase(part))]
        if part is same[0]:
            subject = names.get(part["first"], part["first"])
            others = [_short(_called(one["second"], names), subject) for one in same]
            joined = listed(others, "or" if part["shows"] in ("no difference", "undecided") else "and")
            clauses[subject].append(f"{_phrase(part)} {joined}{_extent(same)}")
    text = "; ".join(f"{subject} {', and '.join(said)}" for subject, said in clauses.items())
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _phrase(part: dict[str, Any]) -> str:
    if as_number(part["second"]) is not None:
        return BOUND_PHRASES[part["shows"]]
    claimed = "better" if part["sign"] == ">" else "worse"
    return {
        "more": "did better than",
        "less": "did worse than",
        "no difference": f"did no {claimed} than",
        "undecided": f"may have done {claimed} than",
    }[part["shows"]]


def _called(side: str, names: dict[str, str]) -> str:
    number = as_number(side)
    return names.get(side, side) if number is None else f"{100 * number:g}%"


def _short(name: str, subject: str) -> str:
    """The name without the words at its end that the subject has there, too."""
    words, ending = name.split(), subject.split()
    while len(words) > 1 and ending and words[-1] == ending.pop():
        words.pop()
    return " ".join(words)


def _extent(parts: list[dict[str, Any]]) -> str:
    """How large the differences are: from the lowest end of an interval to the highest."""
    if as_number(parts[0]["second"]) is not None:
        return ""
    low, high = 100 * min(part["low"] for part in parts), 100 * max(part["high"] for part in parts)
    if parts[0]["shows"] in ("more", "less"):  # then no interval has 0
        smallest, largest = sorted((abs(low), abs(high)))
        return f", by {smallest:.1f} to {largest:.1f} points"
    which = "the difference is" if len(parts) == 1 else "all differences are"
    return f": {which} between {low:+.1f} and {high:+.1f} points"


def listed(names: Iterable[str], conjunction: str) -> str:
    """The names with commas, and the conjunction before the last."""
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def _parse(claim: str, text: str) -> tuple[str, str, str]:
    if not (match := STATEMENT.fullmatch(text)):
        raise ClaimError(f"claim {claim}: {text!r} is not of the form `STUDY.ROW > STUDY.ROW` or `STUDY.ROW < NUMBER`")
    return match[1], match[2], match[3]
