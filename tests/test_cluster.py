"""`make cluster`: several machines, each with a clone of its own, end where one does."""

import os
import signal
import time
from pathlib import Path

import psutil
from conftest import Scratch, clone

COMMAND = ("python", "scripts/cluster_repro.py")


def training_in(folder: Path) -> psutil.Process:
    """Wait for one that runs there."""
    while True:
        for process in psutil.process_iter(["cmdline", "cwd"]):
            if process.info["cwd"] == str(folder) and "stages/train.py" in (process.info["cmdline"] or []):
                return process
        time.sleep(0.02)


def test_cluster_whose_worker_is_killed_ends_as_one_machine_does(finished: Scratch, tmp_path: Path):
    scratch = clone(tmp_path / "clone")
    assert "dvc remote add --default" in scratch.run(*COMMAND, fails=True)
    scratch.run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    process = scratch.start(*COMMAND, until="tokens a review")
    clones = [scratch.folder / ".dvc/tmp/cluster" / name for name in "01"]
    training = training_in(clones[0])
    variant = training.cmdline()[training.cmdline().index("--variant") + 1]
    os.killpg(os.getpgid(training.pid), signal.SIGKILL)  # its worker, and DVC, are in the same group
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert output.endswith("Data and pipelines are up to date.\n")
    assert not (clones[0] / f"data/models/{variant}/0/weights.safetensors").exists()
    assert (clones[1] / f"data/models/{variant}/0/weights.safetensors").exists()
    for name in ("dvc.lock", "metrics", "plots", "report"):
        files = [path.relative_to(finished.folder) for path in finished.folder.glob(f"{name}/**/*") if path.is_file()]
        for path in files or [Path(name)]:
            assert (scratch.folder / path).read_bytes() == (finished.folder / path).read_bytes(), path
    scratch.edit(lambda params: params.update(hidden_dim=7))
    assert "not committed: params.yaml" in scratch.run(*COMMAND, fails=True)


def test_scheduler_that_is_not_there(tmp_path: Path):
    scratch = clone(tmp_path / "clone")
    scratch.run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    assert "no address" in scratch.run(*COMMAND, "--scheduler", "nonsense", fails=True)
