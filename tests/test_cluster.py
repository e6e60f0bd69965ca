"""`make cluster`: several machines, each with a clone of its own, end where one does."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Scratch, clone
from distributed import Client, Scheduler, SpecCluster, Worker, get_worker

from scripts import cluster
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


def test_only_what_needs_no_training_runs_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The evaluations and the report wait for the trainings, which the workers have."""
    scratch = clone(tmp_path / "clone")
    scratch.run("dvc", "repro", "fetch")
    monkeypatch.chdir(scratch.folder)
    given, before = cluster.plan()
    assert set(given) == {
        name for name in scratch.run("dvc", "stage", "list", "--name-only").split() if "train_" in name
    }
    assert before == ["split", "vocab"]


def pretend(stage: str, commit: str, known: list[Any], *before: Any) -> tuple[tuple[str, dict[str, Any]], str]:
    """In place of run_stage: who took the stage, and when."""
    began = time.monotonic()
    time.sleep(0.2)
    facts = {
        "worker": get_worker().name,
        "began": began,
        "ended": time.monotonic(),
        "before": [b[0][0] for b in before],
    }
    return (stage, facts), f"{stage} at {commit}, {known}"


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
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the coordinator keeps, by stage."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(cluster, "keep", kept.update)
    monkeypatch.setattr(cluster, "read_locks", lambda: {(Path("dvc.lock"), "vocab"): {}})
    return kept


NAMES = [f"{kind}_{number}" for kind in ("train", "evaluate") for number in range(4)]
GIVEN = {name: {"vocab"} | ({name.replace("evaluate", "train")} - {name}) for name in NAMES}


def test_gpu_takes_one_training_at_a_time_and_what_depends_waits(
    client: Client, kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cluster, "run_stage", pretend)
    cluster.run_on_workers(client, GIVEN, "commit", gpus=True)
    assert kept.keys() == set(NAMES)
    assert {kept[f"train_{number}"]["worker"] for number in range(4)} == {"gpu"}
    times = sorted((kept[f"train_{number}"]["began"], kept[f"train_{number}"]["ended"]) for number in range(4))
    assert all(ended <= began for (_, ended), (began, _) in pairwise(times))
    for number in range(4):
        assert kept[f"evaluate_{number}"]["before"] == [f"train_{number}"]
        assert kept[f"evaluate_{number}"]["began"] >= kept[f"train_{number}"]["ended"]


def fail_late(stage: str, *_: Any) -> tuple[tuple[str, dict[str, Any]], str]:
    """In place of run_stage: one training fails after all others have ended."""
    if stage == "train_1":
        time.sleep(1)
        raise RuntimeError("its worker says why")
    return (stage, {}), ""


@pytest.mark.parametrize("end", [PipelineError, KeyboardInterrupt])
def test_what_ended_before_is_kept(
    end: type[BaseException], client: Client, kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    """Before a stage fails, or before an interrupt while it runs."""
    wait_for_some = cluster.wait_for_some

    def wait_or_interrupt(client: Client, running: list[Any], *, gpus: bool) -> set[Any]:
        if end is KeyboardInterrupt and len(running) == 2:  # the training, and what depends on it
            raise KeyboardInterrupt
        return wait_for_some(client, running, gpus=gpus)

    monkeypatch.setattr(cluster, "run_stage", fail_late)
    monkeypatch.setattr(cluster, "wait_for_some", wait_or_interrupt)
    with pytest.raises(end, match="train_1 failed" if end is PipelineError else None):
        cluster.run_on_workers(client, GIVEN, "commit", gpus=False)
    assert kept.keys() == set(NAMES) - {"train_1", "evaluate_1"}
