"""The tables of a page: the rows of each, their comparisons, and where the figures come from."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sentiment_rnn.report.comparisons import Pair, RowComparison, by_pair
from sentiment_rnn.report.results import Result, Tables, is_inside
from sentiment_rnn.report.settings import ReportSettings
from sentiment_rnn.report.statistics import Comparison, Estimate
from sentiment_rnn.study.variants import Rows

TITLES = Path(__file__).with_name("titles.yaml")  # of the study's tables

Titles = dict[str, dict[str, str]]  # title and text, by table


@dataclass(frozen=True)
class Report:
    """What a page shows of a pipeline.

    Attributes:
        settings: the parameters of the report.
        tables: with their rows, and the variant of each.
        titles: of the tables.
        stages: the DVC stage that trains each variant.
        results: by variant.
        comparisons: of the rows.
        published: the source's figures by table and row; empty where they do not compare.
    """

    settings: ReportSettings
    tables: Rows
    titles: Titles
    stages: dict[str, str]
    results: dict[str, Result]
    comparisons: list[RowComparison]
    published: Tables

    @cached_property
    def by_pair(self) -> dict[Pair, RowComparison]:
        """The comparisons by their two rows, in either order."""
        return by_pair(self.comparisons)

    def title(self, table: str) -> dict[str, str]:
        """The title and the text of a table."""
        return self.titles.get(table, {"title": table, "text": ""})

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Each row of each table: the names of the table, of the row and of the variant."""
        return ((table, row, variant) for table, rows in self.tables.items() for row, variant in rows.items())


def page_context(report: Report) -> dict[str, Any]:
    """What the template shows of every pipeline."""
    return {
        "margin": report.settings.margin,
        "n_seeds": sorted({result.accuracy.n for result in report.results.values()}),
        "trained_on": trained_on(report.results),
        "tables": [
            report.title(table)
            | {
                "name": table,
                "is_published": table in report.published,
                "rows": [
                    _row(row, report.results[name], report.published.get(table, {}).get(row))
                    for row, name in rows.items()
                ],
                "comparisons": comparison_rows(table, report),
            }
            for table, rows in report.tables.items()
        ],
        "provenance": provenance(report),
    }


def comparison_rows(family: str, report: Report) -> list[dict[str, Any]]:
    """The comparisons of a family."""
    return [
        {
            "pair": " vs ".join(row_names(comparison.first, comparison.second, report.tables)),
            "difference": difference(comparison),
            "p_value": p_text(comparison.p_value),
            "p_equivalence": p_text(comparison.p_equivalence),
            "outcome": comparison.outcome,
            "smallest_margin": comparison.smallest_margin,
        }
        for comparison in report.comparisons
        if comparison.family == family
    ]


def provenance(report: Report) -> list[dict[str, str]]:
    """Where the figures of each variant come from: its rows, its stage, and what was trained."""
    return [
        {
            "variant": variant,
            "rows": ", ".join(f"{table}.{row}" for table, row, other in report.rows() if other == variant),
            "stage": stage,
            "seeds": ", ".join(str(seed) for seed in report.results[variant].seeds if seed is not None),
            "settings": ", ".join(
                f"{name} {value}" for name, value in report.results[variant].settings.items() if value is not None
            ),
        }
        for variant, stage in report.stages.items()
    ]


def row_names(first: str, second: str, tables: Rows) -> tuple[str, str]:
    """Two rows, given as TABLE.ROW, as they are called side by side: within one table without its name."""
    for table, rows in tables.items():
        names = {f"{table}.{row}": row for row in rows}
        if first in names and second in names:
            return names[first], names[second]
    return first, second


def trained_on(results: dict[str, Result]) -> list[str]:
    """The machines and versions, a line each."""
    lines = set()
    for result in results.values():
        for environment in (model["trained_on"] for model in result.models):
            library = "{threads} thread, PyTorch {torch}" if "torch" in environment else "scikit-learn {scikit-learn}"
            lines.add(("{device}, " + library + ", Python {python}").format_map(environment))
    return sorted(lines)


def interval(of_metric: Estimate, highest: float = math.inf) -> str:
    """A mean with its interval, clipped to the range of the metric: an accuracy is at most 1."""
    low, high = max(of_metric.ci_low, 0.0), min(of_metric.ci_high, highest)
    return f"{of_metric.mean:.3f} [{low:.3f}, {high:.3f}]"


def difference(comparison: Comparison) -> str:
    """A difference of accuracies with its interval, clipped to its range."""
    low, high = max(comparison.ci_low, -1.0), min(comparison.ci_high, 1.0)
    return f"{comparison.difference:+.4f} [{low:+.4f}, {high:+.4f}]"


def p_text(p_value: float | None) -> str:
    """A p-value to four digits."""
    if p_value is None:
        return ""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def _row(row: str, result: Result, source: dict[str, Any] | None) -> dict[str, str]:
    context = {
        "name": row,
        "n": str(result.accuracy.n),
        "n_reviews": f"{result.accuracy.n_reviews:,}",
        "n_parameters": f"{result.n_parameters:,}",
        "best_epoch": ", ".join(str(model["best_epoch"]) for model in result.models if "best_epoch" in model),
    }
    for name, of_metric, highest in (("accuracy", result.accuracy, 1.0), ("loss", result.loss, math.inf)):
        context[name] = interval(of_metric, highest)
        context[f"{name}_std"] = "" if of_metric.std is None else f"{of_metric.std:.4f}"
        published = source[f"test_{name}"] if source else None
        context[f"published_{name}"] = "" if published is None else f"{published:.3f}"
        if published is not None and not is_inside(published, of_metric):
            context[f"published_{name}"] = f"**{published:.3f}** outside"
    return context
