"""`dvc repro` on several machines: `make cluster`. docs/cluster.md says how to start workers.

Dask's workers train, each in a clone of its own (worker.py). Dask gives the training of a lost worker to another one.
Inputs and outputs go through the DVC remote. Everything else runs here, and dvc.lock ends as if everything had.
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cloudpickle import register_pickle_by_value
from distributed import Client, Future, LocalCluster, wait
from dvc.utils.serialize import dump_yaml, load_yaml
from tqdm import tqdm

import scripts
from scripts import DVC, run, worker
from scripts.repro import project, repair
from scripts.worker import run_stage
from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.parallel import N_WORKERS, n_cores
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue

SOURCES = ("params.yaml", "dvc.yaml", "constraints.txt", "src", "stages")
INPUTS = "vocab"  # the stage that all trainings depend on
N_LOCAL = 2  # workers on this machine, where no scheduler is given
CLONES = Path(".dvc/tmp/cluster")  # of the workers on this machine
PULL = (*DVC, "pull", "--force", "--allow-missing", "dvc.yaml")  # everything that dvc.lock names and the remote has
POLL_INTERVAL = 30  # seconds between two looks at whether there are workers


def main() -> None:
    parser = ArgumentParser(description="dvc repro on several machines")
    parser.add_argument("--scheduler", help="address of Dask's scheduler, tcp://HOST:8786; without it, all starts here")
    parser.add_argument("--gpus", action="store_true", help="leave trainings to workers started with --resources GPU=1")
    arguments = parser.parse_args()
    if arguments.gpus and not arguments.scheduler:
        raise PipelineError("the workers that are started here offer no GPU: start a scheduler, and workers that do")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it tells of a lost scheduler is a traceback
    report_settings(params := load_params())  # a mistake there is told before anything runs
    commit, remote = committed(), default_remote()
    repair()
    run(*PULL)  # outputs of an earlier run
    repair()
    run(*DVC, "repro", INPUTS, shown=True)
    names = [f"train_{variant.stage}" for variant in study_catalogue(params).variants.values()]
    # without the evaluations: DVC's dry run fails where they miss a model
    output = run(*DVC, "repro", "--dry", "--single-item", *names)
    if trainings := re.findall(r"^Running stage '(.*)'", output, re.MULTILINE):
        run(*DVC, "push", INPUTS)
        with Client(arguments.scheduler) if arguments.scheduler else local_cluster(remote) as client:
            run_on_workers(client, trainings, commit, gpus=arguments.gpus)
    run(*DVC, "repro", shown=True)


def run_on_workers(client: Client, trainings: list[str], commit: str, *, gpus: bool) -> None:
    """Give the trainings to the workers; whatever ends this, what they finished is saved."""
    for module in (worker, scripts):  # the workers need not have them
        register_pickle_by_value(module)
    inputs, resources = {INPUTS: load_yaml("dvc.lock")["stages"][INPUTS]}, {"GPU": 1} if gpus else None
    running: dict[Future[Any], str] = {}
    for name in trainings:
        key = f"{name}-{time.time()}"  # unique: Dask caches results by key
        running[client.submit(run_stage, name, commit, inputs, key=key, resources=resources)] = name
    finished: dict[str, Any] = {}
    try:
        with tqdm(total=len(running), desc="trainings", unit="training", disable=None) as bar:
            while running:
                ended = {running.pop(future): future for future in wait_for_some(client, list(running))}
                finished |= {name: entry for name, future in ended.items() if (entry := result_of(name, future))}
                bar.update(len(ended))
                if failed := sorted(ended.keys() - finished.keys()):
                    raise PipelineError(f"{', '.join(failed)} failed; the output is above, marked by its name")
    except CancelledError as error:
        raise PipelineError("the scheduler is lost; what was finished is saved: run it again") from error
    finally:
        with suppress(OSError):  # of a connection that breaks in this moment
            client.cancel(list(running))
        if finished:
            save(finished)


def result_of(name: str, future: "Future[Any]") -> Any | None:
    """The entry of a stage that has ended, None if it failed; what it printed, or why it failed, is shown."""
    if isinstance(failure := future.exception(), CancelledError):
        raise failure
    entry, output = (None, str(failure)) if failure else future.result()
    for line in filter(None, output.splitlines()):
        tqdm.write(f"{name} | {line}")
    return entry


def wait_for_some(client: Client, running: "list[Future[Any]]") -> "set[Future[Any]]":
    """Wait until a future has ended, and return all that have; say so while there is no worker."""
    while True:
        with suppress(TimeoutError):
            ended: set[Future[Any]] = wait(running, timeout=POLL_INTERVAL, return_when="FIRST_COMPLETED").done
            return ended
        if not client.scheduler_info(n_workers=-1)["workers"]:
            tqdm.write("no worker: waiting for one (of those on this machine .dvc/tmp/cluster has the logs)")


def save(finished: dict[str, Any]) -> None:
    """Write the entries into dvc.lock, and pull the outputs: once, since DVC's time for both grows with its stages."""
    unfinished, lock = Path(".dvc/tmp/dvc.lock.unfinished"), load_yaml("dvc.lock")
    dump_yaml(unfinished, lock | {"stages": lock["stages"] | finished})
    unfinished.replace("dvc.lock")
    run(*PULL)


def committed() -> str:
    """The commit that the workers check out; a PipelineError names what is not committed."""
    if changed := run("git", "status", "--porcelain", "--", *SOURCES).splitlines():
        names = ", ".join(line[3:] for line in changed)
        raise PipelineError(f"the workers take code and parameters from git, and this is not committed: {names}")
    return run("git", "rev-parse", "HEAD").strip()


def default_remote() -> tuple[str, str]:
    """Name and address of the DVC remote; a PipelineError where there is none."""
    with project() as repo:
        if name := repo.config["core"].get("remote"):
            return name, repo.config["remote"][name]["url"]
    raise PipelineError("no DVC remote, which all workers must reach: dvc remote add --default NAME URL")


@contextmanager
def local_cluster(remote: tuple[str, str]) -> Iterator[Client]:
    """A scheduler and workers on this machine, each in a clone, and with its part of the cores."""
    processes: list[subprocess.Popen[bytes]] = []
    environment = os.environ | {N_WORKERS: str(max(n_cores() // N_LOCAL, 1))}
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster, Client(cluster) as client:
        try:
            for index in range(N_LOCAL):
                command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
                options = ["--name", str(index), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
                clone = clone_for_worker(index, *remote)
                with (CLONES / f"{index}.log").open("w") as log:
                    process = subprocess.Popen([*command, *options], cwd=clone, env=environment, stdout=log, stderr=log)
                processes.append(process)
            yield client
        finally:
            for process in processes:
                process.terminate()
                process.wait()


def clone_for_worker(index: int, remote: str, url: str) -> Path:
    clone = CLONES / str(index)
    shutil.rmtree(clone, ignore_errors=True)
    run("git", "clone", "--quiet", ".", str(clone))
    if Path(".dvc/config.local").exists():
        shutil.copy(".dvc/config.local", clone / ".dvc")
    run(*DVC, "remote", "add", "--local", "--default", "--force", remote, url, folder=clone)  # it may not be committed
    return clone


if __name__ == "__main__":
    exit_on_error(main)
