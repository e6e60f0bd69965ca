"""Writing files so that an error names the file, and replacing folders as a whole."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from sentiment_rnn.errors import PipelineError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Have errors name the file that is written: those of a full disk do not.

    Raises:
        PipelineError: the file cannot be written.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise PipelineError(f"{path}: cannot be written: {error}") from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON that is easy to read, and make the folder.

    Raises:
        PipelineError: the file cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def unfinished_folder(folder: Path) -> Path:
    """An empty folder next to `folder` to write into, until replace_folder() moves it there."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def replace_folder(unfinished: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one; a kill in between leaves the older one as .NAME.old."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    unfinished.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
