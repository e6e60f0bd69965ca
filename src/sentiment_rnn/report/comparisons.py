"""The rows of the tables compared with each other."""

import re
from dataclasses import dataclass
from itertools import combinations

from sentiment_rnn.report.results import Result, ResultsError
from sentiment_rnn.report.statistics import Comparison, compare, compare_with_number
from sentiment_rnn.study.variants import Rows

Pair = tuple[str, str]  # of rows, each as STUDY.ROW; the second may be a number


@dataclass(frozen=True)
class RowComparison(Comparison):
    """The test accuracy of one row minus another's, on the same reviews."""

    family: str  # the table in which it is shown
    first: str  # STUDY.ROW
    second: str  # STUDY.ROW, or a number


def study_families(tables: Rows) -> dict[str, list[Pair]]:
    """The comparisons that are shown, by table: all rows of a study, and the cells with each optimizer."""
    families = {
        study: [(f"{study}.{first}", f"{study}.{second}") for first, second in combinations(rows, 2)]
        for study, rows in tables.items()
    }
    by_cell = {study: rows for study, rows in tables.items() if study.endswith("_optimizers")}
    families["cells"] = [
        (f"{first}.{optimizer}", f"{second}.{optimizer}")
        for first, second in combinations(by_cell, 2)
        for optimizer in by_cell[first]
    ]
    return {family: pairs for family, pairs in families.items() if pairs}


def compare_rows(
    families: dict[str, list[Pair]], tables: Rows, results: dict[str, Result], margin: float, n_statements: int = 1
) -> list[RowComparison]:
    """Every pair of every family, in order; margin and n_statements are those of compare().

    Raises:
        ResultsError: the two variants of a pair have other reviews.
    """
    variant_of = variant_by_row(tables)
    comparisons = []
    for family, pairs in families.items():
        for first, second in pairs:
            number, one = as_number(second), results[variant_of[first]]
            if number is None:
                other = results[variant_of[second]]
                if len({result.models[0]["validation_reviews"] for result in (one, other)}) > 1:  # hashes
                    names = f"{variant_of[first]} and {variant_of[second]}"
                    raise ResultsError(f"the results of {names} are of different reviews and cannot be compared")
                comparison = compare(one.correct, other.correct, margin, n_statements)
            else:
                comparison = compare_with_number(one.correct, number, n_statements)
            comparisons.append(RowComparison(**vars(comparison), family=family, first=first, second=second))
    return comparisons


def variant_by_row(tables: Rows) -> dict[str, str]:
    """The variant of each row, by STUDY.ROW."""
    return {f"{study}.{row}": name for study, rows in tables.items() for row, name in rows.items()}


def as_number(side: str) -> float | None:
    """The number that is a side of a pair; None if that is a row."""
    return float(side) if re.fullmatch(r"\d*\.?\d+", side) else None
