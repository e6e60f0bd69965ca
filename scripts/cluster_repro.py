"""`dvc repro` on several machines: `python scripts/cluster_repro.py --scheduler ADDRESS`, or `make cluster`.

Dask's workers train and evaluate, each in a clone of its own (cluster_worker.py); what they need and what they make
goes through the DVC remote. All else runs here, where dvc.lock grows as if everything had. docs/cluster.md says how to
start workers, and what was measured.
"""

import logging
import shutil
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from cluster_worker import run_stage
from distributed import Client, Future, LocalCluster, wait
from parallel_repro import run_all
from repro_plan import Plan, check_nothing_is_left, make_plan, read_lock, stages_in_order, write_lock
from safeguards import alone, mend, project
from stage_runner import ADVICE, DVC, INTERRUPTS, StageFailedError, end_all
from tqdm import tqdm

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.params import load_params

SOURCES = ("params.yaml", "dvc.yaml", "pyproject.toml", "src", "stages")
GIVEN_AWAY = ("data/models/", "data/evaluations/")  # stages with outputs there
CLONES = Path(".dvc/tmp/cluster")  # of the workers on this machine
PATIENCE = 30  # seconds between two looks at whether there are workers


def main() -> None:
    parser = ArgumentParser(description="dvc repro on several machines")
    parser.add_argument(
        "--scheduler", help="address of Dask's scheduler: tcp://HOST:8786; without it, all is started here"
    )
    parser.add_argument("--workers", type=int, default=2, help="how many to start here, where no scheduler is given")
    arguments = parser.parse_args()
    if arguments.workers < 1:
        raise PipelineError(f"there must be 1 worker or more, not {arguments.workers}")
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)  # all of them end as Ctrl-C does
    logging.getLogger("dvc").setLevel(logging.WARNING)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it tells of a lost scheduler is a traceback
    with alone() as lock, ExitStack() as stack:
        params = load_params()  # a mistake there is told before anything runs
        commit, remote = committed(), default_remote()
        client = connect(arguments.scheduler) if arguments.scheduler else None
        mend(read_lock())
        dvc("pull", "--force", "--allow-missing", lock=lock)  # what is there already, of an earlier run say
        mend(read_lock())
        plan = make_plan(params)
        given = [stage for stage in plan.waiting if all(out.startswith(GIVEN_AWAY) for out in plan.outputs[stage])]
        with stages_in_order(plan.order):
            done = run_here(plan, set(given), set(), lock)
            if given:
                needed = set().union(*(plan.needs[stage] for stage in given)) - set(given)
                dvc("push", *sorted(needed), lock=lock)
                client = client or stack.enter_context(local_cluster(arguments.workers, remote))
                run_on_workers(client, {stage: plan.waiting[stage] & set(given) for stage in given}, plan, commit, lock)
            run_here(plan, set(), done | set(given), lock)
        print(check_nothing_is_left())


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
    if changed := run("git", "status", "--porcelain", "--", *SOURCES).splitlines():
        names = ", ".join(line[3:] for line in changed)
        raise PipelineError(f"the workers take code and parameters from git, and this is not committed: {names}")
    return run("git", "rev-parse", "HEAD").strip()


def default_remote() -> tuple[str, str]:
    """Name and address of the DVC remote.

    Raises:
        PipelineError: there is none.
    """
    with project() as repo:
        name = repo.config["core"].get("remote")
        if name is None:
            raise PipelineError(
                "no DVC remote, through which the workers get and bring files; name a place that all of them reach: "
                "dvc remote add --default NAME URL"
            )
        return name, repo.config["remote"][name]["url"]


def connect(address: str) -> Client:
    """A client of the scheduler there.

    Raises:
        PipelineError: none answers.
    """
    try:
        return Client(address)
    except (OSError, ValueError) as error:
        raise PipelineError(f"no scheduler answers at {address}: {error}") from error


