"""`make cluster`: several machines, each with a clone of its own, end where one does."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from conftest import Scratch, clone

COMMAND = ("python", "scripts/cluster_repro.py")


def training_in(folder: Path) -> psutil.Process:
    """Wait for one that runs there."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for process in psutil.process_iter(["cmdline", "cwd"]):
            if process.info["cwd"] == str(folder) and "stages/train.py" in (process.info["cmdline"] or []):
                return process
        time.sleep(0.02)
    raise AssertionError(f"nothing is trained in {folder}")


@pytest.mark.long
def test_cluster_whose_worker_is_killed_ends_as_one_machine_does(finished: Scratch, tmp_path: Path):
    scratch = clone(tmp_path / "clone")
    assert "dvc remote add --default" in scratch.run(*COMMAND, fails=True)
    scratch.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    process = scratch.start(*COMMAND, until="tokens a review")
    training = training_in(scratch.folder / ".dvc/tmp/cluster/0")
    variant = training.cmdline()[training.cmdline().index("--variant") + 1]
    os.killpg(os.getpgid(training.pid), signal.SIGKILL)  # its worker, and DVC, are in the same group
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert output.endswith("Data and pipelines are up to date.\n")
    assert f"--variant {variant} --seed 0" in output  # by the other worker: a lost one prints nothing
    assert scratch.results() == finished.results()
    scratch.edit(lambda params: params.update(hidden_dim=7))
    assert "not committed: params.yaml" in scratch.run(*COMMAND, fails=True)


def test_scheduler_that_is_not_there(tmp_path: Path):
    scratch = clone(tmp_path / "clone")
    scratch.run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    assert "no scheduler answers at nonsense: " in scratch.run(*COMMAND, "--scheduler", "nonsense", fails=True)
