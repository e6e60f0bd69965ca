"""The files of a report."""

import json
import shutil
from pathlib import Path
from typing import Any


def copy_results(evaluations: dict[str, Path], data: Path, folder: Path) -> None:
    """Copy what the runs left into a folder that git keeps; nothing else stays there.

    Evaluations of variants that the parameters no longer name go, too: a report depends on the folder of all.

    Args:
        evaluations: the folder of each variant.
        data: the folder in which all stand.
        folder: to write.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name, path in evaluations.items():
        shutil.copytree(path, folder / name)
    for path in {file.parents[1] for file in data.rglob("metrics.json")} - set(evaluations.values()):
        shutil.rmtree(path)


def write_json(path: Path, content: Any) -> None:
    """Ten digits: the last of a double's seventeen are the processor's."""
    rounded = json.loads(json.dumps(content), parse_float=lambda text: float(f"{float(text):.10g}"))
    write(path, json.dumps(rounded, indent=2) + "\n")


def write(path: Path, content: str | bytes) -> None:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