@contextmanager
def local_cluster(n_workers: int, remote: tuple[str, str]) -> Iterator[Client]:
    """A scheduler and workers on this machine, each in a clone that stays for the next time.

    Args:
        n_workers: how many.
        remote: its name and address.
    """
    name, url = remote
    processes: list[subprocess.Popen[bytes]] = []
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster, Client(cluster) as client:
        try:
            for place in range(n_workers):
                clone = CLONES / str(place)
                if not clone.exists():
                    run("git", "clone", "--quiet", ".", str(clone))
                if Path(".dvc/config.local").exists():
                    shutil.copy(".dvc/config.local", clone / ".dvc")
                # said anew: a path is relative to the configuration it stands in, and this one may not be committed
                for key, value in ((f"remote.{name}.url", url), ("core.remote", name)):
                    run(*DVC, "config", "--local", key, value, folder=clone)
                command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
                options = ["--name", str(place), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
                with (CLONES / f"{place}.log").open("w") as log:
                    processes.append(
                        subprocess.Popen(
                            [*command, *options], cwd=clone, stdout=log, stderr=log, start_new_session=True
                        )
                    )
            client.wait_for_workers(n_workers, timeout=60)
            yield client
        except TimeoutError as error:
            raise PipelineError(f"the workers do not start; {CLONES}/0.log may say why") from error
        finally:
            for number in INTERRUPTS:
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave trainings behind
            end_all(processes, signal.SIGTERM)
            for number in INTERRUPTS:
                signal.signal(number, signal.default_int_handler)


def run_on_workers(client: Client, waiting: dict[str, set[str]], plan: Plan, commit: str, inherited: int) -> None:
    """Give the stages to the workers, in the order given but for those that wait for others.

    A stage whose worker is lost goes to another. What is finished is in dvc.lock, and pulled, before anything else.

    Args:
        client: of the workers.
        waiting: the stages, each with those of them that it waits for.
        plan: of all stages.
        commit: of code and parameters.
        inherited: the file descriptor of the run's lock.

    Raises:
        PipelineError: a stage failed, and its output has been printed; or the scheduler is lost.
    """
    client.upload_file(str(Path(__file__).with_name("cluster_worker.py")))  # to those that come later, too
    running: dict[Future[Any], str] = {}
    done: set[str] = set()
    lock = read_lock()
    with closing(tqdm(total=len(waiting), desc="stages", unit="stage", disable=None)) as bar:
        try:
            while waiting or running:
                for stage in [stage for stage, needs in waiting.items() if needs <= done]:
                    del waiting[stage]
                    needed = {name: lock[name] for name in sorted(plan.needs[stage])}
                    wants = {"GPU": 1} if stage in plan.trainings and has_gpus(client) else None
                    key = f"{stage}-{time.time()}"  # Dask would answer for a key that it knows
                    future = client.submit(run_stage, stage, commit, needed, key=key, resources=wants)
                    running[future] = stage
                ended = {future: running.pop(future) for future in wait_for_some(client, list(running))}
                print_outputs(ended)
                entries = {stage: future.result()[0] for future, stage in ended.items() if future.status == "finished"}
                lock |= entries
                write_lock(lock)
                if entries:
                    dvc("pull", "--force", *entries, lock=inherited)
                done |= entries.keys()
                bar.update(len(entries))
                if failed := sorted(set(ended.values()) - entries.keys()):
                    raise StageFailedError(f"{', '.join(failed)} failed; the output is above, marked by its name")
        except CancelledError as error:
            raise PipelineError("the scheduler is lost; what was finished is kept: run it again") from error
        finally:
            if client.status == "running":
                client.cancel(list(running))


def has_gpus(client: Client) -> bool:
    """Whether a worker has said so."""
    return any("GPU" in worker["resources"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())


def wait_for_some(client: Client, futures: "list[Future[Any]]") -> "set[Future[Any]]":
    """Those that have ended, one at least; while there is nobody to work, it is said."""
    while True:
        try:
            ended: set[Future[Any]] = wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
            return ended
        except TimeoutError:
            if not client.scheduler_info(n_workers=-1)["workers"]:
                tqdm.write("no worker: waiting for one (of those on this machine .dvc/tmp/cluster has the logs)")


def print_outputs(ended: "dict[Future[Any], str]") -> None:
    """What stages printed, line by line behind their names; of one that failed, why."""
    for future, stage in ended.items():
        output = future.result()[1] if future.status == "finished" else str(future.exception())
        for line in output.splitlines():
            if line and not line.strip().startswith(ADVICE):
                tqdm.write(f"{stage} | {line}")


def dvc(*arguments: str, lock: int) -> None:
    """Run DVC.

    Raises:
        PipelineError: it failed.
    """
    run(*DVC, "--wait-for-lock", *arguments, lock=lock)


def run(*command: str, folder: Path | None = None, lock: int | None = None) -> str:
    """Run a command; what it printed.

    Args:
        command: with its arguments.
        folder: where; here, if there is none.
        lock: a file descriptor that it inherits.

    Raises:
        PipelineError: it failed.
    """
    result = subprocess.run(
        command,
        check=False,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        pass_fds=[] if lock is None else [lock],
    )
    if result.returncode:
        raise PipelineError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    exit_on_error(main)
