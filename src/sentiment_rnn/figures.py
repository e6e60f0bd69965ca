"""The figures: learning curves of a study, reproduced against published, confusion counts."""

import io
import math
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from sentiment_rnn.params import Plots
from sentiment_rnn.studies import Tables

GREY = "#888888"
LINE_STYLES = {"train": "--", "valid": "-"}


def draw_all(
    plots: Plots, tables: Tables, published: Tables, curves: dict[str, pd.DataFrame], runs: pd.DataFrame
) -> dict[str, bytes]:
    """Every figure as a PNG, by name: accuracy, confusion, and for each study its own name and NAME_variants.

    Args:
        plots: how they look.
        tables: the rows' figures; `published` those of the source.
        published: empty where the source does not compare.
        curves: study -> columns variant, seed, epoch, split, loss, accuracy.
        runs: one row per variant and seed.
    """
    figures = {"accuracy": accuracy_bars(tables, published, plots.colors), "confusion": confusion(runs)}
    for study, table in curves.items():
        figures[study] = curves_overlay(table, plots.colors, study)
        figures[f"{study}_variants"] = curves_per_variant(table, plots.colors, study)
    return {name: _png(figure, plots.dpi) for name, figure in figures.items()}


def curves_overlay(curves: pd.DataFrame, colors: list[str], title: str) -> Figure:
    """All variants of a study in one picture: loss and accuracy, train and valid, a line per seed.

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
                for number, (_, run) in enumerate(of_variant[of_variant["split"] == split].groupby("seed")):
                    label = str(variant) if number == 0 else None
                    axes.plot(run["epoch"], run[measure], marker="o", markersize=3, color=color, label=label)
            axes.set_title(f"{split} {measure}")
            _style_epochs(axes)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.suptitle(title)
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
            for (split, seed), run in curves[curves["variant"] == variant].groupby(["split", "seed"]):
                label = str(split) if seed == curves["seed"].iloc[0] else None
                axes.plot(run["epoch"], run[measure], LINE_STYLES[str(split)], color=color, label=label)
            _style_epochs(axes)
            if column == 0:
                axes.set_ylabel(measure)
        panels[0, column].set_title(str(variant))
    panels[0, -1].legend(frameon=False)
    figure.suptitle(title)
    return figure


def accuracy_bars(tables: Tables, published: Tables, colors: list[str]) -> Figure:
    """Test accuracy of every row, and beside it the published one where there is one.

    Args:
        tables: study -> row -> test_accuracy, and test_accuracy_std where there are several seeds.
        published: the same of the source; empty where it does not compare.
        colors: the first is that of the reproduced bars.
    """
    figure = Figure(figsize=(9, 0.34 * sum(map(len, tables.values())) + 1.4), layout="constrained")
    axes = figure.subplots()
    names, position = [], 0.0
    for study, rows in tables.items():
        for row, figures in rows.items():
            reproduced = figures["test_accuracy"]
            axes.barh(position, reproduced, 0.38, color=colors[0], xerr=figures.get("test_accuracy_std"))
            axes.text(reproduced + 0.004, position, f"{reproduced:.3f}", va="center", fontsize=7)
            source = published.get(study, {}).get(row)
            if source:
                accuracy, below = source["test_accuracy"], position + 0.38
                axes.barh(below, accuracy, 0.38, color=GREY)
                axes.text(accuracy + 0.004, below, f"{accuracy:.3f}", va="center", fontsize=7, color=GREY)
            names.append((position + (0.19 if source else 0), f"{study}  {row}" if study != row else study))
            position += 1
        position += 0.5
    axes.set_yticks(*zip(*names, strict=True))
    axes.invert_yaxis()
    axes.set_xlim(0.45, 1.05)
    axes.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("test accuracy (the axis starts at 0.45; dotted: chance)")
    sources = {"reproduced": colors[0]} | ({"published": GREY} if published else {})
    handles = [Patch(color=color, label=label) for label, color in sources.items()]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False)
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
        axes.set_title(str(variant), fontsize=9)
        axes.set_xticks([0, 1], ["pos", "neg"], fontsize=7)
        axes.set_yticks([0, 1], ["pos", "neg"], fontsize=7)
    figure.supxlabel("predicted", fontsize=9)
    figure.supylabel("true", fontsize=9)
    return figure


def _png(figure: Figure, dpi: int) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def _style_epochs(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.label_outer()
    axes.grid(alpha=0.3)
