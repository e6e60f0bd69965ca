"""The report of the study: its figures, and the context of its page."""

import math
from itertools import combinations
from typing import Any, get_args

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from sentiment_rnn.report.claims import Claim, Verdict
from sentiment_rnn.report.comparisons import standing_rows
from sentiment_rnn.report.figures import Difference, Drawing, forest, reliability, study_drawings
from sentiment_rnn.report.findings import Findings
from sentiment_rnn.report.page import as_yaml
from sentiment_rnn.report.results import Result, is_inside
from sentiment_rnn.report.sections import (
    comparison_context,
    difference,
    interval,
    p_text,
    study_sections,
    trace_rows,
    trained_on,
)
from sentiment_rnn.report.statistics import estimate
from sentiment_rnn.report.takeaways import takeaways
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


def drawings(found: Findings) -> dict[str, Drawing]:
    """The figures, in the order in which they are shown: the findings, one for each study, and calibration."""
    tables, results, plots = found.catalogue.tables, found.results, found.params.plots
    return {
        "findings": (forest, (differences(found), found.params.margin, plots.colors)),
        **study_drawings(tables, results, found.published, plots),
        "calibration": (reliability, (found.calibrations, plots.colors)),
    }


def report_context(found: Findings) -> dict[str, Any]:
    """What the template shows."""
    tables = found.catalogue.tables
    sections = study_sections(tables, found.results, found.comparisons, found.published, found.cpu_seconds)
    return {
        "dataset": found.params.dataset,
        "params": found.params,
        "n_seeds": sorted({result.accuracy.n for result in found.results.values()}),
        "params_text": as_yaml(found.params),
        "data": found.data,
        "source": found.source,
        "claims": [_claim_context(claim) for claim in found.claims],
        "verdicts": {verdict: sum(claim.verdict == verdict for claim in found.claims) for verdict in VERDICTS},
        "takeaways": takeaways(found),
        "agreement": agreement(found),
        "trained_on": trained_on(found.results),
        "studies": [section | _title(section["name"]) for section in sections],
        "cells": comparison_context("cells", tables, found.comparisons),
        "duplicates": _duplicate_rows(found),
        "calibration": _calibration_rows(found),
        "errors": _error_context(found),
        "confusion": {name: _counts(result) for name, result in found.results.items()},
        "trace": trace_rows(found.catalogue, found.results),
    }


def differences(found: Findings) -> list[Difference | str]:
    """Every row of the study beside the base of its cell, and the cells under each optimizer; each table's title first.

    The experiment is left out as long as it is the base.
    """
    bases = {base_name(found.params, cell) for cell in found.params.study.grids["cell"]}
    standing, sources = standing_rows(found.catalogue.tables), found.published.items()
    published = {f"{study}.{row}": value["test_accuracy"] for study, rows in sources for row, value in rows.items()}
    of_variant = {standing[place]: value for place, value in published.items() if place in standing}
    accuracy = {place: of_variant.get(variant) for place, variant in standing.items()}  # the base's in all its rows
    drawn: list[Difference | str] = []
    for study, rows in found.catalogue.tables.items():
        (base,) = (row for row, variant in rows.items() if variant in bases)
        if study == "experiment" and found.params.experiment == found.params.study.around_base({}):
            continue
        others = [(row, f"{study}.{row}", f"{study}.{base}") for row in rows if row != base]
        drawn += _differences(f"{_title(study)['title']}, compared with {base}", others, accuracy, found)
    cells = found.params.study.grids["cell"]
    for first, second in combinations(cells, 2):
        tables = (f"{first}_optimizers", f"{second}_optimizers")
        pairs = [(row, f"{tables[1]}.{row}", f"{tables[0]}.{row}") for row in found.params.study.grids["optimizer"]]
        drawn += _differences(f"{second.upper()} compared with {first.upper()}", pairs, accuracy, found)
    return drawn


