"""Is the repository whole? `make verify` checks DVC's cache, the lock files, and that the reports can be made again."""

import sys
import tempfile

from scripts import DVC, run
from scripts.repro import damaged_files, touch_outputs
from sentiment_rnn.errors import PipelineError, exit_on_error

UP_TO_DATE = "Data and pipelines are up to date."
PIPELINES = ("dvc.yaml", "extensions/dvc.yaml")
REPORTS = ("stages.report", "extensions.report")


def main() -> None:
    check_stored_files()
    check_locks()
    check_reports()


def check_stored_files() -> None:
    if damaged := damaged_files():
        raise PipelineError("\n".join(f"{path}: damaged; make repro repairs it" for path in damaged))
    touch_outputs()  # DVC hashes them again
    print("DVC's cache: no file is damaged")


def check_locks() -> None:
    try:  # the exit status does not tell
        output = run(*DVC, "repro", "--dry", "--allow-missing", *PIPELINES)
    except PipelineError as error:  # DVC goes on where it should not, and misses what a stage would have made
        output = str(error)
    if UP_TO_DATE not in output:
        left = [line for line in output.splitlines() if line.startswith("Running stage")]
        raise PipelineError("something is left to do: " + ("; ".join(left) or output))
    print("lock files: current")


def check_reports() -> None:
    with tempfile.TemporaryDirectory() as clone:
        run("git", "clone", "--quiet", ".", clone)
        for report in REPORTS:
            run(sys.executable, "-m", report, folder=clone)
        if changed := run("git", "status", "--porcelain", folder=clone):
            raise PipelineError(f"other files when the reports are made again from git:\n{changed}")
    print("reports: made again from git to the same bytes")


if __name__ == "__main__":
    exit_on_error(main)
