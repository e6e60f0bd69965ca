"""The report of the study: claims, agreement with the published figures, and what else only the study has."""

import io
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ruamel.yaml import YAML
from statsmodels.stats.proportion import proportion_confint

from sentiment_rnn.evaluation.calibration import Calibration
from sentiment_rnn.evaluation.predictions import Predictions, read_predictions
from sentiment_rnn.report import figures
from sentiment_rnn.report.analyses import averaged_seeds, by_length, with_threshold
from sentiment_rnn.report.claims import Claim, evaluate_claims
from sentiment_rnn.report.comparisons import Pair, compare_rows, study_families, variant_by_row
from sentiment_rnn.report.figures import Drawing
from sentiment_rnn.report.results import is_inside, published_tables, read_results, study_curves
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.report.statistics import Comparison, estimate, mean_shift
from sentiment_rnn.report.tables import TITLES, Report
from sentiment_rnn.study.params import Params, read_yaml
from sentiment_rnn.study.variants import base_name, study_catalogue

RESULTS = Path("results")


@dataclass(frozen=True)
class StudyReport(Report):
    """The data of the study's page."""

    params: Params
    claims: list[Claim]
    source: dict[str, Any] | None  # what the source published; None where it does not compare
    data: dict[str, Any]  # the summaries of the split and of the vocabulary
    also_in_train: NDArray[np.bool_]  # [test reviews], whether the text is also among the training reviews
    selected: dict[str, str]  # the variants that some sections show, by their short names
    with_threshold: dict[str, Predictions]  # theirs, less the threshold that is best on the validation reviews
    calibrations: dict[str, Calibration]  # of them, without and with that threshold
    averaged_seeds: list[tuple[float, ...]]  # their accuracy with 1, 2, ... averaged seeds
    by_length: dict[tuple[float, float], dict[str, float]]  # their accuracy by the length of the review

    @cached_property
    def published_accuracy(self) -> dict[str, float]:
        """The published test accuracies by variant: that of the base belongs to several rows."""
        variant_of = variant_by_row(self.tables)
        rows = ((f"{table}.{row}", figures) for table, rows in self.published.items() for row, figures in rows.items())
        return {variant_of[row]: figures["test_accuracy"] for row, figures in rows if row in variant_of}

    @property
    def n_inside(self) -> int:
        """How many published accuracies are in the prediction interval for a single run of ours."""
        published = self.published_accuracy.items()
        return sum(is_inside(accuracy, self.results[variant].accuracy) for variant, accuracy in published)

    @cached_property
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
    def params_text(self) -> str:
        """The parameters as they could be written in their file."""
        stream = io.StringIO()
        YAML().dump(self.params.model_dump(), stream)
        return stream.getvalue()


def study_report(params: Params) -> StudyReport:
    """Compare the rows of the study, and evaluate the claims."""
    settings, catalogue = report_settings(params), study_catalogue(params)
    variants, tables = catalogue.variants.values(), catalogue.tables
    results = read_results({variant.results: variant.seeds for variant in variants}, not_pooled=["experiment"])
    published, is_comparable = read_yaml(Path("data/published.yaml")), params.dataset == "imdb"
    claim_specs, n_tokens = read_yaml(Path("data/claims.yaml")), pd.read_csv(RESULTS / "vocab/test_tokens.csv")
    selected, seeds = selected_variants(params), sorted(params.study.base.seeds)
    predictions = {name: results[variant].predictions for name, variant in selected.items()}
    validation = {
        name: read_predictions([RESULTS / variant / str(seed) for seed in seeds], "valid")
        for name, variant in selected.items()
    }
    at_threshold = {name: with_threshold(predictions[name], of) for name, of in validation.items()}
    both = predictions | {f"{name}, threshold": of for name, of in at_threshold.items()}
    return StudyReport(
        settings=settings,
        tables=tables,
        titles=read_yaml(TITLES),
        stages={variant.name: f"train_{variant.stage}" for variant in variants},
        results=results,
        comparisons=compare_rows(study_families(tables), tables, results, settings.margin),
        published=published_tables(published) if is_comparable else {},
        params=params,
        claims=evaluate_claims(published["claims"], claim_specs, tables, results, settings.margin),
        source=published if is_comparable else None,
        data=read_yaml(RESULTS / "split/summary.json") | read_yaml(RESULTS / "vocab/summary.json"),  # JSON is YAML
        also_in_train=pd.read_csv(RESULTS / "split/test_also_in_train.csv")["also_in_train"].to_numpy(),
        selected=selected,
        with_threshold=at_threshold,
        calibrations={name: Calibration.from_predictions(of.probability, of.labels) for name, of in both.items()},
        averaged_seeds=list(zip(*map(averaged_seeds, predictions.values()), strict=True)),
        by_length=by_length(n_tokens["n_tokens"].to_numpy(), params.max_length, predictions),
    )


def selected_variants(params: Params) -> dict[str, str]:
    """The base of each cell, and compound, by their short names."""
    return {cell: base_name(params, cell) for cell in params.study.grids["cell"]} | {"compound": "compound"}


def study_drawings(report: StudyReport) -> dict[str, Drawing]:
    """The findings, a figure for each table, calibration; and last what other reviews do not have: the names count."""
    plots, margin = report.settings.plots, report.settings.margin
    comparisons = compare_rows(pairs_with_base(report), report.tables, report.results, margin)
    forest_rows = figures.forest_rows(report, comparisons, report.published_accuracy)
    return {
        "findings": (figures.plot_forest, (forest_rows, margin, plots.colors)),
        **figures.table_drawings(report),
        "calibration": (figures.plot_reliability, (report.calibrations, plots.colors)),
        **training_log_drawing(report),
    }


def training_log_drawing(report: StudyReport) -> dict[str, Drawing]:
    """The figure of the source's training log, where there is one of a variant of ours."""
    logs = {name.replace("_", "-"): log for name, log in report.source["logs"].items()} if report.source else {}
    log = {variant: epochs for variant, epochs in reversed(logs.items()) if variant in report.results}
    curves = study_curves({variant: variant for variant in log}, report.results)
    return {"training_log": (figures.plot_training_log, (log, curves, report.settings.plots.colors))} if log else {}


def pairs_with_base(report: StudyReport) -> dict[str, list[Pair]]:
    """By table: each row with the base of its cell, and the cells with each optimizer.

    The experiment is left out as long as it is the base.
    """
    families: dict[str, list[Pair]] = {}
    bases = {base_name(report.params, cell) for cell in report.params.study.grids["cell"]}
    for table, rows in report.tables.items():
        (base,) = (row for row, variant in rows.items() if variant in bases)
        families[table] = [(f"{table}.{row}", f"{table}.{base}") for row in rows if row != base]
    if report.params.experiment == report.params.with_changes({}, "study.base"):
        del families["experiment"]
    cells = study_families(report.tables).get("cells", [])
    return families | {"cells": [(second, first) for first, second in cells]}
