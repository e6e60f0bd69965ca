"""`dvc repro` with several stages at once: `python scripts/parallel_repro.py 2`, or `make repro JOBS=2`.

Each stage runs as `dvc repro --single-item` of its own as soon as those that it depends on are done. DVC's lock is
held while it looks at the files and while it writes dvc.lock, not while the stage's command runs.
"""

import logging
import re
import resource
import signal
import subprocess
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from dvc.scm import SCMError
from dvc.stage import Stage
from dvc.utils.serialize import dump_yaml, load_yaml
from stage_runner import DVC, INTERRUPTS, Display, Runner

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.params import Params, load_params

GATES = {"lstm": 4, "gru": 3, "attention": 3}  # of attention: the keys, queries and values


def main() -> None:
    parser = ArgumentParser(description="dvc repro with several stages at once")
    parser.add_argument("jobs", type=int, help="how many")
    jobs = parser.parse_args().jobs
    if jobs < 1:
        raise PipelineError(f"JOBS must be 1 or more, not {jobs}")
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)  # all of them end as Ctrl-C does
    logging.getLogger("dvc").setLevel(logging.WARNING)  # no progress bars, which an interrupt would tear
    params = load_params()  # a mistake there is told before anything runs
    try:
        with Repo() as repo:
            plan = plan_repro(repo.index.graph)
            graph = nx.relabel_nodes(repo.index.graph, {stage: stage.addressing for stage in repo.index.graph})
            changed = set(repo.status())
    except (DvcException, SCMError) as error:
        raise PipelineError(str(error)) from error
    todo = changed.union(*(nx.ancestors(graph, stage) for stage in changed))  # edges point at dependencies
    order = [stage.addressing for stage in plan]
    longest_first = sorted(plan, key=lambda stage: training_cost(stage, params), reverse=True)
    names = [stage.addressing for stage in longest_first if stage.addressing in todo]
    started = time.perf_counter()
    with new_stages_in_order(order):
        run_all({name: todo & nx.descendants(graph, name) for name in names}, jobs)
    print_utilisation(len(names), jobs, time.perf_counter() - started)
    # nothing is left to do, as its last line tells
    last = subprocess.run([*DVC, "repro"], check=False, text=True, capture_output=True)
    if last.returncode:
        raise PipelineError(f"dvc repro: {last.stdout}{last.stderr}")
    print(last.stdout.rstrip().rpartition("\n")[2])


def print_utilisation(n_stages: int, jobs: int, seconds: float) -> None:
    """How busy the stages kept the cores that they were given."""
    if n_stages:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        cores = (usage.ru_utime + usage.ru_stime) / seconds
        print(f"{n_stages} stages in {seconds / 60:.1f} min; {cores:.2f} cores busy on average, of {jobs}")


def run_all(waiting: dict[str, set[str]], jobs: int) -> None:
    """Run the stages, in the order given but for those that wait for others.

    Raises:
        StageFailedError: one failed; those that ran beside it have been stopped.
    """
    display = Display(len(waiting), jobs, width=max(map(len, waiting), default=0))
    runner = Runner(display)
    running: dict[Future[None], str] = {}
    done: set[str] = set()
    with closing(display), ThreadPoolExecutor(jobs) as pool:
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


def training_cost(stage: Stage, params: Params) -> int:
    """The multiplications that the longest review takes in the recurrent layers; 0 where nothing is trained."""
    found = re.search(r"stages/train\.py --variant (\S+)", str(stage.cmd))
    if found is None:
        return 0
    variant = params.variant(found[1])
    directions = 2 if variant.bidirectional else 1
    inputs, cost = variant.embedding_dim, 0
    for _ in range(variant.n_layers):
        cost += directions * GATES[variant.cell] * variant.hidden_dim * (inputs + variant.hidden_dim)
        inputs = directions * variant.hidden_dim
    protocol = params.protocol(found[1])
    return cost * int(protocol["max_length"]) * int(protocol["n_epochs"])


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


if __name__ == "__main__":
    exit_on_error(main)
