"""A page: the template, filled in, as Markdown and as a web page that needs no other file; and its numbers."""

import base64
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from pydantic import BaseModel
from ruamel.yaml import YAML

from sentiment_rnn.report.results import row_figures
from sentiment_rnn.report.tables import Report

_templates = Environment(
    loader=PackageLoader("sentiment_rnn.report"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["thousands"] = "{:,}".format


def page_files(
    report: Report, context: dict[str, Any], images: dict[str, bytes], address: Callable[[str], str]
) -> dict[str, Any]:
    """The files of a page: report.md, index.html, and the numbers as JSON.

    Args:
        report: the numbers.
        context: of the template.
        images: PNG by name.
        address: the path of an image from report.md, by its name.
    """
    return {
        "report.md": render(context, address),
        "index.html": web_page(context, images),
        "rows.json": row_figures(report.tables, report.results, report.published),
        "comparisons.json": [asdict(comparison) for comparison in report.comparisons],
        "environment.json": environments(report),
    }


def render(context: dict[str, Any], address: Callable[[str], str]) -> str:
    """The text of a page."""
    return _templates.get_template("report.md.j2").render(context, image=address)


def web_page(context: dict[str, Any], images: dict[str, bytes]) -> str:
    """The same with the images in it."""
    body = MarkdownIt().enable("table").render(render(context, lambda name: f"{name}.png"))
    for name, image in images.items():  # after the renderer, which would look at every character of them
        address = "data:image/png;base64," + base64.b64encode(image).decode("ascii")
        body = body.replace(f'src="{name}.png"', f'src="{address}"')
    return _templates.get_template("page.html.j2").render(title=context["title"], body=body)


def environments(report: Report) -> dict[str, Any]:
    """Where the models were trained, with the number of runs, and the versions of the packages of the report."""
    texts = [json.dumps(model["trained_on"]) for result in report.results.values() for model in result.models]
    packages = ("numpy", "pandas", "safetensors", "scikit-learn", "scipy", "statsmodels", "torch")
    return {
        "trained_on": [json.loads(text) | {"runs": number} for text, number in Counter(texts).items()],
        # torch names its build after a plus, where it is not PyPI's
        "packages": {name: version(name).partition("+")[0] for name in packages},
    }


def as_yaml(section: BaseModel) -> str:
    """Parameters as they could be written in their file."""
    stream = io.StringIO()
    YAML().dump(section.model_dump(), stream)
    return stream.getvalue()
