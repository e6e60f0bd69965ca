"""Is the repository whole? `make verify` checks stored files, dvc.lock, and that the report can be made again.

Stored files must have the hashes that dvc.lock names, dvc.lock must belong to the code and parameters that are here,
and the report, made again in a folder of its own from what git has, must have the same bytes.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.repro import find_damaged, project
from sentiment_rnn.errors import PipelineError, exit_on_error

UP_TO_DATE = "Data and pipelines are up to date."
OUTPUTS = ("metrics", "plots", "report")


def main() -> None:
    check_stored_files()
    check_lock()
    check_report()


def check_stored_files() -> None:
    """Hash everything that is here of what dvc.lock names, in DVC's cache and in git."""
    in_cache, in_project = find_damaged()
    if paths := [*in_cache, *in_project]:
        raise PipelineError("\n".join(f"{path}: damaged, or of another run; make repro repairs it" for path in paths))
    with project() as repo:
        in_git = [out for out in repo.index.outs if not out.use_cache]
        for path in [path for out in in_git for path in (Path(out.def_path), *Path(out.def_path).rglob("*"))]:
            if path.is_file():
                os.utime(path)  # DVC hashes a file again when its time has changed
    print("stored files: none is damaged")


def check_lock() -> None:
    """Ask DVC. Its exit status does not tell, its last line does."""
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing"]
    result = subprocess.run(command, check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL)
    if UP_TO_DATE not in result.stdout:
        left = [line for line in result.stdout.splitlines() if line.startswith("Running stage")]
        raise PipelineError("something is left to do: " + ("; ".join(left) or f"{result.stdout}{result.stderr}"))
    print("dvc.lock: current")


def check_report() -> None:
    """Run the command of the report in a folder where its outputs are not, and compare."""
    with project() as repo:
        (stage,) = repo.stage.collect("report")
        command = shlex.split(stage.cmd)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in [path for path in tracked_files() if not path.startswith(tuple(f"{out}/" for out in OUTPUTS))]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here / path, folder / path)
        if subprocess.run([sys.executable, *command[1:]], check=False, cwd=folder).returncode:
            raise PipelineError("the report cannot be made again; the reason is above")
        for part in OUTPUTS:
            if subprocess.run(["diff", "--recursive", "--brief", folder / part, here / part], check=False).returncode:
                raise PipelineError(f"{part} is not the same when it is made again; the differences are above")
    print(f"{', '.join(OUTPUTS)}: made again from git to the same bytes")


def tracked_files() -> list[str]:
    """The files of git, as they are here."""
    result = subprocess.run(["git", "ls-files", "-z"], check=True, text=True, capture_output=True)
    return [path for path in result.stdout.split("\0") if Path(path).is_file()]


if __name__ == "__main__":
    exit_on_error(main)
