"""The figures: the findings, the source's training log, each table with its learning curves, and calibration."""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, groupby
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sentiment_rnn.evaluation.calibration import Calibration
from sentiment_rnn.parallel import n_cores, n_workers, process_pool
from sentiment_rnn.report.comparisons import RowComparison, variant_by_row
from sentiment_rnn.report.results import study_curves
from sentiment_rnn.report.statistics import Estimate
from sentiment_rnn.report.tables import Report

GREY = "#777777"
LINE_STYLES = {"train": "--", "valid": "-"}
FOCUS = 6.0  # points from the base: larger differences are at the edge, so that the others spread

Drawing = tuple[Callable[..., Figure], tuple[Any, ...]]  # a function of this module, and its arguments


@dataclass(frozen=True)
class Dot:
    """A row of a dot plot."""

    label: str
    ours: Estimate
    published: float | None


@dataclass(frozen=True)
class ForestRow:
    """A row of the forest plot: a difference of two rows of tables, and that of the published figures."""

    label: str
    comparison: RowComparison
    published: float | None


def draw_all(drawings: dict[str, Drawing], dpi: int) -> dict[str, bytes]:
    """Every figure as a PNG, by name; as many at once as there are cores."""
    with process_pool(n_workers(n_cores())) as pool:
        futures = {name: pool.submit(_png, *drawing, dpi) for name, drawing in drawings.items()}
        return {name: future.result() for name, future in futures.items()}


def table_drawings(report: Report) -> dict[str, Drawing]:
    """A figure for each table."""
    drawings: dict[str, Drawing] = {}
    for table, rows in report.tables.items():
        published = report.published.get(table, {})
        accuracy, loss = (
            [
                Dot(row, getattr(report.results[variant], metric), published.get(row, {}).get(f"test_{metric}"))
                for row, variant in rows.items()
            ]
            for metric in ("accuracy", "loss")
        )
        curves = study_curves(rows, report.results)
        drawings[table] = (table_figure, (accuracy, loss, curves, report.settings.plots.colors))
    return drawings


def forest_rows(
    report: Report, comparisons: list[RowComparison], published: Mapping[str, float]
) -> list[ForestRow | str]:
    """The rows of the forest plot: the title of each family, and its comparisons; `published` is by variant."""
    variant_of, rows = variant_by_row(report.tables), list[ForestRow | str]()
    for family, of_family in groupby(comparisons, key=lambda comparison: comparison.family):
        rows.append(report.title(family)["title"])
        for comparison in of_family:
            first, second = (published.get(variant_of[row]) for row in (comparison.first, comparison.second))
            rows.append(ForestRow(report.label(comparison), comparison, first - second if first and second else None))
    return rows


def table_figure(accuracy: list[Dot], loss: list[Dot], curves: pd.DataFrame, colors: list[str]) -> Figure:
    """Accuracy and loss of the rows of one table, and below them the learning curves, if any, in the same colours."""
    height = 0.3 * len(accuracy) + 1.2
    rows = [height, 3.0] if len(curves) else [height]
    figure = Figure(figsize=(9, sum(rows)), layout="constrained")
    panels = figure.subplots(len(rows), 2, height_ratios=rows, squeeze=False)
    for axes, dots, label in zip(panels[0], (accuracy, loss), ("test accuracy", "test loss (nats)"), strict=True):
        _draw_dots(axes, dots, colors)
        axes.set_xlabel(label)
    panels[0, 1].set_yticklabels([])
    _legend(figure, {"reproduced, 95% interval": GREY}, any(dot.published is not None for dot in accuracy))
    if len(curves):
        _draw_curves(panels[1], curves, dict(zip((dot.label for dot in accuracy), cycle(colors), strict=False)))
    return figure


def plot_training_log(log: dict[str, list[list[float | None]]], curves: pd.DataFrame, colors: list[str]) -> Figure:
    """The source's training log, as diamonds, on the learning curves of the same variants; None is illegible."""
    figure = Figure(figsize=(9, 2.4 * len(log) + 0.6), layout="constrained")
    rows = figure.subplots(len(log), 2, squeeze=False)
    for panels, (variant, epochs), color in zip(rows, log.items(), cycle(colors), strict=False):
        _draw_curves(panels, curves[curves["variant"] == variant], {variant: color})
        panels[0].set_ylabel(variant)
        for axes, metric in zip(panels, ("loss", "accuracy"), strict=True):
            axes.set_title(f"{metric}: train dashed, hollow; valid solid, filled", fontsize=9)
        for column, fill in enumerate(("none", "none", "black", "black")):
            values = [float("nan") if epoch[column] is None else epoch[column] for epoch in epochs]
            style = {"marker": "D", "markersize": 4, "color": "black", "markerfacecolor": fill, "linestyle": "none"}
            panels[column % 2].plot(range(1, len(epochs) + 1), values, **style)
    _legend(figure, {"reproduced, all seeds": GREY}, is_published=True)
    return figure


