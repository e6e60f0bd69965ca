"""Is the repository whole? `make verify` asks this, and then whether the README's commands work and its links lead on.

dvc.lock must be that of the committed code and parameters; stored files must be what their hashes say; and metrics/,
plots/ and report/, made again from the stored predictions in a folder of their own, must be the same bytes.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from dvc.repo import Repo
from repro_plan import read_lock
from safeguards import find_damaged
from stage_runner import DVC

from sentiment_rnn.errors import PipelineError, exit_on_error

MADE_AGAIN = ("metrics", "plots", "report")


def main() -> None:
    check_lock()
    check_stored_files()
    missing = missing_predictions()
    if missing:
        print(f"not made again: {', '.join(MADE_AGAIN)}, since {missing} is not here; dvc pull or make repro brings it")
    else:
        check_report()


def check_lock() -> None:
    """Nothing is left to do.

    Raises:
        PipelineError: something is.
    """
    command = [*DVC, "repro", "--dry", "--allow-missing"]
    result = subprocess.run(command, check=False, text=True, capture_output=True)
    stale = [line for line in result.stdout.splitlines() if line.startswith("Running stage")]
    if result.returncode or stale:
        raise PipelineError("dvc.lock is not current: " + ("; ".join(stale) or result.stderr))
    print("dvc.lock: current")


def check_stored_files() -> None:
    """All that is here of what dvc.lock names.

    Raises:
        PipelineError: a file has other content than its hash says.
    """
    in_cache, in_project = find_damaged(read_lock())
    if in_cache or in_project:
        raise PipelineError("\n".join(f"{path}: damaged; make repro makes it again" for path in in_cache + in_project))
    print("stored files: none is damaged")


def missing_predictions() -> str | None:
    """The first thing that the report is made from and that is not here, or not whole."""
    with Repo() as repo:
        for changes in repo.status(targets=["report"]).get("report", []):
            for path in changes.get("changed deps", {}):
                return str(path)
    return None


def check_report() -> None:
    """Run the report's command in a folder where its outputs are not, and compare.

    Raises:
        PipelineError: a file differs, or is there alone.
    """
    with Repo() as repo:
        (stage,) = repo.stage.collect("report")
        command = shlex.split(stage.cmd)
    project = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in project.iterdir():
            if path.name not in (*MADE_AGAIN, ".git", ".dvc"):
                (folder / path.name).symlink_to(path)
        own = {"PYTHONPATH": str(project / "src")}
        subprocess.run([sys.executable, *command[1:]], check=True, cwd=folder, env=os.environ | own)
        for part in MADE_AGAIN:
            made, committed = files_in(folder / part), files_in(project / part)
            differing = sorted(path for path in made.keys() | committed.keys() if made.get(path) != committed.get(path))
            if differing:
                raise PipelineError(f"made again, these differ in {part}/: {', '.join(map(str, differing))}")
    print(f"{', '.join(MADE_AGAIN)}: made again from the stored predictions to the same bytes")


def files_in(folder: Path) -> dict[Path, bytes]:
    """The content of all files there by their names."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    exit_on_error(main)
