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
from stage_runner import ADVICE, DVC, StageFailedError, end_all, on_interrupt
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
    parser.add_argument("--gpus", action="store_true", help="leave trainings to workers started with --resources GPU=1")
    arguments = parser.parse_args()
    if arguments.workers < 1:
        raise PipelineError(f"there must be 1 worker or more, not {arguments.workers}")
    if arguments.gpus and not arguments.scheduler:
        raise PipelineError("the workers that are started here offer no GPU: start a scheduler, and workers that do")
    on_interrupt(signal.default_int_handler)  # all of them end as Ctrl-C does
    logging.getLogger("dvc").setLevel(logging.WARNING)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it tells of a lost scheduler is a traceback
    with alone() as run_lock, ExitStack() as stack:
        params = load_params()  # a mistake there is told before anything runs
        commit, remote = committed(), default_remote()
        client = stack.enter_context(connect(arguments.scheduler)) if arguments.scheduler else None
        mend(read_lock())
        dvc("pull", "--force", "--allow-missing", run_lock=run_lock)  # what is there already, of an earlier run say
        mend(read_lock())
        plan = make_plan(params)
        given, first, last = divide(plan)
        with stages_in_order(plan.order):
            run_all(first, 1, run_lock)
            if given:
                needed = set().union(*(plan.needs[stage] for stage in given)) - given.keys()
                dvc("push", *sorted(needed), run_lock=run_lock)
                client = client or stack.enter_context(local_cluster(arguments.workers, remote))
                wanting = plan.trainings if arguments.gpus else set()
                run_on_workers(client, given, wanting, plan, commit, run_lock)
            run_all(last, 1, run_lock)
        print(check_nothing_is_left())


