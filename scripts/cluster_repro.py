"""`dvc repro` on several machines: `python scripts/cluster_repro.py --scheduler ADDRESS`, or `make cluster`.

Dask's workers train and evaluate, each in a clone of its own (cluster_worker.py); what they need and what they make
goes through the DVC remote. All else runs here, where dvc.lock grows as if everything had. docs/cluster.md says how to
start workers, and what was measured.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from cluster_worker import run_stage
from distributed import Client, Future, LocalCluster, wait
from dvc.repo import Repo
from parallel_repro import run_all
from repro_plan import Plan, finish, make_plan, new_stages_in_order, read_lock, write_lock
from safeguards import alone, mend
from stage_runner import ADVICE, DVC, INTERRUPTS, StageFailedError
from tqdm import tqdm

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.params import load_params

SOURCES = ("params.yaml", "dvc.yaml", "pyproject.toml", "src", "stages")
GIVEN_AWAY = ("data/models/", "data/evaluations/")  # stages with outputs there
CLONES = Path(".dvc/tmp/cluster")  # of the workers on this machine


def main() -> None:
    parser = ArgumentParser(description="dvc repro on several machines")
    parser.add_argument(
        "--scheduler", help="address of Dask's scheduler: tcp://HOST:8786; without it, all is started here"
    )
    parser.add_argument("--workers", type=int, default=2, help="how many to start here, where no scheduler is given")
    arguments = parser.parse_args()
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)  # all of them end as Ctrl-C does
    logging.getLogger("dvc").setLevel(logging.WARNING)
    params = load_params()  # a mistake there is told before anything runs
    commit, remote = committed(), default_remote()
    with alone() as lock:
        mend(read_lock())
        dvc("pull", "--allow-missing")  # what is there already, of an earlier run say
        plan = make_plan(params)
        given = [stage for stage in plan.waiting if all(out.startswith(GIVEN_AWAY) for out in plan.outputs[stage])]
        with new_stages_in_order(plan.order):
            done = run_here(plan, set(given), set(), lock)
            if given:
                dvc("push", *sorted(set().union(*(plan.needs[stage] for stage in given)) - set(given)))
                with connected(arguments.scheduler, arguments.workers, remote) as client:
                    run_on_workers(client, {stage: plan.waiting[stage] & set(given) for stage in given}, plan, commit)
            run_here(plan, set(), done | set(given), lock)
        finish()


def run_here(plan: Plan, later: set[str], done: set[str], lock: int) -> set[str]:
    """Run what does not wait for the stages that come later; the stages that ran, or were done before."""
    ready = {
        stage: needs - done for stage, needs in plan.waiting.items() if stage not in done | later and not needs & later
    }
    run_all(dict(ready), 1, lock)
    return done | ready.keys()


def committed() -> str:
    """The commit that the workers check out.

    Raises:
        PipelineError: what they would check out is not what stands here.
    """
    status = ["git", "status", "--porcelain", "--", *SOURCES]
    changed = subprocess.run(status, check=True, text=True, capture_output=True).stdout.splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed)
        raise PipelineError(f"the workers take code and parameters from git, and this is not committed: {names}")
    return subprocess.run(["git", "rev-parse", "HEAD"], check=True, text=True, capture_output=True).stdout.strip()


def default_remote() -> tuple[str, str]:
    """Name and address of the DVC remote.

    Raises:
        PipelineError: there is none.
    """
    with Repo() as repo:
        name = repo.config["core"].get("remote")
        if name is None:
            raise PipelineError(
                "no DVC remote, through which the workers get and bring files; name a place that all of them reach: "
                "dvc remote add --default NAME URL"
            )
        return name, repo.config["remote"][name]["url"]


@contextmanager
def connected(address: str | None, n_workers: int, remote: tuple[str, str]) -> Iterator[Client]:
    """Dask's workers, those of the scheduler with that address, or else some that are started on this machine.

    Raises:
        PipelineError: no scheduler answers.
    """
    if address is None:
        with (
            LocalCluster(n_workers=0, dashboard_address=None) as cluster,
            local_workers(cluster.scheduler_address, n_workers, remote),
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(address)
    except (OSError, ValueError) as error:
        raise PipelineError(f"no scheduler answers at {address}: {error}") from error
    with client:
        yield client


@contextmanager
def local_workers(address: str, number: int, remote: tuple[str, str]) -> Iterator[None]:
    """Workers on this machine, each in a clone that stays for the next time, with what its training had come to."""
    processes = []
    name, url = remote
    try:
        for place in range(number):
            clone = CLONES / str(place)
            if not clone.exists():
                subprocess.run(["git", "clone", "--quiet", ".", clone], check=True)
            if Path(".dvc/config.local").exists():
                shutil.copy(".dvc/config.local", clone / ".dvc")
            # a path in the configuration is relative to where that stands
            subprocess.run([*DVC, "remote", "modify", "--local", name, "url", url], check=True, cwd=clone)
            command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--name", str(place)]
            options = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
            with (CLONES / f"{place}.log").open("w") as log:
                processes.append(
                    subprocess.Popen([*command, *options], cwd=clone, stdout=log, stderr=log, start_new_session=True)
                )
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def run_on_workers(client: Client, waiting: dict[str, set[str]], plan: Plan, commit: str) -> None:
    """Give the stages to the workers, in the order given but for those that wait for others.

    A stage whose worker is lost goes to another. What is finished is pulled, and in dvc.lock, before anything else.

    Raises:
        StageFailedError: one failed; its output has been printed.
    """
    client.upload_file(str(Path(__file__).with_name("cluster_worker.py")))  # to those that come later, too
    has_gpus = any("GPU" in worker["resources"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
    running: dict[Future[Any], str] = {}
    done: set[str] = set()
    lock = read_lock()
    with closing(tqdm(total=len(waiting), desc="stages", unit="stage", disable=None)) as bar:
        try:
            while waiting or running:
                for stage in [stage for stage, needs in waiting.items() if needs <= done]:
                    del waiting[stage]
                    needed = {name: lock[name] for name in sorted(plan.needs[stage])}
                    wants = {"GPU": 1} if has_gpus and plan.outputs[stage][0].startswith("data/models/") else None
                    future = client.submit(
                        run_stage, stage, commit, needed, key=f"{stage}-{time.time()}", resources=wants
                    )
                    running[future] = stage
                finished = wait(list(running), return_when="FIRST_COMPLETED").done
                entries = {running[future]: result_of(future, running[future]) for future in finished}
                lock |= entries
                write_lock(lock)
                dvc("pull", *entries)
                done |= entries.keys()
                for future in finished:
                    del running[future]
                bar.update(len(finished))
        except BaseException:
            client.cancel(list(running))
            raise


def result_of(future: "Future[Any]", stage: str) -> dict[str, Any]:
    """dvc.lock's entry of a finished stage, whose output is printed.

    Raises:
        StageFailedError: it failed.
    """
    error = future.exception()
    output = str(error) if error else future.result()[1]
    for line in output.splitlines():
        if line and not line.strip().startswith(ADVICE):
            tqdm.write(f"{stage} | {line}")
    if error:
        raise StageFailedError(f"{stage} failed; its output is above. What the others finish is in the DVC remote")
    entry: dict[str, Any] = future.result()[0]
    return entry


def dvc(*arguments: str) -> None:
    """Run DVC.

    Raises:
        PipelineError: it failed.
    """
    result = subprocess.run([*DVC, *arguments], check=False, text=True, capture_output=True)
    if result.returncode:
        raise PipelineError(f"dvc {' '.join(arguments)}: {result.stdout}{result.stderr}")


if __name__ == "__main__":
    exit_on_error(main)
