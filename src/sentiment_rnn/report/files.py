"""The files of a report."""

import json
from pathlib import Path
from typing import Any

from sentiment_rnn import files


def write_json(path: Path, content: Any) -> None:
    """Write numbers with ten digits: the last of a double's seventeen depend on the processor."""
    files.write_json(path, json.loads(json.dumps(content), parse_float=lambda text: float(f"{float(text):.10g}")))


def write(path: Path, content: str | bytes) -> None:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.writing(path):
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
