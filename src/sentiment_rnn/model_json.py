"""model.json: the metadata of the trained model in a folder."""

import hashlib
import json
from pathlib import Path
from typing import Any

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.files import write_json

FORMAT = 2  # of the whole folder; raised when an earlier one can no longer be read
HASHED = ("weights.safetensors", "vocabulary.txt")


class ModelFolderError(PipelineError):
    """The folder does not have a model that this version can read."""


def write_metadata(folder: Path, **metadata: Any) -> None:
    """Write model.json, with the hashes of the files of the model, which are there already."""
    hashes = {name: sha256(folder / name) for name in HASHED}
    write_json(folder / "model.json", {"format": FORMAT, **metadata, "sha256": hashes})


def read_metadata(folder: Path) -> dict[str, Any]:
    """The content of model.json.

    Raises:
        ModelFolderError: there is none, a damaged one, or one of another format.
    """
    try:
        metadata: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        version = metadata["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder}: no model there, or a damaged one: {error!r}") from error
    if version != FORMAT:
        raise ModelFolderError(f"{folder}: its format is {version}; this version reads {FORMAT}")
    return metadata


def read_verified(folder: Path) -> dict[str, Any]:
    """The content of model.json, after a check that the model's other files are the ones it was written for.

    Raises:
        ModelFolderError: as read_metadata(), or a file is missing or was changed.
    """
    metadata = read_metadata(folder)
    try:
        changed = [name for name in HASHED if sha256(folder / name) != metadata["sha256"][name]]
    except (OSError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
    if changed:
        raise ModelFolderError(f"{folder}: a damaged model: {changed[0]} is not the file that model.json describes")
    return metadata


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
