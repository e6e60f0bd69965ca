"""The report of the study: claims, agreement with the published figures, and what else only the study has."""

import io
import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from statsmodels.stats.proportion import proportion_confint

from sentiment_rnn.evaluation.calibration import Calibration
from sentiment_rnn.report.claims import Claim, Verdict
from sentiment_rnn.report.figures import Drawing, ForestRow, plot_forest, plot_reliability, table_drawings
from sentiment_rnn.report.results import is_inside
from sentiment_rnn.report.statistics import Comparison, estimate, mean_shift
from sentiment_rnn.report.tables import Report
from sentiment_rnn.study.params import Params
from sentiment_rnn.study.variants import base_name


@dataclass(frozen=True)
class StudyReport(Report):
    """The data of the study's page.

    Attributes:
        params: the parameters.
        claims: of the source, with verdicts.
        source: what the source published; None where it does not compare.
        data: the summaries of the split and of the vocabulary.
        also_in_train: bool [test reviews], whether the text is also among the training reviews.
    """

    params: Params
    claims: list[Claim]
    source: dict[str, Any] | None
    data: dict[str, Any]
    also_in_train: NDArray[np.bool_]

    @property
    def bases(self) -> dict[str, str]:
        """The variant that is the base of each cell."""
        return {cell: base_name(self.params, cell) for cell in self.params.study.grids["cell"]}

    @property
    def selected(self) -> dict[str, str]:
        """The variants that some sections show, by their short names: the base of each cell, and compound."""
        return self.bases | {"compound": "compound"}

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """The calibration of the selected variants."""
        predictions = {name: self.results[variant].predictions for name, variant in self.selected.items()}
        return {name: Calibration.from_predictions(of.probability, of.labels) for name, of in predictions.items()}

    @property
    def verdicts(self) -> dict[str, int]:
        """How many claims have each verdict."""
        return {verdict: sum(claim.verdict == verdict for claim in self.claims) for verdict in get_args(Verdict)}

    @cached_property
    def published_accuracy(self) -> dict[str, float]:
        """The published test accuracies by variant: that of the base belongs to several rows."""
        rows = ((variant, self.published.get(table, {}).get(row)) for table, row, variant in self.rows())
        return {variant: figures["test_accuracy"] for variant, figures in rows if figures}

    @property
    def n_inside(self) -> int:
        """How many published accuracies are in the prediction interval for a single run of ours."""
        published = self.published_accuracy.items()
        return sum(is_inside(accuracy, self.results[variant].accuracy) for variant, accuracy in published)

    @property
    def shift(self) -> Comparison | None:
        """How far our mean accuracies are from the published ones, over the variants with the base's optimizer."""
        optimizer = self.params.study.base.optimizer
        names = [name for name in self.published_accuracy if self.results[name].settings["optimizer"] == optimizer]
        if not names:
            return None
        return mean_shift(
            [self.results[name].correct for name in names], [self.published_accuracy[name] for name in names]
        )

    @property
    def duplicates(self) -> dict[str, dict[str, Any]]:
        """Accuracy of the selected variants on the test reviews that also occur in train, and on the others.

        So few are repeated, and so few of these are wrong, that their interval is Wilson's, of the reviews alone.
        """
        duplicates, n_repeated = {}, int(self.also_in_train.sum())
        for name, variant in self.selected.items():
            correct, variance = self.results[variant].correct
            new = correct[:, ~self.also_in_train]
            share = float(correct[:, self.also_in_train].mean()) if n_repeated else math.nan
            wilson = proportion_confint(share * n_repeated, n_repeated, method="wilson") if n_repeated else None
            duplicates[name] = {
                "all": self.results[variant].accuracy,
                "new": estimate(new, variance) if new.shape[1] > 1 else None,
                "repeated": (share, *wilson) if wilson else None,
            }
        return duplicates

    @property
    def shared_errors(self) -> dict[str, int]:
        """Counts of the reviews that every run of the base, of its axes and of compound gets wrong, or right."""
        studies = (*self.params.study.axes, "compound")
        names = dict.fromkeys(name for study in studies for name in self.tables[study].values())
        is_correct = np.concatenate([self.results[name].predictions.correct == 1 for name in names])  # [runs, reviews]
        all_wrong, labels = ~is_correct.any(axis=0), self.results[next(iter(names))].predictions.labels
        return {
            "runs": len(is_correct),
            "reviews": len(labels),
            "all_right": int(is_correct.all(axis=0).sum()),
            "all_wrong_positive": int((all_wrong & (labels == 1)).sum()),
            "all_wrong_negative": int((all_wrong & (labels == 0)).sum()),
        }

    @property
    def params_text(self) -> str:
        """The parameters as they could be written in their file."""
        stream = io.StringIO()
        YAML().dump(self.params.model_dump(), stream)
        return stream.getvalue()


def study_drawings(report: StudyReport) -> dict[str, Drawing]:
    """The figures, in the order in which they are shown: the findings, one for each table, and calibration."""
    plots = report.settings.plots
    return {
        "findings": (plot_forest, (forest_rows(report), report.settings.margin, plots.colors)),
        **table_drawings(report),
        "calibration": (plot_reliability, (report.calibrations, plots.colors)),
    }


def forest_rows(report: StudyReport) -> list[ForestRow | str]:
    """Every row of the study beside the base of its cell, and the cells under each optimizer; each table's title first.

    The experiment is left out as long as it is the base.
    """
    bases, rows = set(report.bases.values()), list[ForestRow | str]()
    for table, variants in report.tables.items():
        if table == "experiment" and report.params.experiment == report.params.with_changes({}, "study.base"):
            continue
        (base,) = (row for row, variant in variants.items() if variant in bases)
        pairs = [(f"{row} vs {base}", f"{table}.{row}", f"{table}.{base}") for row in variants if row != base]
        rows += _forest_table(table, pairs, report)
    grids = report.params.study.grids
    for first, second in combinations(grids["cell"], 2):
        pairs = [
            (f"{optimizer}: {second} vs {first}", f"{second}_optimizers.{optimizer}", f"{first}_optimizers.{optimizer}")
            for optimizer in grids["optimizer"]
        ]
        rows += _forest_table("cells", pairs, report)
    return rows


def _forest_table(table: str, pairs: list[tuple[str, str, str]], report: StudyReport) -> list[ForestRow | str]:
    """The title of a table, and its pairs: each has a label, a row, and the row with which that is compared."""
    variant_of = {f"{name}.{row}": variant for name, row, variant in report.rows()}
    rows: list[ForestRow | str] = [report.title(table)["title"]] if pairs else []
    for label, first, second in pairs:
        one, two = (report.published_accuracy.get(variant_of[row]) for row in (first, second))
        rows.append(ForestRow(label, report.by_pair[first, second], one - two if one and two else None))
    return rows