def divide(plan: Plan) -> tuple[dict[str, set[str]], dict[str, set[str]], dict[str, set[str]]]:
    """The stages that workers are given, those that run here before them, and those that run here after them.

    Returns:
        Each as plan.waiting, with those of its own that a stage waits for.
    """
    given = {stage for stage in plan.waiting if all(out.startswith(GIVEN_AWAY) for out in plan.outputs[stage])}
    last = {stage for stage, needs in plan.waiting.items() if stage not in given and needs & given}

    def waiting(part: set[str]) -> dict[str, set[str]]:
        return {stage: needs & part for stage, needs in plan.waiting.items() if stage in part}

    return waiting(given), waiting(plan.waiting.keys() - given - last), waiting(last)


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
    processes: list[subprocess.Popen[bytes]] = []
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster, Client(cluster) as client:
        try:
            for place in range(n_workers):
                clone = clone_for(place, remote)
                command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
                options = ["--name", str(place), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
                with (CLONES / f"{place}.log").open("w") as log:
                    processes.append(
                        subprocess.Popen(
                            [*command, *options], cwd=clone, stdout=log, stderr=log, start_new_session=True
                        )
                    )
            try:
                client.wait_for_workers(n_workers, timeout=60)
            except TimeoutError as error:
                raise PipelineError(f"the workers do not start; {CLONES}/0.log may say why") from error
            yield client
        finally:
            on_interrupt(signal.SIG_IGN)  # a second Ctrl-C must not leave trainings behind
            end_all(processes, signal.SIGTERM)
            on_interrupt(signal.default_int_handler)


def clone_for(place: int, remote: tuple[str, str]) -> Path:
    """The clone of a worker on this machine, made where there is none yet.

    Args:
        place: the worker's number.
        remote: its name and address.
    """
    clone, unfinished = CLONES / str(place), CLONES / f"{place}.unfinished"
    if not clone.exists():
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was cut short
        run("git", "clone", "--quiet", ".", str(unfinished))
        unfinished.rename(clone)
    if Path(".dvc/config.local").exists():
        shutil.copy(".dvc/config.local", clone / ".dvc")
    # said anew: the project may have been moved; a path is relative to the configuration it stands in, and this one may
    # not be committed
    run("git", "remote", "set-url", "origin", str(Path.cwd()), folder=clone)
    name, url = remote
    for key, value in ((f"remote.{name}.url", url), ("core.remote", name)):
        run(*DVC, "config", "--local", key, value, folder=clone)
    return clone


def run_on_workers(
    client: Client, waiting: dict[str, set[str]], wanting: set[str], plan: Plan, commit: str, run_lock: int
) -> None:
    """Give the stages to the workers, in the order given but for those that wait for others.

    A stage whose worker is lost goes to another. What is finished is in dvc.lock, and pulled, before anything else.

    Args:
        client: of the workers.
        waiting: the stages, each with those of them that it waits for.
        wanting: those that want a GPU.
        plan: of all stages.
        commit: of code and parameters.
        run_lock: the file descriptor of alone().

    Raises:
        PipelineError: a stage failed, and its output has been printed; or the scheduler is lost.
    """
    client.upload_file(str(Path(__file__).with_name("cluster_worker.py")))  # to those that come later, too
    running: dict[Future[Any], str] = {}
    done: set[str] = set()
    entries = read_lock()
    with closing(tqdm(total=len(waiting), desc="stages", unit="stage", disable=None)) as bar:
        try:
            while waiting or running:
                for stage in [stage for stage, needs in waiting.items() if needs <= done]:
                    del waiting[stage]
                    needed = {name: entries[name] for name in sorted(plan.needs[stage])}
                    wants = {"GPU": 1} if stage in wanting else None
                    key = f"{stage}-{time.time()}"  # Dask would answer for a key that it knows
                    future = client.submit(run_stage, stage, commit, needed, key=key, resources=wants)
                    running[future] = stage
                ended = {running.pop(future): future for future in wait_for_some(client, running, wanting)}
                made = entries_of(ended)
                if made:
                    entries |= made
                    write_lock(entries)
                    dvc("pull", "--force", *made, run_lock=run_lock)
                done |= made.keys()
                bar.update(len(made))
                if failed := sorted(ended.keys() - made.keys()):
                    raise StageFailedError(f"{', '.join(failed)} failed; the output is above, marked by its name")
        except CancelledError as error:
            raise PipelineError("the scheduler is lost; what was finished is kept: run it again") from error
        finally:
            if client.status == "running":
                client.cancel(list(running))


def wait_for_some(client: Client, running: "dict[Future[Any], str]", wanting: set[str]) -> "set[Future[Any]]":
    """Those that have ended, one at least; while there is nobody for them, it is said."""
    while True:
        try:
            ended: set[Future[Any]] = wait(list(running), timeout=PATIENCE, return_when="FIRST_COMPLETED").done
            return ended
        except TimeoutError:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            if not workers:
                tqdm.write("no worker: waiting for one (of those on this machine .dvc/tmp/cluster has the logs)")
            elif set(running.values()) <= wanting and not any("GPU" in worker["resources"] for worker in workers):
                tqdm.write("no worker was started with --resources GPU=1: waiting for one")


def entries_of(ended: "dict[str, Future[Any]]") -> dict[str, Any]:
    """dvc.lock's entries of the stages that did not fail; what all of them printed, or why they failed, is shown."""
    made = {}
    for stage, future in ended.items():
        try:
            made[stage], output = future.result()
        except CancelledError:
            raise
        except Exception as error:  # whatever the worker raised
            output = str(error)
        for line in output.splitlines():
            if line and not line.strip().startswith(ADVICE):
                tqdm.write(f"{stage} | {line}")
    return made


def dvc(*arguments: str, run_lock: int) -> None:
    """Run DVC.

    Raises:
        PipelineError: it failed.
    """
    run(*DVC, "--wait-for-lock", *arguments, run_lock=run_lock)


def run(*command: str, folder: Path | None = None, run_lock: int | None = None) -> str:
    """Run a command; what it printed.

    Args:
        command: with its arguments.
        folder: where; here, if there is none.
        run_lock: the file descriptor of alone(), where it inherits that.

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
        pass_fds=[] if run_lock is None else [run_lock],
    )
    if result.returncode:
        raise PipelineError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    exit_on_error(main)
