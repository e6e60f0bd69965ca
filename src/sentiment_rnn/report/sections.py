"""The sections of a report: the rows of a study, their comparisons, and where the figures come from."""

import math
from typing import Any

from sentiment_rnn.report.comparisons import RowComparison
from sentiment_rnn.report.results import Result, Tables, is_inside
from sentiment_rnn.report.statistics import Comparison, Estimate
from sentiment_rnn.study.variants import Catalogue, Rows


def study_sections(
    tables: Rows,
    results: dict[str, Result],
    comparisons: list[RowComparison],
    published: Tables,
) -> list[dict[str, Any]]:
    """The context of each study.

    Args:
        tables: the studies.
        results: by variant.
        comparisons: of all rows.
        published: the source's tables; empty where they do not compare.
    """
    return [
        {
            "name": study,
            "published": study in published,
            "rows": [_row(row, results[name], published.get(study, {}).get(row)) for row, name in rows.items()],
            "n_reviews": results[next(iter(rows.values()))].accuracy.n_reviews,
            "comparisons": comparison_rows(study, tables, comparisons),
        }
        for study, rows in tables.items()
    ]


def provenance(catalogue: Catalogue, results: dict[str, Result]) -> list[dict[str, str]]:
    """Where the figures of each variant come from: its rows, its stage, and what was trained."""
    return [
        {
            "variant": variant.name,
            "rows": ", ".join(catalogue.rows_with(variant.name)),
            "stage": f"train_{variant.stage}",
            "seeds": ", ".join(map(str, results[variant.name].seeds)),
            "hyperparameters": ", ".join(
                f"{name} {value}"
                for name, value in results[variant.name].models[0]["hyperparameters"].items()
                if value is not None
            ),
        }
        for variant in catalogue.variants.values()
    ]


def row_names(first: str, second: str, tables: Rows) -> tuple[str, str]:
    """Two rows, given as STUDY.ROW, as they are called side by side: within one study without its name."""
    for study, rows in tables.items():
        names = {f"{study}.{row}": row for row in rows}
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


def comparison_rows(family: str, tables: Rows, comparisons: list[RowComparison]) -> list[dict[str, Any]]:
    """The comparisons of a family."""
    return [
        {
            "pair": " vs ".join(row_names(comparison.first, comparison.second, tables)),
            "difference": difference(comparison),
            "p_value": p_text(comparison.p_value),
            "p_equivalence": p_text(comparison.p_equivalence),
            "outcome": comparison.outcome,
            "smallest_margin": comparison.smallest_margin,
        }
        for comparison in comparisons
        if comparison.family == family
    ]
