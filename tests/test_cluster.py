"""`make cluster`: several machines, each with a clone of its own, end where one does."""

import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import cluster
import psutil
import pytest
from conftest import Scratch, clone
from distributed import Client, Scheduler, SpecCluster, Worker, get_worker

COMMAND = ("python", "scripts/cluster.py")


def worker_that_trains(folder: Path) -> psutil.Process:
    """Wait for one that has a training under way in its clone."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for process in psutil.process_iter(["cmdline", "cwd"]):
            if process.info["cwd"] == str(folder) and "stages/train.py" in (process.info["cmdline"] or []):
                return next(p for p in process.parents() if "distributed.cli.dask_worker" in p.cmdline())
        time.sleep(0.02)
    raise AssertionError(f"nothing is trained in {folder}")


@pytest.mark.long
def test_cluster_whose_worker_is_killed_ends_as_one_machine_does(finished: Scratch, tmp_path: Path):
    scratch = clone(tmp_path / "clone")
    assert "dvc remote add --default" in scratch.run(*COMMAND, fails=True)
    scratch.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    process = scratch.start(*COMMAND, until="tokens a review")
    worker = worker_that_trains(scratch.folder / ".dvc/tmp/cluster/0")
    for running in (worker, *worker.children(recursive=True)):
        running.send_signal(signal.SIGKILL)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert "Data and pipelines are up to date" in scratch.run("dvc", "repro")
    assert scratch.results() == finished.results()
    scratch.edit(lambda params: params.update(hidden_dim=7))
    assert "not committed: params.yaml" in scratch.run(*COMMAND, fails=True)


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


def test_gpu_takes_one_training_at_a_time_and_what_depends_waits(monkeypatch: pytest.MonkeyPatch):
    """Dask's own scheduling, of stages that do nothing: a worker with a GPU and threads to spare, and one without."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(cluster, "run_stage", pretend)
    monkeypatch.setattr(cluster, "keep", kept.update)
    monkeypatch.setattr(cluster, "read_locks", lambda: {(Path("dvc.lock"), "vocab"): {}})
    names = [f"{kind}_{number}" for kind in ("train", "evaluate") for number in range(4)]
    given = {name: {"vocab"} | ({name.replace("evaluate", "train")} - {name}) for name in names}
    workers = {
        "gpu": {"cls": Worker, "options": {"host": "127.0.0.1", "nthreads": 3, "resources": {"GPU": 1}}},
        "cpu": {"cls": Worker, "options": {"host": "127.0.0.1", "nthreads": 3}},
    }
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard": False, "port": 0}}
    with SpecCluster(workers, scheduler) as machines, Client(machines) as client:
        client.wait_for_workers(2)
        cluster.run_on_workers(client, given, "commit", gpus=True)
    assert kept.keys() == set(names)
    assert {kept[f"train_{number}"]["worker"] for number in range(4)} == {"gpu"}
    times = sorted((kept[f"train_{number}"]["began"], kept[f"train_{number}"]["ended"]) for number in range(4))
    assert all(ended <= began for (_, ended), (began, _) in pairwise(times))
    for number in range(4):
        assert kept[f"evaluate_{number}"]["before"] == [f"train_{number}"]
        assert kept[f"evaluate_{number}"]["began"] >= kept[f"train_{number}"]["ended"]
