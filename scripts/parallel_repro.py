"""`dvc repro` with several stages at once: `python scripts/parallel_repro.py 2`, or `make repro JOBS=2`.

Each stage runs as `dvc repro --single-item` of its own as soon as those that it depends on are done. DVC's lock is
held while it looks at the files and while it writes dvc.lock, not while the stage's command runs.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from dvc.scm import SCMError
from dvc.utils.serialize import dump_yaml, load_yaml

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.params import load_params

DVC = (sys.executable, "-m", "dvc")
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ADVICE = ("\t", "To track", "To enable", "Use `dvc push`", "Updating lock file", "Generating lock file")
GRACE = 10  # seconds that a stage has to end after an interrupt


class StageFailedError(PipelineError):
    """A stage ended with an error; its output has been printed."""


class Runner:
    """Runs stages as processes, and stops those that run when one fails or the user interrupts."""

    def __init__(self, width: int) -> None:
        self._width = width  # of the longest name
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, stage: str) -> None:
        """Reproduce one stage, its output line by line behind its name.

        Raises:
            StageFailedError: it failed.
        """
        command = [*DVC, "--wait-for-lock", "repro", "--single-item", stage]
        with self._lock:
            if self._stopping:
                return
            # a session of its own, so that Ctrl-C reaches this program alone, which then stops DVC and its command
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._processes.add(process)
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() and not line.startswith(ADVICE) and not self._stopping:
                print(f"{stage:>{self._width}} | {line}", end="", flush=True)
        status = process.wait()
        with self._lock:
            self._processes.discard(process)
        if status and not self._stopping:
            raise StageFailedError(f"{stage} failed; its output is above, marked by its name")

    def stop(self) -> None:
        """Interrupt what runs, start nothing more, and come back when all have ended."""
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave the stages behind
        with self._lock:
            self._stopping = True
            processes = list(self._processes)
        for process in processes:
            _signal_group(process, signal.SIGINT)
        for process in processes:
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                _signal_group(process, signal.SIGKILL)


def main() -> None:
    parser = ArgumentParser(description="dvc repro with several stages at once")
    parser.add_argument("jobs", type=int, help="how many")
    jobs = parser.parse_args().jobs
    if jobs < 1:
        raise PipelineError(f"JOBS must be 1 or more, not {jobs}")
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)  # all of them end as Ctrl-C does
    logging.getLogger("dvc").setLevel(logging.WARNING)  # no progress bars, which an interrupt would tear
    load_params()  # a mistake there is told before anything runs
    try:
        with Repo() as repo:
            order = [stage.addressing for stage in plan_repro(repo.index.graph)]
            graph = nx.relabel_nodes(repo.index.graph, {stage: stage.addressing for stage in repo.index.graph})
            changed = set(repo.status())
    except (DvcException, SCMError) as error:
        raise PipelineError(str(error)) from error
    todo = changed.union(*(nx.ancestors(graph, stage) for stage in changed))  # edges point at dependencies
    with new_stages_in_order(order):
        run_all({stage: todo & nx.descendants(graph, stage) for stage in order if stage in todo}, jobs)
    # nothing is left to do, as its last line tells
    closing = subprocess.run([*DVC, "repro"], check=False, text=True, capture_output=True)
    if closing.returncode:
        raise PipelineError(f"dvc repro: {closing.stdout}{closing.stderr}")
    print(closing.stdout.rstrip().rpartition("\n")[2])


def run_all(waiting: dict[str, set[str]], jobs: int) -> None:
    """Run the stages, each when those that it waits for are done.

    Raises:
        StageFailedError: one failed; those that ran beside it have been stopped.
    """
    runner = Runner(width=max(map(len, waiting), default=0))
    running: dict[Future[None], str] = {}
    done: set[str] = set()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while waiting or running:
                ready = [stage for stage, needs in waiting.items() if needs <= done]
                for stage in ready[: jobs - len(running)]:
                    del waiting[stage]
                    running[pool.submit(runner.run, stage)] = stage
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    done.add(running.pop(future))
        except BaseException:
            runner.stop()
            raise


@contextmanager
def new_stages_in_order(order: list[str]) -> Iterator[None]:
    """Leave the stages that came new into dvc.lock as `dvc repro` would: in its order, behind those of before."""
    before = list(_read_lock().get("stages", {}))
    try:
        yield
    finally:
        lock = _read_lock()
        found = lock.get("stages", {})
        stages = {name: found[name] for name in dict.fromkeys([*before, *order, *found]) if name in found}
        if list(stages) != list(found):
            dump_yaml("dvc.lock.unfinished", lock | {"stages": stages})
            Path("dvc.lock.unfinished").replace("dvc.lock")


def _read_lock() -> dict[str, Any]:
    lock: dict[str, Any] = load_yaml("dvc.lock") if Path("dvc.lock").exists() else {}
    return lock or {}


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, number)


if __name__ == "__main__":
    exit_on_error(main)
