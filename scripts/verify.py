"""Is the repository whole? `make verify` asks this, and then whether the README's commands work and its links lead on.

Stored files must be what their hashes say; both lock files must be those of the code and parameters that stand here;
and the reports with all that belongs to them, made again from what git keeps in a folder of their own, the same bytes.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from repro import find_damaged, project

from sentiment_rnn.errors import PipelineError, exit_on_error

UP_TO_DATE = "Data and pipelines are up to date."
STAND_INS = {  # folders of git for those that a fresh clone does not have
    "data/evaluations": "results",
    "data/split": "results/split",
    "data/encoded": "results/encoded",
    "data/extensions/evaluations": "extensions/results",
    "data/extensions/trials/models/champion_trials": "extensions/results/champion_trials",
}
REPORTS = {
    "report": ("results", "metrics", "plots", "report"),
    "extensions/dvc.yaml:report": ("extensions/results", "extensions/metrics.json", "extensions/report"),
}


def main() -> None:
    check_stored_files()
    check_locks("-P")
    for stage, outputs in REPORTS.items():
        check_report(stage, outputs)


def check_stored_files() -> None:
    """All that is here of what the lock files name, in DVC's cache and in git."""
    in_cache, in_project = find_damaged()
    if paths := [*in_cache, *in_project]:
        raise PipelineError("\n".join(f"{path}: damaged, or of another run; make repro mends it" for path in paths))
    with project() as repo:
        in_git = [out for out in repo.index.outs if not out.use_cache]
        for path in [path for out in in_git for path in (Path(out.def_path), *Path(out.def_path).rglob("*"))]:
            if path.is_file():
                os.utime(path)  # DVC hashes a file again when its time has changed
    print("stored files: none is damaged")


def check_locks(pipelines: str) -> None:
    """Ask DVC itself. Its exit status does not tell, its last line does."""
    command = [sys.executable, "-m", "dvc", "repro", pipelines, "--dry", "--allow-missing"]
    result = subprocess.run(command, check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL)
    if UP_TO_DATE not in result.stdout:
        left = [line for line in result.stdout.splitlines() if line.startswith("Running stage")]
        raise PipelineError("something is left to do: " + ("; ".join(left) or f"{result.stdout}{result.stderr}"))
    print("dvc.lock, extensions/dvc.lock: current")


def check_report(stage: str, outputs: tuple[str, ...]) -> None:
    """Run the command of a report in a folder where its outputs are not, and compare."""
    with project() as repo:
        (found,) = repo.stage.collect(stage)
        command = shlex.split(found.cmd)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in [path for path in tracked_files() if not any(Path(path).is_relative_to(out) for out in outputs)]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here / path, folder / path)
        for part, stand_in in STAND_INS.items():
            if (here / stand_in).exists():
                shutil.copytree(here / stand_in, folder / part, dirs_exist_ok=True)
        own = {"PYTHONPATH": str(folder / "src")}
        if subprocess.run([sys.executable, *command[1:]], check=False, cwd=folder, env=os.environ | own).returncode:
            raise PipelineError("the report cannot be made again; the reason stands above")
        for part in outputs:
            if subprocess.run(["diff", "--recursive", "--brief", folder / part, here / part], check=False).returncode:
                raise PipelineError(f"{part} is another when it is made again; what differs stands above")
    print(f"{', '.join(outputs)}: made again from what git keeps to the same bytes")


def tracked_files() -> list[str]:
    """The files of git, as they are here."""
    result = subprocess.run(["git", "ls-files", "-z"], check=True, text=True, capture_output=True)
    return [path for path in result.stdout.split("\0") if Path(path).is_file()]


if __name__ == "__main__":
    exit_on_error(main)
