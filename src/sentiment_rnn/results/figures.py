"""The figures: rows with their intervals, learning curves, calibration, confusion counts and shared errors."""

import io
import math
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sentiment_rnn.results.calibration import Calibration
from sentiment_rnn.results.findings import Findings
from sentiment_rnn.results.rows import Rows, grid_rows
from sentiment_rnn.results.statistics import Estimate
from sentiment_rnn.results.studies import Result, Tables

GREY = "#777777"
LINE_STYLES = {"train": "--", "valid": "-"}
FOCUS = 0.06  # rows whose accuracy is further than this below the best stand at the edge, so that the others spread


@dataclass(frozen=True)
class Dot:
    """A row of a dot plot."""

    label: str
    found: Estimate
    published: float | None


def draw_all(found: Findings) -> dict[str, bytes]:
    """Every figure as a PNG, by name.

    summary, calibration, confusion, shared_errors; for each study its own name, and where it has learning curves,
    NAME_curves and NAME_variants.
    """
    colors = found.params.plots.colors
    summarized = {
        study: found.rows[study] for study in (*grid_rows(found.params), "baselines") if study != "experiment"
    } | {"champion": {"champion": "champion"}}
    figures = {
        "summary": dot_plot(_dots(summarized, found.results, found.published, "accuracy"), "test accuracy", colors[0]),
        "calibration": reliability(found.calibrations, colors),
        "confusion": confusion(found.runs),
        "shared_errors": error_counts(np.bincount(found.n_wrong, minlength=found.n_sharing + 1), colors[0]),
    }
    for study, names in found.rows.items():
        figures[study] = study_dots({study: names}, found.results, found.published, colors[0])
    for study, table in found.curves.items():
        figures[f"{study}_curves"] = curves_overlay(table, colors, study)
        figures[f"{study}_variants"] = curves_per_variant(table, colors, study)
    return {name: _png(figure, found.params.plots.dpi) for name, figure in figures.items()}