def _differences(
    title: str, pairs: list[tuple[str, str, str]], published: dict[str, float | None], found: Findings
) -> list[Difference | str]:
    """Rows of the plot below their title: each has its label, a row, and what that is compared with."""
    drawn: list[Difference | str] = [title] if pairs else []
    for label, row, other in pairs:
        one, two = published[row], published[other]
        distance = one - two if one and two else None
        drawn.append(Difference(label, found.by_pair[row, other], distance))
    return drawn


def agreement(found: Findings) -> list[dict[str, Any]]:
    """Every variant that has a published accuracy, and whether it lies in the interval for a single run of ours."""
    rows = {}
    for study, names in found.catalogue.tables.items():
        for row, variant in names.items():
            source = found.published.get(study, {}).get(row)
            if source and variant not in rows:
                accuracy, published = found.results[variant].accuracy, source["test_accuracy"]
                rows[variant] = {
                    "name": study if study == row else f"{study} {row}",
                    "run": f"{accuracy.run_low:.3f} to {accuracy.run_high:.3f}",
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
    numbers = [
        part | {"difference": difference(part)} | {key: p_text(part[key]) for key in ("p_value", "p_equivalence")}
        for part in claim.statements
    ]
    return vars(claim) | {"statements": numbers}


def _counts(result: Result) -> list[int]:
    """The answers of all runs: positive called positive and negative, then negative likewise."""
    log_odds, is_positive = result.answers.log_odds, result.answers.labels == 1
    says = (log_odds > 0, log_odds <= 0)  # a run that diverged says neither
    return [int((guess & (is_positive == truth)).sum()) for truth in (True, False) for guess in says]


def _duplicate_rows(found: Findings) -> list[dict[str, str]]:
    """Accuracy on all test reviews, and on those that do and do not also occur in train.

    So few are repeated, and so few of these are wrong, that their interval is Wilson's, of the reviews alone.
    """
    rows, n_repeated, n_new = [], int(found.also_in_train.sum()), int((~found.also_in_train).sum())
    for name, shown in found.shown.items():
        correct, variance = found.results[shown].correct
        share = float(correct[:, found.also_in_train].mean()) if n_repeated else math.nan
        low, high = proportion_confint(share * n_repeated, n_repeated, method="wilson") if n_repeated else (0, 1)
        rows.append(
            {
                "name": name,
                "n": str(len(correct)),
                "all": interval(estimate(correct, variance)),
                "new": interval(estimate(correct[:, ~found.also_in_train], variance)) if n_new > 1 else "",
                "repeated": f"{share:.3f} [{low:.3f}, {high:.3f}]" if n_repeated else "",
            }
        )
    return rows


def _calibration_rows(found: Findings) -> list[dict[str, str]]:
    rows = []
    for name, calibration in found.calibrations.items():
        errors, (low, high) = calibration.errors, calibration.by_chance
        rows.append(
            {
                "name": name,
                "error": f"{errors.mean():.4f}",
                "std": f"{errors.std(ddof=1):.4f}" if len(errors) > 1 else "",
                "n": str(len(errors)),
                "by_chance": f"{low:.4f} to {high:.4f}",
                "loss": interval(found.results[found.shown[name]].loss),
            }
        )
    return rows


def _error_context(found: Findings) -> dict[str, Any]:
    """The reviews that every run of the base, of its axes and of compound gets wrong, and those that none does."""
    studies = (*found.params.study.axes, "compound")
    names = dict.fromkeys(name for study in studies for name in found.catalogue.tables[study].values())
    is_correct = np.concatenate([found.results[name].answers.correct == 1 for name in names])  # [runs, reviews]
    shared, labels = ~is_correct.any(axis=0), found.results[next(iter(names))].answers.labels
    return {
        "n_shared": int(shared.sum()),
        "n_runs": len(is_correct),
        "n_reviews": len(labels),
        "n_never": int(is_correct.all(axis=0).sum()),
        "n_positive": int((labels[shared] == 1).sum()),
    }
