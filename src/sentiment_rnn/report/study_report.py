"""The report of the study: its figures, and the context of its page."""

import math
from dataclasses import fields
from itertools import combinations
from typing import Any, get_args

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from sentiment_rnn.report.claims import Claim, Verdict
from sentiment_rnn.report.comparisons import variant_by_row
from sentiment_rnn.report.figures import Difference, Drawing, plot_forest, plot_reliability, study_drawings
from sentiment_rnn.report.page import as_yaml
from sentiment_rnn.report.report_data import ReportData
from sentiment_rnn.report.results import is_inside
from sentiment_rnn.report.sections import (
    comparison_rows,
    difference,
    interval,
    p_text,
    provenance,
    study_sections,
    trained_on,
)
from sentiment_rnn.report.statistics import Comparison, estimate, mean_shift
from sentiment_rnn.study.variants import base_name

VERDICTS = get_args(Verdict)
TITLES = {
    "n_layers": ("Recurrent layers", "The base model with more layers."),
    "hidden_dim": ("Hidden dimension", "The base model with wider hidden states."),
    "embedding_dim": (
        "Embedding dimension",
        "The base model with wider embeddings. The source gives one further result, 0.307 in test loss and 0.878 in "
        "accuracy, without its dimension.",
    ),
    "compound": ("Compound scaling", "More layers, hidden and embedding dimensions together."),
    "experiment": ("Experiment", "The variant at the top level of params.yaml, beside the base."),
}


def drawings(report: ReportData) -> dict[str, Drawing]:
    """The figures, in the order in which they are shown: the findings, one for each study, and calibration."""
    tables, plots = report.catalogue.tables, report.settings.plots
    return {
        "findings": (plot_forest, (differences(report), report.settings.margin, plots.colors)),
        **study_drawings(tables, report.results, report.published, plots),
        "calibration": (plot_reliability, (report.calibrations, plots.colors)),
    }


def report_context(report: ReportData) -> dict[str, Any]:
    """What the template shows."""
    tables = report.catalogue.tables
    sections = study_sections(tables, report.results, report.comparisons, report.published)
    return {
        "dataset": report.params.dataset,
        "params": report.params,
        "n_seeds": sorted({result.accuracy.n for result in report.results.values()}),
        "params_text": as_yaml(report.params),
        "data": report.data,
        "source": report.source,
        "claims": [_claim_context(claim) for claim in report.claims],
        "verdicts": {verdict: sum(claim.verdict == verdict for claim in report.claims) for verdict in VERDICTS},
        "margin": report.settings.margin,
        "shift": shift(report),
        "agreement": agreement(report),
        "trained_on": trained_on(report.results),
        "studies": [section | _title(section["name"]) for section in sections],
        "cells": {"comparisons": comparison_rows("cells", tables, report.comparisons)},
        "duplicates": _duplicate_rows(report),
        "calibration": _calibration_rows(report),
        "errors": _error_context(report),
        "confusion": {name: result.predictions.confusion for name, result in report.results.items()},
        "provenance": provenance(report.catalogue, report.results),
    }


def differences(report: ReportData) -> list[Difference | str]:
    """Every row of the study beside the base of its cell, and the cells under each optimizer; each table's title first.

    The experiment is left out as long as it is the base.
    """
    bases = {base_name(report.params, cell) for cell in report.params.study.grids["cell"]}
    variant_of, sources = variant_by_row(report.catalogue.tables), report.published.items()
    published = {f"{study}.{row}": value["test_accuracy"] for study, rows in sources for row, value in rows.items()}
    of_variant = {variant_of[place]: value for place, value in published.items() if place in variant_of}
    accuracy = {place: of_variant.get(variant) for place, variant in variant_of.items()}  # the base's in all its rows
    drawn: list[Difference | str] = []
    for study, rows in report.catalogue.tables.items():
        (base,) = (row for row, variant in rows.items() if variant in bases)
        if study == "experiment" and report.params.experiment == report.params.with_changes({}, "study.base"):
            continue
        others = [(row, f"{study}.{row}", f"{study}.{base}") for row in rows if row != base]
        drawn += _differences(f"{_title(study)['title']}, compared with {base}", others, accuracy, report)
    cells = report.params.study.grids["cell"]
    for first, second in combinations(cells, 2):
        tables = (f"{first}_optimizers", f"{second}_optimizers")
        pairs = [(row, f"{tables[1]}.{row}", f"{tables[0]}.{row}") for row in report.params.study.grids["optimizer"]]
        drawn += _differences(f"{second.upper()} compared with {first.upper()}", pairs, accuracy, report)
    return drawn


