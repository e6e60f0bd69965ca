"""The report as a Markdown text and as a web page that needs no other file."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from sentiment_rnn.params import Params
from sentiment_rnn.studies import Tables

TOLERANCE = 0.015  # difference in test accuracy up to which a row counts as reproduced

TEXTS = {
    "lstm_optimizers": (
        "LSTM: optimizers",
        "optimizer",
        "The base model with each optimizer at its own learning rate.",
    ),
    "gru_optimizers": ("GRU: optimizers", "optimizer", "The same with a GRU in place of the LSTM."),
    "n_layers": ("Recurrent layers", "n_layers", "The base model with more layers."),
    "hidden_dim": ("Hidden dimension", "hidden_dim", "The base model with wider hidden states."),
    "embedding_dim": (
        "Embedding dimension",
        "embedding_dim",
        "The base model with wider embeddings. The source gives one further result without stating its dimension.",
    ),
    "compound": ("Compound scaling", "variant", "More layers, hidden and embedding dimensions together."),
    "experiment": ("Experiment", "variant", "The variant at the top level of params.yaml."),
}

_templates = Environment(loader=PackageLoader("sentiment_rnn"), undefined=StrictUndefined, keep_trailing_newline=True)


def agreement(tables: Tables, published: Tables) -> list[dict[str, Any]]:
    """Every row that has a published figure, and whether the reproduced one is within TOLERANCE of it."""
    rows = []
    for study, of_study in tables.items():
        for name, figures in of_study.items():
            source = published.get(study, {}).get(name)
            if source:
                difference = figures["test_accuracy"] - source["test_accuracy"]
                rows.append(
                    {
                        "study": study,
                        "name": name,
                        "test_accuracy": figures["test_accuracy"],
                        "published_accuracy": source["test_accuracy"],
                        "agrees": round(abs(difference), 6) <= TOLERANCE,
                    }
                )
    return rows


def report_context(
    params: Params,
    data: dict[str, Any],
    runs: pd.DataFrame,
    variants: dict[str, dict[str, str]],
    tables: Tables,
    source: dict[str, Any] | None,
    published: Tables,
) -> dict[str, Any]:
    """What the template shows.

    Args:
        params: the parameters.
        data: the summaries of the split and of the vocabulary.
        runs: one row per variant and seed, of studies.read_runs.
        variants: study -> row -> variant, of studies.study_rows.
        tables: study -> row -> figures, of studies.summarize.
        source: what the source published, of studies.read_published; None where it does not compare.
        published: its tables, of studies.published_tables; empty where it does not compare.
    """
    return {
        "dataset": params.dataset,
        "params": params,
        "params_text": _as_yaml(params),
        "data": data,
        "tolerance": TOLERANCE,
        "source": source,
        "agreement": agreement(tables, published),
        "trained_on": sorted({_one_line(environment) for environment in runs["trained_on"]}),
        "studies": [
            _study_context(study, rows, runs, tables[study], published.get(study, {}))
            for study, rows in variants.items()
        ],
    }


def markdown(context: dict[str, Any], image: Callable[[str], str]) -> str:
    """The report's text; `image` gives the address of a figure by its name."""
    return _templates.get_template("report.md.j2").render(context, image=image)


def page(context: dict[str, Any], images: dict[str, bytes]) -> str:
    """The same as a web page with the figures (PNG by name) in it."""

    def data_address(name: str) -> str:
        return "data:image/png;base64," + base64.b64encode(images[name]).decode("ascii")

    body = MarkdownIt().enable("table").render(markdown(context, data_address))
    return _templates.get_template("page.html.j2").render(body=body)


def _study_context(
    study: str,
    variants: dict[str, str],
    runs: pd.DataFrame,
    figures: dict[str, dict[str, Any]],
    published: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    title, axis, text = TEXTS[study]
    rows = []
    for name, variant in variants.items():
        of_variant = runs[runs["variant"] == variant]
        source = published.get(name)
        accuracy = figures[name]["test_accuracy"]
        rows.append(
            {
                "name": name,
                "n_parameters": f"{of_variant['n_parameters'].iloc[0]:,}",
                "best_epoch": ", ".join(map(str, of_variant["best_epoch"])),
                "loss": _with_spread(figures[name], "test_loss"),
                "accuracy": _with_spread(figures[name], "test_accuracy"),
                "published_loss": f"{source['test_loss']:.3f}" if source else "",
                "published_accuracy": f"{source['test_accuracy']:.3f}" if source else "",
                "difference": f"{accuracy - source['test_accuracy']:+.3f}" if source else "",
            }
        )
    unplaced = published.get("None")
    if unplaced:
        rows.append(
            dict.fromkeys(rows[0], "")
            | {
                "name": "not stated",
                "published_loss": f"{unplaced['test_loss']:.3f}",
                "published_accuracy": f"{unplaced['test_accuracy']:.3f}",
            }
        )
    return {"name": study, "title": title, "axis": axis, "text": text, "published": bool(published), "rows": rows}


def _as_yaml(params: Params) -> str:
    stream = io.StringIO()
    YAML().dump(params.model_dump(), stream)
    return stream.getvalue()


def _with_spread(figures: dict[str, Any], name: str) -> str:
    spread = figures.get(f"{name}_std")
    return f"{figures[name]:.3f}" + (f" ± {spread:.3f}" if spread is not None else "")


def _one_line(environment: dict[str, Any]) -> str:
    return "{device}, {threads} thread, PyTorch {torch}, Python {python}".format_map(environment)
