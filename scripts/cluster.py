"""`dvc repro` on several machines: `make cluster`.

Dask's workers train, each in a clone of its own (worker.py). The stages are futures that depend on each
other: Dask orders and places them, and gives the stage of a lost worker to another. Inputs and outputs go through the
DVC remote. Everything else runs here, and dvc.lock ends as if everything had. docs/cluster.md says how to start
workers.
"""

import logging
import os
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import networkx as nx
from cloudpickle import register_pickle_by_value
from distributed import Client, Future, LocalCluster, wait
from dvc.utils.serialize import dump_yaml
from tqdm import tqdm

from scripts import worker
from scripts.repro import project, read_locks, repair, stages_of, to_run
from scripts.worker import DVC, Entry, run_stage
from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.parallel import N_WORKERS, n_cores
from sentiment_rnn.study.params import load_params

SOURCES = ("params.yaml", "dvc.yaml", "pyproject.toml", "src", "stages")
REMOTE_STAGES = "train_"  # how the names of the stages begin that workers run
CLONES = Path(".dvc/tmp/cluster")  # of the workers on this machine
PULL = (*DVC, "pull", "--force", "--allow-missing", "dvc.yaml")  # all that dvc.lock names and the remote has
POLL_INTERVAL = 30  # seconds between two looks at whether there are workers


def main() -> None:
    parser = ArgumentParser(description="dvc repro on several machines")
    parser.add_argument("--scheduler", help="address of Dask's scheduler, tcp://HOST:8786; without it, all starts here")
    parser.add_argument("--workers", type=int, default=2, help="how many to start here, where no scheduler is given")
    parser.add_argument("--gpus", action="store_true", help="leave trainings to workers started with --resources GPU=1")
    arguments = parser.parse_args()
    if arguments.gpus and not arguments.scheduler:
        raise PipelineError("the workers that are started here offer no GPU: start a scheduler, and workers that do")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it tells of a lost scheduler is a traceback
    load_params()
    commit, remote = committed(), default_remote()
    with ExitStack() as stack:
        client = stack.enter_context(Client(arguments.scheduler)) if arguments.scheduler else None
        repair()
        run(*PULL)  # what is there already, of an earlier run say
        repair()
        if before := plan()[1]:
            run(*DVC, "repro", "--single-item", *before, shown=True)
        given, _ = plan()
        if given:
            needed = set().union(*given.values()) - given.keys()
            run(*DVC, "push", *sorted(needed))
            client = client or stack.enter_context(local_cluster(arguments.workers, remote))
            run_on_workers(client, given, commit, gpus=arguments.gpus)
    run(*DVC, "repro", shown=True)


def plan() -> tuple[dict[str, set[str]], list[str]]:
    """Of the stages to run those for workers, each with what it depends on, and those that run here before."""
    with project() as repo:
        graph, todo = repo.index.graph, to_run(repo, stages_of(repo))
        needs = {stage.name: {need.name for need in graph.successors(stage)} for stage in todo}
        given = {name: needs[name] for name in needs if name.startswith(REMOTE_STAGES)}
        waiting = {stage.name for stage in todo if any(need.name in given for need in nx.descendants(graph, stage))}
    return given, [name for name in needs if name not in given and name not in waiting]


def run_on_workers(client: Client, given: dict[str, set[str]], commit: str, *, gpus: bool) -> None:
    """Give the stages to the workers; whatever ends this, what they finished is kept."""
    register_pickle_by_value(worker)  # the workers need not have this module
    known = {name: entry for (_, name), entry in read_locks().items()}
    futures: dict[str, Future[Any]] = {}
    for name, needs in given.items():
        done = [(need, known[need]) for need in sorted(needs - futures.keys())]
        before = [futures[need] for need in sorted(needs & futures.keys())]
        wants = {"GPU": 1} if gpus and name.startswith("train_") else None
        key = f"{name}-{time.time()}"  # Dask would answer for a key that it knows
        futures[name] = client.submit(run_stage, name, commit, done, *before, key=key, resources=wants)
    running = {future: name for name, future in futures.items()}
    made: dict[str, dict[str, Any]] = {}
    try:
        with tqdm(total=len(running), desc="stages", unit="stage", disable=None) as bar:
            while running:
                ended = {running.pop(future): future for future in wait_for_some(client, list(running), gpus=gpus)}
                made |= filter(None, (result_of(name, future) for name, future in ended.items()))
                bar.update(len(ended))
                if failed := sorted(ended.keys() - made.keys()):
                    raise PipelineError(f"{', '.join(failed)} failed; the output is above, marked by its name")
    except CancelledError as error:
        raise PipelineError("the scheduler is lost; what was finished is kept: run it again") from error
    finally:
        with suppress(OSError):  # of a connection that breaks in this moment
            if client.status == "running":
                client.cancel(list(running))
        if made:
            keep(made)