def _differences(
    title: str, pairs: list[tuple[str, str, str]], published: dict[str, float | None], report: ReportData
) -> list[Difference | str]:
    """Rows of the plot below their title: each has its label, a row, and what that is compared with."""
    drawn: list[Difference | str] = [title] if pairs else []
    for label, row, other in pairs:
        one, two = published[row], published[other]
        distance = one - two if one and two else None
        drawn.append(Difference(label, report.by_pair[row, other], distance))
    return drawn


def agreement(report: ReportData) -> list[dict[str, Any]]:
    """Every variant that has a published accuracy, and whether it lies in the interval for a single run of ours."""
    rows = {}
    for study, names in report.catalogue.tables.items():
        for row, variant in names.items():
            source = report.published.get(study, {}).get(row)
            if source and variant not in rows:
                accuracy, published = report.results[variant].accuracy, source["test_accuracy"]
                rows[variant] = {
                    "name": study if study == row else f"{study} {row}",
                    "interval": f"{accuracy.prediction_low:.3f} to {min(accuracy.prediction_high, 1.0):.3f}",
                    "published": published,
                    "inside": is_inside(published, accuracy),
                }
    return list(rows.values())


def _title(study: str) -> dict[str, str]:
    if study.endswith("_optimizers"):
        cell = study.removesuffix("_optimizers").upper()
        return {
            "title": f"{cell}: optimizers",
            "text": f"The base model of the {cell} with each optimizer at its own learning rate.",
        }
    title, text = TITLES.get(study, (study, f"The base model with another {study}."))
    return {"title": title, "text": text}


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


def shift(report: ReportData) -> Comparison | None:
    """How far our mean accuracies are from the published ones, over the variants trained with the base's optimizer."""
    published = {
        rows[row]: source["test_accuracy"]
        for study, rows in report.catalogue.tables.items()
        for row, source in report.published.get(study, {}).items()
        if row in rows
    }
    variants, optimizer = report.catalogue.variants, report.params.study.base.optimizer
    compared = {
        name: value for name, value in published.items() if variants[name].hyperparameters.optimizer == optimizer
    }
    if not compared:
        return None
    return mean_shift([report.results[name].correct for name in compared], list(compared.values()))


def _duplicate_rows(report: ReportData) -> list[dict[str, str]]:
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


def _calibration_rows(report: ReportData) -> list[dict[str, str]]:
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


def _error_context(report: ReportData) -> dict[str, Any]:
    """The reviews that every run of the base, of its axes and of compound gets wrong, and those that none does."""
    studies = (*report.params.study.axes, "compound")
    names = dict.fromkeys(name for study in studies for name in report.catalogue.tables[study].values())
    is_correct = np.concatenate([report.results[name].predictions.correct == 1 for name in names])  # [runs, reviews]
    shared, labels = ~is_correct.any(axis=0), report.results[next(iter(names))].predictions.labels
    return {
        "n_shared": int(shared.sum()),
        "n_runs": len(is_correct),
        "n_reviews": len(labels),
        "n_never": int(is_correct.all(axis=0).sum()),
        "n_positive": int((labels[shared] == 1).sum()),
    }