def plot_forest(rows: list[ForestRow | str], margin: float, colors: list[str]) -> Figure:
    """How far each row is from the one that it is compared with, with its interval; the margin is shaded.

    A row that is a text is a heading. Differences that are too large for the axis are at its edge with their number.
    """
    figure = Figure(figsize=(7.2, 0.22 * len(rows) + 1.3), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-100 * margin, 100 * margin, color=GREY, alpha=0.15, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=1)
    same, other, unknown = (colors[index % len(colors)] for index in range(3))
    shades = {"within the margin": same, "undecided": unknown, "more": other, "less": other}
    axes.set_yticks(range(len(rows)), [row if isinstance(row, str) else row.label for row in rows])
    for y, row in enumerate(rows):
        if isinstance(row, str):
            axes.get_yticklabels()[y].set_fontweight("bold")
            continue
        comparison, color = row.comparison, shades[row.comparison.outcome]
        ends = (comparison.difference, comparison.ci_low, comparison.ci_high)
        mean, low, high = (100 * value for value in ends)
        if abs(mean) > FOCUS:
            published = "" if row.published is None else f"; published {100 * row.published:+.1f}"
            text = f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]{published}"
            x, side, text = (0.01, "left", f"◂ {text}") if mean < 0 else (0.99, "right", f"{text} ▸")
            style = {"fontsize": 8, "color": color, "transform": axes.get_yaxis_transform()}
            axes.text(x, y, text, ha=side, va="center", **style)  # type: ignore[arg-type]
            continue
        diamond = None if row.published is None else 100 * row.published
        _draw_interval(axes, y, (low, mean, high), diamond, color)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-FOCUS, FOCUS)
    axes.set_xlabel(f"difference in test accuracy, in points; shaded: below {100 * margin:g}", fontsize=9)
    axes.grid(axis="x", alpha=0.3)
    axes.tick_params(labelsize=8)
    meanings = {"within the margin": same, "a difference": other, "undecided": unknown}
    _legend(figure, meanings, any(not isinstance(row, str) and row.published is not None for row in rows))
    return figure


def plot_reliability(calibrations: dict[str, Calibration], colors: list[str]) -> Figure:
    """A panel for each model: the share of positive reviews against their predicted probability.

    The size of a dot is the share of the predictions in its bin.
    """
    n_columns = min(3, len(calibrations))
    n_rows = math.ceil(len(calibrations) / n_columns)
    figure = Figure(figsize=(2.4 * n_columns + 0.6, 3.0 * n_rows + 0.5), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(calibrations) :]:
        axes.set_axis_off()
    for axes, (name, of_model), color in zip(panels.flat, calibrations.items(), cycle(colors), strict=False):
        axes.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1)
        axes.plot(of_model.probability, of_model.positive, color=color, linewidth=1)
        axes.scatter(of_model.probability, of_model.positive, s=8 + 250 * of_model.share, color=color, alpha=0.8)
        low, high = of_model.by_chance
        axes.set_title(f"{name}: ECE {of_model.errors.mean():.3f}\nby chance {low:.3f} to {high:.3f}", fontsize=9)
        axes.set_aspect("equal")
        axes.tick_params(labelbottom=True)  # below the last ones there may be none
    figure.supxlabel("probability of positive", fontsize=9)
    figure.supylabel("share of positive reviews", fontsize=9)
    return figure


def _draw_dots(axes: Axes, dots: list[Dot], colors: list[str]) -> None:
    for (y, dot), color in zip(enumerate(dots), cycle(colors), strict=False):
        _draw_interval(axes, y, (dot.ours.ci_low, dot.ours.mean, dot.ours.ci_high), dot.published, color)
    axes.set_yticks(range(len(dots)), [dot.label for dot in dots])
    axes.set_ylim(len(dots) - 0.4, -0.6)
    axes.margins(x=0.06)
    axes.grid(axis="x", alpha=0.3)
    axes.tick_params(labelsize=8)


def _draw_interval(axes: Axes, y: int, values: tuple[float, float, float], published: float | None, color: str) -> None:
    """A line from the first to the last value with a dot at the middle one, and a diamond at the published one."""
    low, mean, high = values
    axes.plot([low, high], [y, y], color=color, linewidth=2, solid_capstyle="butt")
    axes.plot(mean, y, "o", color=color, markersize=5)
    if published is not None:
        axes.plot(published, y, "D", color="black", markersize=4, markerfacecolor="none")


def _legend(figure: Figure, meanings: dict[str, str], is_published: bool) -> None:
    """What the colours mean, and the published figures where there are any."""
    style: dict[str, Any] = {"marker": "o", "markersize": 5, "linewidth": 2}
    handles = [Line2D([], [], color=color, label=label, **style) for label, color in meanings.items()]
    if is_published:
        style = {"marker": "D", "markersize": 4, "markerfacecolor": "none", "linestyle": "none"}
        handles.append(Line2D([], [], color="black", label="published, a single run", **style))
    figure.legend(handles=handles, loc="outside upper right", ncols=4, frameon=False, fontsize=8)


def _draw_curves(panels: NDArray[Any], curves: pd.DataFrame, colors: dict[str, str]) -> None:
    """Loss and accuracy over the epochs: the mean of the seeds, and a band from the lowest to the highest of them."""
    for axes, metric in zip(panels, ("loss", "accuracy"), strict=True):
        for names, of_split in curves.groupby(["variant", "split"], sort=False):
            row, split = map(str, names)
            of_epoch = of_split.groupby("epoch")[metric]
            mean, low, high = of_epoch.mean(), of_epoch.min(), of_epoch.max()
            axes.plot(mean.index, mean, LINE_STYLES[split], marker="o", markersize=3, color=colors[row])
            axes.fill_between(mean.index, low, high, color=colors[row], alpha=0.2, linewidth=0)
        axes.set_title(f"{metric}: train dashed, valid solid", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)


def _png(function: Callable[..., Figure], arguments: tuple[Any, ...], dpi: int) -> bytes:
    buffer = io.BytesIO()
    function(*arguments).savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
