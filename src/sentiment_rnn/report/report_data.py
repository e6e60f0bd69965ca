"""The data of the study's report: results, comparisons of rows, verdicts on claims."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_rnn.evaluation.calibration import Calibration
from sentiment_rnn.report.claims import Claim, evaluate_claims
from sentiment_rnn.report.comparisons import Pair, RowComparison, by_pair, compare_rows, study_families
from sentiment_rnn.report.results import Result, Tables, published_tables
from sentiment_rnn.report.settings import ReportSettings
from sentiment_rnn.study.params import Params
from sentiment_rnn.study.variants import Catalogue, base_name


@dataclass(frozen=True)
class ReportData:
    """Everything that the report shows.

    Attributes:
        params: the parameters.
        settings: the parameters of the report.
        catalogue: the variants and their tables.
        results: by variant.
        comparisons: of the rows.
        claims: of the source, with verdicts.
        source: what the source published; None where it does not compare.
        published: its tables; empty where it does not compare.
        data: the summaries of the split and of the vocabulary.
        also_in_train: bool [test reviews], whether the text is also among the training reviews.
    """

    params: Params
    settings: ReportSettings
    catalogue: Catalogue
    results: dict[str, Result]
    comparisons: list[RowComparison]
    claims: list[Claim]
    source: dict[str, Any] | None
    published: Tables
    data: dict[str, Any]
    also_in_train: NDArray[np.bool_]

    @cached_property
    def by_pair(self) -> dict[Pair, RowComparison]:
        """The comparisons by their two rows, in either order."""
        return by_pair(self.comparisons)

    @property
    def selected(self) -> dict[str, str]:
        """The variants that some sections show, by their short names: the base of each cell, and compound."""
        bases = {cell: base_name(self.params, cell) for cell in self.params.study.grids["cell"]}
        return bases | {"compound": "compound"}

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """The calibration of the selected variants."""
        predictions = {name: self.results[variant].predictions for name, variant in self.selected.items()}
        return {name: Calibration.from_predictions(of.probability, of.labels) for name, of in predictions.items()}


def build_report_data(
    params: Params,
    settings: ReportSettings,
    catalogue: Catalogue,
    results: dict[str, Result],
    *,
    published: dict[str, Any],
    claim_specs: dict[str, list[str]],
    data: dict[str, Any],
    also_in_train: NDArray[np.bool_],
) -> ReportData:
    """Compare the rows, and evaluate the claims.

    Args:
        params: the parameters.
        settings: the parameters of the report.
        catalogue: the variants and their tables.
        results: by variant.
        published: what the source published; only its claims are used if its reviews are not ours.
        claim_specs: the statements of each claim.
        data: the summaries of the split and of the vocabulary.
        also_in_train: bool [test reviews].
    """
    tables, is_comparable = catalogue.tables, params.dataset == "imdb"
    return ReportData(
        params=params,
        settings=settings,
        catalogue=catalogue,
        results=results,
        comparisons=compare_rows(study_families(tables), tables, results, settings.margin),
        claims=evaluate_claims(published["claims"], claim_specs, tables, results, settings.margin),
        source=published if is_comparable else None,
        published=published_tables(published) if is_comparable else {},
        data=data,
        also_in_train=also_in_train,
    )
