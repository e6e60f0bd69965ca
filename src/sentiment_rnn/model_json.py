"""model.json, which says what the trained model in a folder is."""

import json
from pathlib import Path
from typing import Any

from sentiment_rnn.errors import PipelineError

FORMAT = 1  # of the whole folder; raised when one written before can no longer be read


class ModelFolderError(PipelineError):
    """The folder does not hold a model that this version can read."""


def write_description(folder: Path, **facts: Any) -> None:
    """Write model.json."""
    text = json.dumps({"format": FORMAT, **facts}, indent=2)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def read_description(folder: Path) -> dict[str, Any]:
    """What model.json says.

    Raises:
        ModelFolderError: there is none, a damaged one, or one of another format.
    """
    try:
        description: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        found = description["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder}: no model there, or a damaged one: {error!r}") from error
    if found != FORMAT:
        raise ModelFolderError(f"{folder}: its format is {found}; this version reads {FORMAT}")
    return description
