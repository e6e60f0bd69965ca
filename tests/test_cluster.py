"""`make cluster`: several machines, each with a clone of its own, end where one does."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from cloudpickle import dumps, register_pickle_by_value
from conftest import PROJECT, Scratch, clone
from distributed import Client, Scheduler, SpecCluster, Worker, get_worker

import scripts
from scripts import cluster, worker
from scripts.worker import check_versions
from sentiment_rnn.errors import PipelineError

COMMAND = ("python", "-m", "scripts.cluster")


def worker_that_trains(folder: Path) -> psutil.Process:
    """Wait for one that has a training under way in its clone."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for process in psutil.process_iter(["cmdline", "cwd"]):
            if process.info["cwd"] == str(folder) and "stages.train" in (process.info["cmdline"] or []):
                return next(p for p in process.parents() if "distributed.cli.dask_worker" in p.cmdline())
        time.sleep(0.02)
    raise AssertionError(f"nothing is trained in {folder}")


@pytest.fixture
def with_remote(tmp_path: Path) -> Scratch:
    """A clone where nothing has run yet, with a remote."""
    scratch = clone(tmp_path / "clone")
    scratch.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    return scratch


@pytest.mark.long
def test_cluster_that_loses_a_worker_ends_as_one_machine_does(with_remote: Scratch, finished: Scratch):
    process = with_remote.start(*COMMAND, until="mean tokens")
    worker = worker_that_trains(with_remote.folder / ".dvc/tmp/cluster/0")
    for running in (worker, *worker.children(recursive=True)):
        running.send_signal(signal.SIGKILL)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert "Data and pipelines are up to date" in with_remote.run("dvc", "repro")
    assert with_remote.results() == finished.results()


@pytest.mark.long
def test_cluster_whose_coordinator_is_killed_goes_on(with_remote: Scratch, finished: Scratch):
    """Its dvc.lock knows nothing yet: what a worker finished is in the run cache of the remote."""
    process = with_remote.start(*COMMAND, until="| Running stage 'train_")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not any(name.startswith("train_") for name in with_remote.lock())
    shutil.rmtree(with_remote.folder / ".dvc/tmp/cluster")  # the workers' clones, with their run caches
    assert "is cached - skipping run" in with_remote.run(*COMMAND)
    assert with_remote.results() == finished.results()


def test_cluster_asks_for_a_remote_and_a_commit(tmp_path: Path):
    scratch = clone(tmp_path / "clone")
    assert "dvc remote add --default" in scratch.run(*COMMAND, fails=True)
    scratch.edit(lambda params: params.update(hidden_dim=7))
    assert "not committed: params.yaml" in scratch.run(*COMMAND, fails=True)


def pretend(stage: str, commit: str, inputs: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """In place of run_stage: who took the stage, and when."""
    began = time.monotonic()
    time.sleep(0.2)
    return {"worker": get_worker().name, "began": began, "ended": time.monotonic()}, f"{stage} at {commit}, {inputs}"


@pytest.fixture
def client() -> Iterator[Client]:
    """Of Dask's own scheduler, with two workers that have threads to spare, one of them with a GPU."""
    workers = {
        "gpu": {"cls": Worker, "options": {"host": "127.0.0.1", "nthreads": 3, "resources": {"GPU": 1}}},
        "cpu": {"cls": Worker, "options": {"host": "127.0.0.1", "nthreads": 3}},
    }
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard": False, "port": 0}}
    with SpecCluster(workers, scheduler) as machines, Client(machines) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the coordinator saves, by stage."""
    saved: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text("stages: {vocab: {}}")
    monkeypatch.setattr(cluster, "save", saved.update)
    return saved


TRAININGS = [f"train_{number}" for number in range(4)]


def test_gpu_takes_one_training_at_a_time(client: Client, saved: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "run_stage", pretend)
    cluster.run_on_workers(client, TRAININGS, "commit", gpus=True)
    assert saved.keys() == set(TRAININGS)
    assert {entry["worker"] for entry in saved.values()} == {"gpu"}
    times = sorted((entry["began"], entry["ended"]) for entry in saved.values())
    assert all(ended <= began for (_, ended), (began, _) in pairwise(times))


def test_workers_run_their_own_python():
    """Not the coordinator's, whose path would be sent along."""
    for module in (scripts, worker):
        register_pickle_by_value(module)
    assert sys.executable.encode() not in dumps(worker.run_stage)


def fail_late(stage: str, *_: Any) -> tuple[dict[str, Any], str]:
    """In place of run_stage: one training fails after all others have ended."""
    if stage == "train_1":
        time.sleep(1)
        raise PipelineError("its worker says why")
    return {"cmd": stage}, ""


@pytest.mark.parametrize("end", [PipelineError, KeyboardInterrupt])
def test_what_ended_before_is_saved(
    end: type[BaseException], client: Client, saved: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    """Before a stage fails, or before an interrupt while it runs."""
    wait_for_some = cluster.wait_for_some

    def wait_or_interrupt(client: Client, running: list[Any]) -> set[Any]:
        if end is KeyboardInterrupt and len(running) == 1:
            raise KeyboardInterrupt
        return wait_for_some(client, running)

    monkeypatch.setattr(cluster, "run_stage", fail_late)
    monkeypatch.setattr(cluster, "wait_for_some", wait_or_interrupt)
    with pytest.raises(end, match="train_1 failed" if end is PipelineError else None):
        cluster.run_on_workers(client, TRAININGS, "commit", gpus=False)
    assert saved.keys() == set(TRAININGS) - {"train_1"}


def test_worker_compares_its_packages_with_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Those of `make install` are right. Lines for other platforms, or for what is not here, do not count."""
    monkeypatch.chdir(tmp_path)
    lock = (PROJECT / "constraints.txt").read_text(encoding="utf-8")
    lock += "numpy==0.1 ; python_full_version < '3'\nno-such-package==1.0\n"
    (tmp_path / "constraints.txt").write_text(lock, encoding="utf-8")
    check_versions()
    (tmp_path / "constraints.txt").write_text(lock + "numpy==0.1\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"numpy .* is installed, where numpy==0\.1 is wanted"):
        check_versions()
