"""`dvc repro` with several stages at once: `python scripts/parallel_repro.py 2`, or `make repro JOBS=2`.

Each stage runs as `dvc repro --single-item` of its own as soon as those that it depends on are done. DVC's lock is
held while it looks at the files and while it writes dvc.lock, not while the stage's command runs.
"""

import logging
import resource
import signal
import time
from argparse import ArgumentParser
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing

from repro_plan import check_nothing_is_left, make_plan, read_lock, stages_in_order
from safeguards import alone, mend
from stage_runner import Display, Runner, on_interrupt

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.params import load_params


def main() -> None:
    parser = ArgumentParser(description="dvc repro with several stages at once")
    parser.add_argument("jobs", type=int, help="how many")
    jobs = parser.parse_args().jobs
    if jobs < 1:
        raise PipelineError(f"JOBS must be 1 or more, not {jobs}")
    on_interrupt(signal.default_int_handler)  # all of them end as Ctrl-C does
    logging.getLogger("dvc").setLevel(logging.WARNING)  # no progress bars, which an interrupt would tear
    with alone() as run_lock:
        params = load_params()  # a mistake there is told before anything runs
        mend(read_lock())
        plan = make_plan(params)
        started = time.perf_counter()
        with stages_in_order(plan.order):
            run_all(dict(plan.waiting), jobs, run_lock)
        print_utilisation(len(plan.waiting), jobs, time.perf_counter() - started)
        print(check_nothing_is_left())


def print_utilisation(n_stages: int, jobs: int, seconds: float) -> None:
    """How busy the stages kept the cores that they were given."""
    if n_stages:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        cores = (usage.ru_utime + usage.ru_stime) / seconds
        print(f"{n_stages} stages in {seconds / 60:.1f} min; {cores:.2f} cores busy on average, of {jobs}")


def run_all(waiting: dict[str, set[str]], jobs: int, run_lock: int) -> None:
    """Run the stages, in the order given but for those that wait for others.

    Args:
        waiting: the stages, each with those of them that it waits for.
        jobs: how many run at once.
        run_lock: the file descriptor of alone().

    Raises:
        StageFailedError: one failed; those that ran beside it have been stopped.
    """
    display = Display(len(waiting), jobs, width=max(map(len, waiting), default=0))
    runner = Runner(display, run_lock)
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


if __name__ == "__main__":
    exit_on_error(main)
