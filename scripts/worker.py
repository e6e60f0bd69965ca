"""What a worker of `make cluster` does, in the clone that it was started in; cluster.py sends it this module."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dvc.utils.serialize import dump_yaml, load_yaml
from packaging.requirements import Requirement

from scripts import run
from sentiment_rnn.errors import PipelineError


def run_stage(stage: str, commit: str, inputs: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Reproduce a stage at a commit, through the DVC remote; its entry of dvc.lock, and what was printed."""
    try:
        if not Path("dvc.yaml").exists():
            raise PipelineError("the worker was not started in a clone of the project")
        Path(".dvc/tmp").mkdir(exist_ok=True)
        with Path(".dvc/tmp/cluster.lock").open("w") as lock:
            # DVC inherits it: after a worker that was killed the next one waits for what that one left running
            fcntl.flock(lock, fcntl.LOCK_EX)
            environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            here = partial(run, stdin=subprocess.DEVNULL, env=environment, pass_fds=[lock.fileno()])
            check_out(commit, here)
            dump_yaml("dvc.lock", {"schema": "2.0", "stages": inputs})
            dvc = (sys.executable, "-m", "dvc")  # a constant of a module would be the coordinator's
            # the run cache knows stages that another worker has finished, and the coordinator did not record
            here(*dvc, "pull", "--force", "--run-cache", *inputs)
            output = here(*dvc, "repro", "--single-item", "--pull", stage)
            here(*dvc, "push", "--run-cache", stage)
            return load_yaml("dvc.lock")["stages"][stage], output
    except PipelineError as error:
        raise PipelineError(f"{socket.gethostname()}, {Path.cwd()}: {error}") from error


def check_out(commit: str, here: Callable[..., str]) -> None:
    """Have the clone at a commit, and no other versions of packages than those that it locks."""
    changed = here("git", "status", "--porcelain", "--untracked-files=no").splitlines()
    if others := [line[3:] for line in changed if line[3:] != "dvc.lock"]:
        raise PipelineError(f"changed files in the worker's clone: {', '.join(others)}")
    here("git", "fetch", "--quiet", "origin")
    if commit not in here("git", "rev-list", "--all").split():
        raise PipelineError(f"no branch of origin has the commit {commit}: push it")
    here("git", "checkout", "--quiet", "--force", "--detach", commit)
    here("git", "clean", "-fdxq", "data/models")  # of an earlier stage, whole or not
    Path(".dvc/tmp/rwlock").unlink(missing_ok=True)  # nothing runs here now, and a kill may have left half of it
    check_versions()


def check_versions() -> None:
    """Compare the installed packages with those of constraints.txt; what is not installed is of no use here."""
    locked = map(Requirement, Path("constraints.txt").read_text(encoding="utf-8").splitlines())
    for requirement in [part for part in locked if not part.marker or part.marker.evaluate()]:
        with suppress(PackageNotFoundError):
            if not requirement.specifier.contains(installed := version(requirement.name), prereleases=True):
                raise PipelineError(f"{requirement.name} {installed} is installed, where {requirement} is wanted")
