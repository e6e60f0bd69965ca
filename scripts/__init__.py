"""Commands for those who work on the project: `python -m scripts.NAME` runs the code of its own checkout."""

import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))  # before an installed one, which may be of another checkout

from sentiment_rnn.errors import PipelineError

DVC = (sys.executable, "-m", "dvc")


def run(*command: str, folder: str | Path | None = None, shown: bool = False, **options: Any) -> str:
    """Run a command, with options of subprocess.run(); its output, unless that is shown, or a PipelineError with it."""
    result = subprocess.run(command, check=False, text=True, capture_output=not shown, cwd=folder, **options)
    if result.returncode:
        raise PipelineError(f"{' '.join(command)} failed: {result.stdout or ''}{result.stderr or ''}")
    return result.stdout or ""
