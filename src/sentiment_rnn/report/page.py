"""A page: the template, filled in, as Markdown and as a web page that needs no other file; and its numbers."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from sentiment_rnn.files import replace_folder, unfinished_folder, write_json, writing
from sentiment_rnn.report.results import is_inside, row_figures, with_own_variance
from sentiment_rnn.report.tables import Report

_templates = Environment(
    loader=PackageLoader("sentiment_rnn.report"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"thousands": "{:,}".format, "is_inside": is_inside, "with_own_variance": with_own_variance}


def page_files(
    title: str, report: Report, images: dict[str, bytes], address: Callable[[str], str], *, is_study: bool
) -> dict[str, Any]:
    """The files of a page: report.md, index.html, and the numbers as JSON.

    Args:
        title: its heading.
        report: the numbers; of the study a StudyReport.
        images: PNG by name.
        address: the path of an image from report.md, by its name.
        is_study: whether the page has the study's own sections.
    """
    template = _templates.get_template("report.md.j2")
    environment, study = environments(report), report if is_study else None
    names = {"title": title, "report": report, "study": study, "images": images, "image": address}
    text = template.render(names, environment=environment)
    body = MarkdownIt().enable("table").render(text)
    for name, image in images.items():  # after the renderer, which would look at every character of them
        data = "data:image/png;base64," + base64.b64encode(image).decode("ascii")
        body = body.replace(f'src="{address(name)}"', f'src="{data}"')
    return {
        "report.md": text,
        "index.html": _templates.get_template("page.html.j2").render(title=title, body=body),
        "rows.json": row_figures(report.tables, report.results, report.published),
        "comparisons.json": [asdict(comparison) for comparison in report.comparisons],
        "environment.json": environment,
    }


def environments(report: Report) -> dict[str, Any]:
    """Where the models were trained, with the number of runs, and the versions of the packages of the report."""
    texts = [json.dumps(model["trained_on"]) for result in report.results.values() for model in result.models]
    packages = ("numpy", "pandas", "safetensors", "scikit-learn", "scipy", "statsmodels", "torch")
    return {
        "trained_on": [json.loads(text) | {"runs": number} for text, number in Counter(texts).items()],
        # torch names its build after a plus, where it is not PyPI's
        "packages": {name: version(name).partition("+")[0] for name in packages},
    }


def replace_files(folder: Path, contents: Mapping[str, Any]) -> None:
    """Replace a folder by one with these files: by name (or path) a text, bytes, or what is written as JSON."""
    unfinished = unfinished_folder(folder)
    for name, content in contents.items():
        path = unfinished / name
        if not isinstance(content, str | bytes):
            text = json.dumps(content)
            # ten digits: the last of a double's seventeen depend on the processor; "NaN": JSON has no such number
            write_json(path, json.loads(text, parse_float=lambda x: float(f"{float(x):.10g}"), parse_constant=str))
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path):
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    replace_folder(unfinished, folder)
