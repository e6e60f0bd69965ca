"""A report as a Markdown text, and as a web page that needs no other file."""

import base64
import io
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from pydantic import BaseModel
from ruamel.yaml import YAML

_templates = Environment(
    loader=PackageLoader("sentiment_rnn.report"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def markdown(template: str, context: dict[str, Any], image: Callable[[str], str]) -> str:
    """The text of a report; `image` gives the address of a figure by its name."""
    return _templates.get_template(template).render(context, image=image)


def web_page(title: str, template: str, context: dict[str, Any], images: dict[str, bytes]) -> str:
    """The same as a web page with the figures (PNG by name) in it."""
    body = MarkdownIt().enable("table").render(markdown(template, context, lambda name: f"{name}.png"))
    for name, image in images.items():  # behind the renderer, which would look at every character of them
        address = "data:image/png;base64," + base64.b64encode(image).decode("ascii")
        body = body.replace(f'src="{name}.png"', f'src="{address}"')
    return _templates.get_template("page.html.j2").render(title=title, body=body)


def as_yaml(section: BaseModel) -> str:
    """Parameters as they could stand in their file."""
    stream = io.StringIO()
    YAML().dump(section.model_dump(), stream)
    return stream.getvalue()
