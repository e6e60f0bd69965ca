"""What a worker of `make cluster` does, in the clone that it was started in; cluster.py sends it this module."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dvc.utils.serialize import dump_yaml, load_yaml

DVC = (sys.executable, "-m", "dvc")  # it imports nothing else of the project: it is sent alone
Entry = tuple[str, dict[str, Any]]  # of dvc.lock: the name of a stage, and what it says of it


def run_stage(stage: str, commit: str, known: list[Entry], *before: tuple[Entry, str]) -> tuple[Entry, str]:
    """Reproduce one stage: what it needs comes from the DVC remote, and what it makes goes there, run cache included.

    Args:
        stage: its name.
        commit: of the code and of the parameters; `git fetch` must find it.
        known: the entries of the stages that it depends on and that were up to date before.
        before: what this function returned for those that were not.

    Returns:
        The entry of the stage, and what was printed. A command that fails is told with its output, and where that was.
    """
    if not Path("dvc.yaml").exists():
        raise _failure("the worker was not started in a clone of the project")
    needed = dict([*known, *(entry for entry, _ in before)])
    Path(".dvc/tmp").mkdir(exist_ok=True)
    with Path(".dvc/tmp/cluster.lock").open("w") as alone:
        # DVC inherits it: behind a worker that was killed the next one waits for what that one left running
        fcntl.flock(alone, fcntl.LOCK_EX)
        _check_out(commit, alone.fileno())
        _check_packages()
        dump_yaml("dvc.lock", {"schema": "2.0", "stages": needed})
        # the run cache knows stages that another worker has finished, of which nobody heard
        _run(*DVC, "pull", "--force", "--run-cache", *needed, alone=alone.fileno())
        output = _run(*DVC, "repro", "--single-item", "--pull", stage, alone=alone.fileno())
        _run(*DVC, "push", "--run-cache", stage, alone=alone.fileno())
        return (stage, load_yaml("dvc.lock")["stages"][stage]), output


def _check_out(commit: str, alone: int) -> None:
    """Bring the clone to the commit, and away with what an earlier stage left, whole or not."""
    changed = _run("git", "status", "--porcelain", "--untracked-files=no", alone=alone).splitlines()
    if others := [line[3:] for line in changed if line[3:] != "dvc.lock"]:
        raise _failure(f"changed files in the worker's clone: {', '.join(others)}")
    _run("git", "fetch", "--quiet", "origin", alone=alone)
    if commit not in _run("git", "rev-list", "--all", alone=alone).split():
        raise _failure(f"no branch of origin has the commit {commit}: push it")
    _run("git", "checkout", "--quiet", "--force", "--detach", commit, alone=alone)
    _run("git", "clean", "-fdxq", "data/models", alone=alone)
    rwlock = Path(".dvc/tmp/rwlock")
    try:
        json.loads(rwlock.read_text() if rwlock.exists() else "{}")
    except ValueError:  # half of it, of a kill: every command of DVC would fail
        rwlock.unlink()


def _check_packages() -> None:
    """The pinned ones decide results: every machine must have the same."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    for pin in project["dependencies"]:
        name, _, wanted = pin.partition("==")
        found = version(name).partition("+")[0]  # torch names its build behind a plus
        if found != wanted:
            raise _failure(f"{name} {found} is installed, where {wanted} is wanted")


def _run(*command: str, alone: int) -> str:
    own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    result = subprocess.run(
        command,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | own,
        pass_fds=[alone],
    )
    if result.returncode:
        raise _failure(f"{' '.join(command)}:\n{result.stdout}")
    return result.stdout


def _failure(text: str) -> RuntimeError:
    return RuntimeError(f"{socket.gethostname()}, {Path.cwd()}: {text}")
