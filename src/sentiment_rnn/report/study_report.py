"""The report of the study: all that its runs came to, its figures, and the context of its page."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from sentiment_rnn.report.calibration import Calibration
from sentiment_rnn.report.comparisons import Claim, RowComparison, compare_rows, families_of_study, judge
from sentiment_rnn.report.figures import (
    Drawing,
    error_counts,
    reliability,
    study_drawings,
    summary_drawing,
)
from sentiment_rnn.report.page import as_yaml
from sentiment_rnn.report.published import published_tables
from sentiment_rnn.report.results import Result, Tables, is_inside
from sentiment_rnn.report.sections import (
    comparison_context,
    difference,
    interval,
    p_text,
    row_names,
    study_sections,
    trace_rows,
    trained_on,
)
from sentiment_rnn.report.statistics import estimate
from sentiment_rnn.study.params import Params
from sentiment_rnn.study.variants import Catalogue, base_name

MARKS = {"supported": "✔", "not supported": "○", "contradicted": "✘", "not tested": "?"}
N_EVIDENCE = 3  # statements shown beside a verdict; all are in a table below
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

    @property
    def shown(self) -> dict[str, str]:
        """The models that are looked at more closely, by what they are called: the base of each cell, and compound."""
        bases = {cell: base_name(self.params, cell) for cell in self.params.study.grids["cell"]}
        return bases | {"compound": "compound"}

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """Of these models."""
        return {name: Calibration.of(self.results[variant].answers) for name, variant in self.shown.items()}

    @property
    def n_wrong(self) -> NDArray[np.int64]:
        """[reviews of test]: how many runs of the base, of its axes and of compound are wrong on each."""
        n_wrong: NDArray[np.int64] = (1 - self._sharing).sum(axis=0).astype(np.int64)
        return n_wrong

    @property
    def n_sharing(self) -> int:
        """How many runs these are."""
        return len(self._sharing)

    @property
    def _sharing(self) -> NDArray[np.float64]:
        studies = (*self.params.study.axes, "compound")
        names = dict.fromkeys(name for study in studies for name in self.catalogue.tables[study].values())
        return np.concatenate([self.results[name].answers.correct for name in names])


def gather(
    params: Params,
    catalogue: Catalogue,
    results: dict[str, Result],
    *,
    published: dict[str, Any],
    meanings: dict[str, list[str]],
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
        meanings: how the claims are read.
        data: the summaries of the split and of the vocabulary.
        also_in_train: bool [reviews of test].
        cpu_seconds: by variant, of the committed run; left out likewise.
    """
    tables, source_tables = catalogue.tables, published_tables(published)
    comparisons = compare_rows(families_of_study(tables, source_tables), tables, results)
    is_comparable = params.dataset == "imdb"
    return Findings(
        params=params,
        catalogue=catalogue,
        results=results,
        comparisons=comparisons,
        claims=judge(published["claims"], meanings, comparisons, tables, results),
        source=published if is_comparable else None,
        published=source_tables if is_comparable else {},
        data=data,
        also_in_train=also_in_train,
        cpu_seconds=cpu_seconds if is_comparable else {},
    )


def drawings(found: Findings) -> dict[str, Drawing]:
    """The figures, in the order in which they are shown: the summary, one a study, and two of the models' answers."""
    tables, results, plots = found.catalogue.tables, found.results, found.params.plots
    published = {study: rows for study, rows in tables.items() if study != "experiment"}
    n_wrong = np.bincount(found.n_wrong, minlength=found.n_sharing + 1)
    return {
        "summary": summary_drawing(published, results, found.published, plots),
        **study_drawings(tables, results, found.published, plots),
        "calibration": (reliability, (found.calibrations, plots.colors)),
        "shared_errors": (error_counts, (n_wrong, plots.colors[0])),
    }