def result_of(name: str, future: "Future[Any]") -> Entry | None:
    """The entry of a stage that has ended, None if it failed; what it printed, or why it failed, is shown."""
    failure = future.exception()  # whatever the worker raised
    if isinstance(failure, CancelledError):
        raise failure
    entry, output = (None, str(failure)) if failure else future.result()
    for line in filter(None, output.splitlines()):
        tqdm.write(f"{name} | {line}")
    return entry


def keep(made: dict[str, dict[str, Any]]) -> None:
    """Write the entries into dvc.lock, and pull the outputs: once, since DVC's time for both grows with its stages."""
    entries = {name: entry for (lock, name), entry in read_locks().items() if lock == Path("dvc.lock")} | made
    unfinished = Path(".dvc/tmp/dvc.lock.unfinished")
    dump_yaml(unfinished, {"schema": "2.0", "stages": entries})
    unfinished.replace("dvc.lock")
    run(*PULL)


def wait_for_some(client: Client, running: "list[Future[Any]]", *, gpus: bool) -> "set[Future[Any]]":
    """Those that have ended, one at least; while there is nobody for them, it is said."""
    while True:
        with suppress(TimeoutError):
            ended: set[Future[Any]] = wait(running, timeout=POLL_INTERVAL, return_when="FIRST_COMPLETED").done
            return ended
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            tqdm.write("no worker: waiting for one (of those on this machine .dvc/tmp/cluster has the logs)")
        elif gpus and not any("GPU" in worker["resources"] for worker in workers):
            tqdm.write("no worker was started with --resources GPU=1: waiting for one")


def committed() -> str:
    """The commit that the workers check out."""
    if changed := run("git", "status", "--porcelain", "--", *SOURCES).splitlines():
        names = ", ".join(line[3:] for line in changed)
        raise PipelineError(f"the workers take code and parameters from git, and this is not committed: {names}")
    return run("git", "rev-parse", "HEAD").strip()


def default_remote() -> tuple[str, str]:
    """Name and address of the DVC remote."""
    with project() as repo:
        name = repo.config["core"].get("remote")
        if name is None:
            raise PipelineError("no DVC remote, which all workers must reach: dvc remote add --default NAME URL")
        return name, repo.config["remote"][name]["url"]


@contextmanager
def local_cluster(n_workers: int, remote: tuple[str, str]) -> Iterator[Client]:
    """A scheduler and workers on this machine, each in a clone that stays, and with its part of the cores."""
    processes: list[subprocess.Popen[bytes]] = []
    cores = os.environ | {N_WORKERS: str(max(n_cores() // n_workers, 1))}
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster, Client(cluster) as client:
        try:
            for place in range(n_workers):
                clone = clone_for(place, remote)
                command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
                options = ["--name", str(place), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
                with (CLONES / f"{place}.log").open("w") as log:
                    worker = subprocess.Popen([*command, *options], cwd=clone, env=cores, stdout=log, stderr=log)
                    processes.append(worker)
            yield client
        finally:
            for process in processes:
                process.terminate()
                process.wait()


def clone_for(place: int, remote: tuple[str, str]) -> Path:
    """The clone of a worker on this machine, made where there is none yet."""
    clone, unfinished = CLONES / str(place), CLONES / f"{place}.unfinished"
    if not clone.exists():
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was cut short
        run("git", "clone", "--quiet", ".", str(unfinished))
        unfinished.rename(clone)
    if Path(".dvc/config.local").exists():
        shutil.copy(".dvc/config.local", clone / ".dvc")
    # set each time: the project may have been moved, and its configuration need not be committed
    run("git", "remote", "set-url", "origin", str(Path.cwd()), folder=clone)
    name, url = remote
    for key, value in ((f"remote.{name}.url", url), ("core.remote", name)):
        run(*DVC, "config", "--local", key, value, folder=clone)
    return clone


def run(*command: str, folder: Path | None = None, shown: bool = False) -> str:
    """Run a command; what it printed, where that is not shown."""
    result = subprocess.run(command, check=False, text=True, capture_output=not shown, cwd=folder)
    if result.returncode:
        raise PipelineError(f"{' '.join(command)}: {result.stdout or ''}{result.stderr or ''}")
    return result.stdout or ""


if __name__ == "__main__":
    exit_on_error(main)
