"""The rows of the tables compared with each other."""

import re
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from sentiment_rnn.report.results import Result, Tables
from sentiment_rnn.report.statistics import ALPHA, Comparison, compare
from sentiment_rnn.study.variants import Rows

Pair = tuple[str, str]  # of rows, each as STUDY.ROW; the second may be a number
Outcome = Literal["more", "less", "no difference", "undecided"]


@dataclass(frozen=True)
class RowComparison(Comparison):
    """The test accuracy of one row less another's, on the same reviews.

    Attributes:
        family: the comparisons that are corrected together.
        first: a row, as STUDY.ROW.
        second: another row, or a number.
    """

    family: str
    first: str
    second: str

    @property
    def outcome(self) -> Outcome:
        """What the comparison shows at 5%: one that is significantly below the margin is none, if also above 0."""
        if self.p_equivalence < ALPHA:
            return "no difference"
        if self.p_value < ALPHA:
            return "more" if self.difference > 0 else "less"
        return "undecided"

    @property
    def turned(self) -> "RowComparison":
        """The same with the second row first."""
        turned = {"first": self.second, "second": self.first, "low": -self.high, "high": -self.low}
        return RowComparison(**asdict(self) | turned | {"difference": -self.difference})


def pairs_within(study: str, rows: list[str]) -> list[Pair]:
    """Some rows of a study, each with each."""
    return [(f"{study}.{first}", f"{study}.{second}") for first, second in combinations(rows, 2)]


def families_of_study(tables: Rows, published: Tables) -> dict[str, list[Pair]]:
    """The comparisons that are made, by family: all rows of a study with each other; the cells under each optimizer.

    Where the source has rows to compare, pairs with a row that it has not are a family of their own, FAMILY_added: a
    value added to a grid changes no correction of the source's.
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


def compare_rows(
    families: dict[str, list[Pair]], tables: Rows, results: dict[str, Result], margin: float
) -> list[RowComparison]:
    """Every pair of every family, in order; the second of a pair may be a number, to hold the first against."""
    standing = standing_rows(tables)
    found = []
    for family, pairs in families.items():
        for first, second in pairs:
            bound, left = as_number(second), results[standing[first]].correct
            fixed = np.full((1, left[0].shape[1]), bound)
            right = results[standing[second]].correct if bound is None else (fixed, None)
            # a bound is kept or not: there is no equivalence to it
            one = compare(left, right, margin if bound is None else 0.0, len(pairs))
            found.append(RowComparison(**vars(one), family=family, first=first, second=second))
    return found


def by_pair(comparisons: list[RowComparison]) -> dict[Pair, RowComparison]:
    """The comparisons by their two rows, in either order."""
    return {(one.first, one.second): one for one in [*(one.turned for one in comparisons), *comparisons]}


def standing_rows(tables: Rows) -> dict[str, str]:
    """The variant in each row, by STUDY.ROW."""
    return {f"{study}.{row}": name for study, rows in tables.items() for row, name in rows.items()}


def as_number(side: str) -> float | None:
    """The bound that a side of a pair stands for; None if it is a row."""
    return float(side) if re.fullmatch(r"\d*\.?\d+", side) else None