def study_dots(rows: Rows, results: dict[str, Result], published: Tables, color: str) -> Figure:
    """Accuracy and loss of the rows of one study, side by side."""
    n_rows = sum(map(len, rows.values()))
    figure = Figure(figsize=(6.8, 0.4 * n_rows + 1.3), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_dots(left, _dots(rows, results, published, "accuracy"), color, focus=False)
    _draw_dots(right, _dots(rows, results, published, "loss"), color, focus=False)
    left.set_xlabel("test accuracy")
    right.set_xlabel("test loss (nats)")
    _dot_legend(figure, color, bool(published.keys() & rows.keys()))
    return figure


def dot_plot(dots: list[Dot | None], label: str, color: str) -> Figure:
    """A dot with its interval per row, and the published value where there is one; None leaves a gap.

    Rows far below the best stand at the left edge with their number, unless most rows are.
    """
    figure = Figure(figsize=(6.4, 0.25 * len(dots) + 1.3), layout="constrained")
    axes = figure.subplots()
    _draw_dots(axes, dots, color, focus=True)
    axes.set_xlabel(label)
    _dot_legend(figure, color, any(dot is not None and dot.published is not None for dot in dots))
    return figure


def curves_overlay(curves: pd.DataFrame, colors: list[str], title: str) -> Figure:
    """All variants of a study in one picture: loss and accuracy, train and valid; the mean and range of the seeds.

    Args:
        curves: columns variant, seed, epoch, split, loss, accuracy.
        colors: one per variant, from the first again when they run out.
        title: of the whole figure.
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    for row, measure in enumerate(("loss", "accuracy")):
        for column, split in enumerate(("train", "valid")):
            axes = panels[row, column]
            for (variant, of_variant), color in zip(curves.groupby("variant", sort=False), cycle(colors), strict=False):
                _draw_seeds(axes, of_variant[of_variant["split"] == split], measure, color, "-", str(variant))
            axes.set_title(f"{split} {measure}")
            _style_epochs(axes)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.suptitle(_title_with_seeds(title, curves))
    return figure


def curves_per_variant(curves: pd.DataFrame, colors: list[str], title: str) -> Figure:
    """A column per variant: train (dashed) against valid (solid), loss above, accuracy below.

    Args and columns as of curves_overlay.
    """
    variants = list(curves["variant"].unique())
    figure = Figure(figsize=(max(2.3 * len(variants), 4.5), 4.6), layout="constrained")
    panels = figure.subplots(2, len(variants), sharex=True, sharey="row", squeeze=False)
    for column, (variant, color) in enumerate(zip(variants, cycle(colors), strict=False)):
        for row, measure in enumerate(("loss", "accuracy")):
            axes = panels[row, column]
            for split, of_split in curves[curves["variant"] == variant].groupby("split"):
                _draw_seeds(axes, of_split, measure, color, LINE_STYLES[str(split)], str(split))
            _style_epochs(axes)
            if column == 0:
                axes.set_ylabel(measure)
        panels[0, column].set_title(str(variant))
    panels[0, -1].legend(frameon=False)
    figure.suptitle(_title_with_seeds(title, curves))
    return figure


def reliability(calibrations: dict[str, Calibration], colors: list[str]) -> Figure:
    """A panel per model: the share of positive reviews against the probability that was given for them.

    The size of a dot tells how many answers it stands for.
    """
    n_columns = min(3, len(calibrations))
    n_rows = math.ceil(len(calibrations) / n_columns)
    figure = Figure(figsize=(2.4 * n_columns + 0.6, 3.0 * n_rows + 0.5), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(calibrations) :]:
        axes.set_axis_off()
    for axes, (name, found), color in zip(panels.flat, calibrations.items(), cycle(colors), strict=False):
        axes.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1)
        axes.plot(found.probability, found.positive, color=color, linewidth=1)
        axes.scatter(found.probability, found.positive, s=8 + 250 * found.share, color=color, alpha=0.8)
        low, high = found.by_chance
        axes.set_title(f"{name}: ECE {found.errors.mean():.3f}\nby chance {low:.3f} to {high:.3f}", fontsize=9)
        axes.set_aspect("equal")
        axes.tick_params(labelbottom=True)  # below the last ones there may be none
    figure.supxlabel("probability of positive", fontsize=9)
    figure.supylabel("share of positive reviews", fontsize=9)
    return figure


def error_counts(n_wrong: NDArray[np.int64], color: str) -> Figure:
    """How many test reviews have how many of the runs wrong on them.

    Args:
        n_wrong: int [number of runs + 1], reviews by the number of runs that are wrong on them.
        color: of the bars.
    """
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(len(n_wrong)), n_wrong, color=color)
    axes.set_yscale("log")
    axes.set_xlabel(f"runs that are wrong, of {len(n_wrong) - 1}")
    axes.set_ylabel("test reviews")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", alpha=0.3)
    return figure


def confusion(runs: pd.DataFrame) -> Figure:
    """True against predicted label of every variant, in shares of the true label, over all seeds.

    Args:
        runs: columns variant, true_positive, true_negative, false_positive, false_negative.
    """
    counts = runs.groupby("variant", sort=False)[
        ["true_positive", "false_negative", "false_positive", "true_negative"]
    ].sum()
    n_columns = min(6, len(counts))
    n_rows = math.ceil(len(counts) / n_columns)
    figure = Figure(figsize=(1.7 * n_columns, 1.9 * n_rows + 0.5), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, (variant, row) in zip(panels.flat, counts.iterrows(), strict=False):
        matrix = row.to_numpy().reshape(2, 2)
        shares = matrix / matrix.sum(axis=1, keepdims=True)
        axes.set_axis_on()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (y, x), share in np.ndenumerate(shares):
            axes.text(x, y, f"{matrix[y, x]:,}", ha="center", va="center", color="white" if share > 0.6 else "black")
        axes.set_title(str(variant), fontsize=8)
        axes.set_xticks([0, 1], ["pos", "neg"], fontsize=7)
        axes.set_yticks([0, 1], ["pos", "neg"], fontsize=7)
    figure.supxlabel("predicted", fontsize=9)
    figure.supylabel("true", fontsize=9)
    return figure


def _dots(rows: Rows, results: dict[str, Result], published: Tables, measure: str) -> list[Dot | None]:
    """The rows of all studies, with a gap between two studies."""
    dots: list[Dot | None] = []
    for study, names in rows.items():
        dots += [None] if dots else []
        for row, variant in names.items():
            source = published.get(study, {}).get(row, {})
            label = row if len(rows) == 1 or row == study else f"{study}  {row}"
            dots.append(Dot(label, getattr(results[variant], measure), source.get(f"test_{measure}")))
    return dots


def _draw_dots(axes: Axes, dots: list[Dot | None], color: str, *, focus: bool) -> None:
    means = [dot.found.mean for dot in dots if dot]
    edge = max(means) - FOCUS
    if not focus or sum(mean < edge for mean in means) > len(means) / 2:  # no axis for the few of which it says more
        edge = -math.inf
    for place, dot in enumerate(dots):
        if dot is None:
            continue
        found = dot.found
        if found.mean < edge:
            published = "" if dot.published is None else f"; published {dot.published:.3f}"
            text = f"◂ {found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]{published}"
            axes.text(edge, place, text, va="center", fontsize=7)
            continue
        axes.plot([found.low, found.high], [place, place], color=color, linewidth=2, solid_capstyle="butt")
        axes.plot(found.mean, place, "o", color=color, markersize=5)
        if dot.published is not None:
            axes.plot(dot.published, place, "D", color=GREY, markersize=4, markerfacecolor="none")
    axes.set_yticks(*zip(*((place, dot.label) for place, dot in enumerate(dots) if dot), strict=True))
    axes.set_ylim(len(dots) - 0.4, -0.6)
    axes.margins(x=0.06)
    axes.grid(axis="x", alpha=0.3)
    axes.tick_params(labelsize=8)


def _dot_legend(figure: Figure, color: str, is_published: bool) -> None:
    handles = [Line2D([], [], color=color, marker="o", markersize=5, linewidth=2, label="reproduced, 95% interval")]
    if is_published:
        handles.append(
            Line2D(
                [],
                [],
                color=GREY,
                marker="D",
                markersize=4,
                markerfacecolor="none",
                linestyle="none",
                label="published",
            )
        )
    figure.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False, fontsize=8)


def _draw_seeds(axes: Axes, curves: pd.DataFrame, measure: str, color: str, style: str, label: str) -> None:
    """The mean over the seeds, and a band from the lowest to the highest of them."""
    of_epoch = curves.groupby("epoch")[measure]
    mean, low, high = of_epoch.mean(), of_epoch.min(), of_epoch.max()
    axes.plot(mean.index, mean, style, marker="o", markersize=3, color=color, label=label)
    axes.fill_between(mean.index, low, high, color=color, alpha=0.2, linewidth=0)


def _title_with_seeds(title: str, curves: pd.DataFrame) -> str:
    n_seeds = curves["seed"].nunique()
    return f"{title}: one seed" if n_seeds == 1 else f"{title}: mean and range of {n_seeds} seeds"


def _style_epochs(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.label_outer()
    axes.grid(alpha=0.3)


def _png(figure: Figure, dpi: int) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
