"""The files of a report."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment_rnn import files


def replace_files(folder: Path, contents: Mapping[str, Any]) -> None:
    """Replace a folder by one with these files: by name (or path) a text, bytes, or what is written as JSON."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in contents.items():
        path = folder / name
        if not isinstance(content, str | bytes):
            # ten digits: the last of a double's seventeen depend on the processor
            files.write_json(
                path, json.loads(json.dumps(content), parse_float=lambda text: float(f"{float(text):.10g}"))
            )
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.writing(path):
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
