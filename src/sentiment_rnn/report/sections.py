"""What the sections of a report say of a study: its rows, their comparisons, and where the figures come from."""

from typing import Any

from sentiment_rnn.report.comparisons import RowComparison
from sentiment_rnn.report.results import Result, Tables, is_inside
from sentiment_rnn.report.statistics import Estimate
from sentiment_rnn.study.variants import Catalogue, Rows


def study_sections(
    tables: Rows,
    results: dict[str, Result],
    comparisons: list[RowComparison],
    published: Tables,
    cpu_seconds: dict[str, float],
) -> list[dict[str, Any]]:
    """The context of each study.

    Args:
        tables: the studies.
        results: by variant.
        comparisons: of all rows.
        published: the source's tables; empty where it does not compare.
        cpu_seconds: of a training, by variant; empty likewise.
    """
    return [
        {
            "name": study,
            "published": study in published,
            "timed": bool(cpu_seconds),
            "rows": [
                _row(row, results[name], published.get(study, {}).get(row), cpu_seconds.get(name))
                for row, name in rows.items()
            ],
            "n_reviews": results[next(iter(rows.values()))].accuracy.n_reviews,
            **comparison_context(study, tables, comparisons),
        }
        for study, rows in tables.items()
    ]


def comparison_context(family: str, tables: Rows, comparisons: list[RowComparison]) -> dict[str, Any]:
    """The comparisons of a family, and those with rows that the source does not have."""
    return {
        "comparisons": _comparison_rows(family, tables, comparisons),
        "added": _comparison_rows(f"{family}_added", tables, comparisons),
    }


def trace_rows(catalogue: Catalogue, results: dict[str, Result]) -> list[dict[str, str]]:
    """Where the figures of each variant come from: its rows, its stage, and what was trained."""
    return [
        {
            "variant": variant.name,
            "rows": ", ".join(catalogue.rows_of(variant.name)),
            "stage": f"train_{variant.stage}",
            "seeds": ", ".join(map(str, results[variant.name].seeds)),
            "hyperparameters": ", ".join(
                f"{name} {value}" for name, value in results[variant.name].models[0]["hyperparameters"].items()
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


def interval(found: Estimate) -> str:
    """A mean with its interval."""
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def difference(comparison: dict[str, Any]) -> str:
    """A difference with its interval."""
    return f"{comparison['difference']:+.4f} [{comparison['low']:+.4f}, {comparison['high']:+.4f}]"


def p_text(p_value: float) -> str:
    """A p-value to four digits."""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def _row(row: str, result: Result, source: dict[str, Any] | None, cpu_seconds: float | None) -> dict[str, str]:
    context = {
        "name": row,
        "n": str(result.accuracy.n),
        "n_parameters": f"{result.n_parameters:,}",
        "best_epoch": ", ".join(str(model["best_epoch"]) for model in result.models if "best_epoch" in model),
        "cpu_seconds": f"{cpu_seconds:,.0f}" if cpu_seconds else "",
    }
    for name, found in (("accuracy", result.accuracy), ("loss", result.loss)):
        context[name] = interval(found)
        context[f"{name}_std"] = "" if found.std is None else f"{found.std:.4f}"
        context[f"published_{name}"] = _beside(source[f"test_{name}"], found) if source else ""
    return context


def _beside(published: float, found: Estimate) -> str:
    return f"{published:.3f}" if is_inside(published, found) else f"**{published:.3f}** outside"


def _comparison_rows(family: str, tables: Rows, comparisons: list[RowComparison]) -> list[dict[str, Any]]:
    return [
        {
            "pair": " vs ".join(row_names(comparison.first, comparison.second, tables)),
            "difference": difference(vars(comparison)),
            "p_value": p_text(comparison.p_value),
            "p_equivalence": p_text(comparison.p_equivalence),
            "outcome": comparison.outcome,
        }
        for comparison in comparisons
        if comparison.family == family
    ]
