"""`make cluster`: several machines, each with a clone of its own, end where one does."""

import os
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import cluster_repro
import psutil
import pytest
from conftest import Scratch, clone
from distributed import Client, Scheduler, SpecCluster, Worker, get_worker
from repro_plan import Plan, read_lock

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


def pretend(stage: str, commit: str, needed: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """In place of run_stage: who took the stage, and when."""
    began = time.monotonic()
    time.sleep(0.2)
    return {"worker": get_worker().name, "began": began, "ended": time.monotonic()}, f"{stage} at {commit}, {needed}"


def test_gpu_takes_one_training_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Dask's own scheduling, of stages that do nothing: a worker with a GPU and threads to spare, and one without."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster_repro, "run_stage", pretend)
    monkeypatch.setattr(cluster_repro, "dvc", lambda *_, **__: None)
    trainings = {f"train@{number}" for number in range(4)}
    evaluations = {f"evaluate@{number}" for number in range(4)}
    order = sorted(trainings | evaluations)
    plan = Plan(order, {}, {stage: set() for stage in order}, {}, trainings)
    workers = {
        "gpu": {"cls": Worker, "options": {"host": "127.0.0.1", "nthreads": 3, "resources": {"GPU": 1}}},
        "cpu": {"cls": Worker, "options": {"host": "127.0.0.1", "nthreads": 3}},
    }
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard": False, "port": 0}}
    with SpecCluster(workers, scheduler) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        cluster_repro.run_on_workers(client, {stage: set() for stage in order}, trainings, plan, "commit", 0)
    lock = read_lock()
    assert {lock[stage]["worker"] for stage in trainings} == {"gpu"}
    assert "cpu" in {lock[stage]["worker"] for stage in evaluations}
    by_time = sorted((lock[stage]["began"], lock[stage]["ended"]) for stage in trainings)
    assert all(ended <= began for (_, ended), (began, _) in pairwise(by_time))


def test_scheduler_that_is_not_there(tmp_path: Path):
    scratch = clone(tmp_path / "clone")
    scratch.run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    assert "no scheduler answers at nonsense: " in scratch.run(*COMMAND, "--scheduler", "nonsense", fails=True)
