"""All that the runs of the study came to: the comparisons of its rows, and what becomes of the source's claims."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_rnn.report.calibration import Calibration
from sentiment_rnn.report.claims import Claim, judge
from sentiment_rnn.report.comparisons import Pair, RowComparison, by_pair, compare_rows, families_of_study
from sentiment_rnn.report.results import Result, Tables, published_tables
from sentiment_rnn.study.params import Params
from sentiment_rnn.study.variants import Catalogue, base_name


@dataclass(frozen=True)
class Findings:
    """All that the report shows.

    Attributes:
        params: the parameters.
        catalogue: the variants and their tables.
        results: by variant.
        comparisons: of the rows.
        claims: of the source, and what becomes of them.
        source: what the source published; None where it does not compare.
        published: its tables; empty where it does not compare.
        data: the summaries of the split and of the vocabulary.
        also_in_train: bool [reviews of test], whether a review stands in train too.
        cpu_seconds: of a training, by variant, on the machine of the committed run; empty where it does not compare.
    """

    params: Params
    catalogue: Catalogue
    results: dict[str, Result]
    comparisons: list[RowComparison]
    claims: list[Claim]
    source: dict[str, Any] | None
    published: Tables
    data: dict[str, Any]
    also_in_train: NDArray[np.bool_]
    cpu_seconds: dict[str, float]

    @cached_property
    def by_pair(self) -> dict[Pair, RowComparison]:
        """The comparisons by their two rows, in either order."""
        return by_pair(self.comparisons)

    @property
    def shown(self) -> dict[str, str]:
        """The models that are looked at more closely, by what they are called: the base of each cell, and compound."""
        bases = {cell: base_name(self.params, cell) for cell in self.params.study.grids["cell"]}
        return bases | {"compound": "compound"}

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """Of these models."""
        return {name: Calibration.of(self.results[variant].answers) for name, variant in self.shown.items()}


def gather(
    params: Params,
    catalogue: Catalogue,
    results: dict[str, Result],
    *,
    published: dict[str, Any],
    meanings: dict[str, Any],
    data: dict[str, Any],
    also_in_train: NDArray[np.bool_],
    cpu_seconds: dict[str, float],
) -> Findings:
    """Compare the rows, and judge the claims.

    Args:
        params: the parameters.
        catalogue: the variants and their tables.
        results: by variant.
        published: what the source published. It is left out, its claims aside, where its reviews are not ours.
        meanings: how the claims are read, and what the rows are called.
        data: the summaries of the split and of the vocabulary.
        also_in_train: bool [reviews of test].
        cpu_seconds: by variant, of the committed run; left out likewise.
    """
    tables, source_tables = catalogue.tables, published_tables(published)
    comparisons = compare_rows(families_of_study(tables, source_tables), tables, results, params.margin)
    is_comparable = params.dataset == "imdb"
    return Findings(
        params=params,
        catalogue=catalogue,
        results=results,
        comparisons=comparisons,
        claims=judge(published["claims"], meanings, comparisons, tables, results, params.margin),
        source=published if is_comparable else None,
        published=source_tables if is_comparable else {},
        data=data,
        also_in_train=also_in_train,
        cpu_seconds=cpu_seconds if is_comparable else {},
    )