def report_context(found: Findings) -> dict[str, Any]:
    """What the template shows."""
    tables = found.catalogue.tables
    sections = study_sections(tables, found.results, found.comparisons, found.published, found.cpu_seconds)
    return {
        "dataset": found.params.dataset,
        "params": found.params,
        "params_text": as_yaml(found.params),
        "data": found.data,
        "source": found.source,
        "claims": [_claim_context(claim, found) for claim in found.claims],
        "verdicts": {verdict: sum(claim.verdict == verdict for claim in found.claims) for verdict in MARKS},
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


def agreement(found: Findings) -> list[dict[str, Any]]:
    """Every variant that has a published accuracy, and whether it lies in the interval of the reproduced one."""
    rows = {}
    for study, names in found.catalogue.tables.items():
        for row, variant in names.items():
            source = found.published.get(study, {}).get(row)
            if source and variant not in rows:
                accuracy, published = found.results[variant].accuracy, source["test_accuracy"]
                rows[variant] = {
                    "name": study if study == row else f"{study} {row}",
                    "accuracy": interval(accuracy),
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


def _claim_context(claim: Claim, found: Findings) -> dict[str, Any]:
    """The claim with the statements that decided it, the least certain one first: those refuted, undecided, or all."""
    decisive = {"contradicted": "refuted", "not supported": "undecided"}.get(claim.verdict, "holds")
    evidence = [part for part in claim.statements if part["outcome"] == decisive]
    evidence.sort(key=lambda part: -part["p_holm"])
    texts = [
        f"{' vs '.join(row_names(part['first'], part['second'], found.catalogue.tables))}: {difference(part)}, "
        f"p {p_text(part['p_holm'])}"
        for part in evidence
    ]
    return {
        "name": claim.name,
        "says": claim.says,
        "mark": MARKS[claim.verdict],
        "verdict": claim.verdict,
        "evidence": texts[:N_EVIDENCE],
        "n_more": len(texts[N_EVIDENCE:]),
        "statements": [
            {**part, "difference": difference(part), "p_holm": p_text(part["p_holm"])} for part in claim.statements
        ],
    }


def _counts(result: Result) -> list[int]:
    """The answers of all runs: positive called positive and negative, then negative likewise."""
    says, is_positive = result.answers.log_odds > 0, result.answers.labels == 1
    return [int(((says == guess) & (is_positive == truth)).sum()) for truth in (True, False) for guess in (True, False)]


def _duplicate_rows(found: Findings) -> list[dict[str, str]]:
    """Accuracy on all test reviews, and on those that do and do not stand in train as well.

    So few are repeated, and so few of these are wrong, that their interval is Wilson's, of the reviews alone.
    """
    rows, n_repeated = [], int(found.also_in_train.sum())
    for name, variant in found.shown.items():
        correct = found.results[variant].answers.correct
        share = float(correct[:, found.also_in_train].mean()) if n_repeated else math.nan
        low, high = proportion_confint(share * n_repeated, n_repeated, method="wilson") if n_repeated else (0, 1)
        rows.append(
            {
                "name": name,
                "n": str(len(correct)),
                "all": interval(estimate(correct)),
                "new": interval(estimate(correct[:, ~found.also_in_train])),
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
    """The reviews that every run gets wrong, the ones first of which the runs are surest."""
    n_wrong, n_sharing = found.n_wrong, found.n_sharing
    shared = np.flatnonzero(n_wrong == n_sharing)
    answers = [found.results[variant].answers for variant in found.shown.values()]
    probability = np.concatenate([part.probability for part in answers]).mean(axis=0)
    labels = answers[0].labels
    surest = shared[np.argsort(-np.abs(probability[shared] - 0.5), kind="stable")][:10]
    return {
        "n_shared": len(shared),
        "n_runs": n_sharing,
        "n_reviews": len(labels),
        "n_never": int((n_wrong == 0).sum()),
        "n_positive": int((labels[shared] == 1).sum()),
        "surest": [
            {
                "row": str(place),
                "label": "positive" if labels[place] else "negative",
                "probability": f"{probability[place]:.3f}",
            }
            for place in surest
        ],
    }
