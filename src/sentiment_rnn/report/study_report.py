"""The report of the study: claims, agreement with the published figures, and what else only the study has."""

import math
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import combinations
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from sentiment_rnn.evaluation.calibration import Calibration
from sentiment_rnn.report.claims import Claim, Verdict
from sentiment_rnn.report.figures import Drawing, ForestRow, plot_forest, plot_reliability, table_drawings
from sentiment_rnn.report.page import as_yaml
from sentiment_rnn.report.results import is_inside
from sentiment_rnn.report.statistics import Comparison, estimate, mean_shift
from sentiment_rnn.report.tables import Report, comparison_rows, difference, interval, p_text, page_context
from sentiment_rnn.study.params import Params
from sentiment_rnn.study.variants import base_name

TITLE = "LSTM and GRU sentiment classifiers"
VERDICTS = get_args(Verdict)


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

    @cached_property
    def published_accuracy(self) -> dict[str, float]:
        """The published test accuracies by variant: that of the base belongs to several rows."""
        rows = ((variant, self.published.get(table, {}).get(row)) for table, row, variant in self.rows())
        return {variant: figures["test_accuracy"] for variant, figures in rows if figures}


def study_drawings(report: StudyReport) -> dict[str, Drawing]:
    """The figures, in the order in which they are shown: the findings, one for each table, and calibration."""
    plots = report.settings.plots
    return {
        "findings": (plot_forest, (forest_rows(report), report.settings.margin, plots.colors)),
        **table_drawings(report),
        "calibration": (plot_reliability, (report.calibrations, plots.colors)),
    }


def study_context(report: StudyReport) -> dict[str, Any]:
    """What the template shows."""
    study = {
        "dataset": report.params.dataset,
        "params": report.params,
        "params_text": as_yaml(report.params),
        "data": report.data,
        "source": report.source,
        "claims": [_claim_context(claim) for claim in report.claims],
        "verdicts": {verdict: sum(claim.verdict == verdict for claim in report.claims) for verdict in VERDICTS},
        "shift": shift(report),
        "agreement": agreement(report),
        "cells": report.title("cells") | {"comparisons": comparison_rows("cells", report)},
        "duplicates": _duplicate_rows(report),
        "calibration": _calibration_rows(report),
        "errors": _error_context(report),
        "confusion": {name: result.predictions.confusion for name, result in report.results.items()},
    }
    return page_context(report) | {"title": TITLE, "study": study}


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


def agreement(report: StudyReport) -> list[dict[str, Any]]:
    """Every variant that has a published accuracy, and whether it lies in the interval for a single run of ours."""
    names: dict[str, str] = {}
    for table, row, variant in report.rows():
        if row in report.published.get(table, {}):
            names.setdefault(variant, table if table == row else f"{table} {row}")
    return [
        {
            "name": name,
            "interval": f"{accuracy.prediction_low:.3f} to {min(accuracy.prediction_high, 1.0):.3f}",
            "published": published,
            "inside": is_inside(published, accuracy),
        }
        for variant, name in names.items()
        for published, accuracy in [(report.published_accuracy[variant], report.results[variant].accuracy)]
    ]


def shift(report: StudyReport) -> Comparison | None:
    """How far our mean accuracies are from the published ones, over the variants trained with the base's optimizer."""
    published = {
        name: accuracy
        for name, accuracy in report.published_accuracy.items()
        if report.results[name].settings["optimizer"] == report.params.study.base.optimizer
    }
    if not published:
        return None
    return mean_shift([report.results[name].correct for name in published], list(published.values()))


def _claim_context(claim: Claim) -> dict[str, Any]:
    """The claim with its numbers as texts."""
    names = [field.name for field in fields(Comparison)]
    statements = [
        part
        | {"difference": difference(Comparison(**{name: part[name] for name in names}))}
        | {key: p_text(part[key]) for key in ("p_value", "p_equivalence")}
        for part in claim.statements
    ]
    return vars(claim) | {"statements": statements}


def _duplicate_rows(report: StudyReport) -> list[dict[str, str]]:
    """Accuracy on all test reviews, and on those that do and do not also occur in train.

    So few are repeated, and so few of these are wrong, that their interval is Wilson's, of the reviews alone.
    """
    rows, n_repeated, n_new = [], int(report.also_in_train.sum()), int((~report.also_in_train).sum())
    for name, variant in report.selected.items():
        correct, variance = report.results[variant].correct
        share = float(correct[:, report.also_in_train].mean()) if n_repeated else math.nan
        low, high = proportion_confint(share * n_repeated, n_repeated, method="wilson") if n_repeated else (0, 1)
        rows.append(
            {
                "name": name,
                "n": str(len(correct)),
                "all": interval(estimate(correct, variance), 1.0),
                "new": interval(estimate(correct[:, ~report.also_in_train], variance), 1.0) if n_new > 1 else "",
                "repeated": f"{share:.3f} [{low:.3f}, {high:.3f}]" if n_repeated else "",
            }
        )
    return rows


def _calibration_rows(report: StudyReport) -> list[dict[str, str]]:
    rows = []
    for name, calibration in report.calibrations.items():
        errors, (low, high) = calibration.errors, calibration.by_chance
        rows.append(
            {
                "name": name,
                "error": f"{errors.mean():.4f}",
                "std": f"{errors.std(ddof=1):.4f}" if len(errors) > 1 else "",
                "n": str(len(errors)),
                "by_chance": f"{low:.4f} to {high:.4f}",
                "loss": interval(report.results[report.selected[name]].loss),
            }
        )
    return rows


def _error_context(report: StudyReport) -> dict[str, Any]:
    """The reviews that every run of the base, of its axes and of compound gets wrong, and those that none does."""
    studies = (*report.params.study.axes, "compound")
    names = dict.fromkeys(name for study in studies for name in report.tables[study].values())
    is_correct = np.concatenate([report.results[name].predictions.correct == 1 for name in names])  # [runs, reviews]
    shared, labels = ~is_correct.any(axis=0), report.results[next(iter(names))].predictions.labels
    return {
        "n_shared": int(shared.sum()),
        "n_runs": len(is_correct),
        "n_reviews": len(labels),
        "n_never": int(is_correct.all(axis=0).sum()),
        "n_positive": int((labels[shared] == 1).sum()),
    }
