"""Work in several processes, with their progress bars and messages: seeds, rows of a CSV file, figures.

The processes come from multiprocessing's forkserver, which can import a large library once for all of them; where there
is none they are spawned. They end when the main process does, killed or not.
"""

import math
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from sentiment_rnn.errors import USER_ERRORS, PipelineError

N_WORKERS = "SENTIMENT_PROCESSES"  # the environment variable that sets how many processes work at once
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
POLL_INTERVAL = 0.5  # seconds between two looks at whether all workers are there

Item = TypeVar("Item")
Result = TypeVar("Result")

_position = 0  # of this worker's progress bar, from the top


class Reporter:
    """Prints the messages and the progress of one piece of work, marked with its label.

    Args:
        label: such as "seed 12".
    """

    def __init__(self, label: str) -> None:
        self.label = label

    def log(self, text: str) -> None:
        """Print a line."""
        clear = "\x1b[K" if sys.stdout.isatty() else ""  # it may be where another worker's bar was
        tqdm.write(f"{self.label} | {text}{clear}")
        sys.stdout.flush()

    def progress(self, items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
        """Iterate over the items, with a progress bar on a terminal."""
        desc = f"{self.label}, {description}"
        return iter(tqdm(items, desc=desc, total=total, position=_position, leave=False, disable=None))


def run_parallel(items: dict[str, Item], work: Callable[[Item, Reporter], Result]) -> dict[str, Result]:
    """Do some work for each item, in a pool of processes.

    Args:
        items: by the label of each.
        work: a function of a module, so that it can be pickled, like its items and results.

    Returns:
        The results by label.

    Raises:
        PipelineError: one of them failed in a way that the user can mend, or was killed. The others are stopped.
    """
    others, started, futures = set(multiprocessing.active_children()), set[BaseProcess](), {}
    with process_pool(min(n_workers(len(items)), len(items))) as pool:
        for label, item in items.items():
            futures[pool.submit(work, item, Reporter(label))] = label
            started |= set(multiprocessing.active_children()) - others
        pending = set(futures)
        while pending:
            done, pending = wait(pending, POLL_INTERVAL, FIRST_COMPLETED)
            for future in done:
                try:
                    future.result()
                except USER_ERRORS as error:
                    raise PipelineError(f"{futures[future]}: {error}") from error
            # the pool starts its workers on demand, and may not watch the one that it started last
            if pending and not started <= set(multiprocessing.active_children()):
                raise BrokenProcessPool
        return {label: future.result() for future, label in futures.items()}


@contextmanager
def process_pool(
    size: int, initializer: Callable[..., None] | None = None, arguments: tuple[Any, ...] = (), method: str = METHOD
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes; on an exception, Ctrl-C or SIGTERM its processes are killed, whatever they do.

    Args:
        size: number of processes.
        initializer: called in each process with the arguments, before any work.
        arguments: of the initializer.
        method: start method of multiprocessing.

    Raises:
        PipelineError: a process was killed.
    """
    context: BaseContext = multiprocessing.get_context(method)
    lock = context.RLock()
    tqdm.set_lock(lock)
    shared = (lock, context.Value("i", 0), initializer, arguments)
    others = multiprocessing.active_children()
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGTERM, _exit) if in_main_thread else None
    pool = ProcessPoolExecutor(size, context, _start_worker, shared)
    try:
        yield pool
    except BaseException as error:
        for process in multiprocessing.active_children():
            if process not in others:
                process.kill()
        if isinstance(error, BrokenProcessPool):
            raise PipelineError("a process was killed; the system may have run out of memory") from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        if in_main_thread:
            signal.signal(signal.SIGTERM, handler)


def preload(module: str) -> None:
    """Have the forkserver import a module for all workers, in the background.

    Args:
        module: of another project: one of ours would be imported from where it is installed, not from this checkout.
    """
    if METHOD == "forkserver":
        multiprocessing.set_forkserver_preload([module])
        forkserver.ensure_running()


def n_workers(n_items: int) -> int:
    """How many processes work at once: as many as there are cores, or as the environment variable says.

    Items that are left over after full rounds run next to the others. Three items on two cores take one and a half
    times as long as one; two of them, and then the third on one core, would take twice as long.

    Raises:
        PipelineError: the variable is not a positive number.
    """
    text = os.environ.get(N_WORKERS)
    if text is None:
        n_rounds = max(n_items // n_cores(), 1)
        return math.ceil(n_items / n_rounds)
    if not text.isdecimal() or int(text) < 1:
        raise PipelineError(f"{N_WORKERS}: must be a positive number, not {text!r}")
    return int(text)


def n_cores() -> int:
    """The cores that this process may use, as far as Python tells."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    return os.cpu_count() or 1


def _start_worker(
    lock: Any, n_started: Any, initializer: Callable[..., None] | None, arguments: tuple[Any, ...]
) -> None:
    global _position  # noqa: PLW0603
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which kills this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    tqdm.set_lock(lock)
    with n_started.get_lock():
        _position = n_started.value
        n_started.value += 1
    if initializer:
        initializer(*arguments)


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a worker
    wait_for([parent.sentinel])
    os._exit(1)


def _exit(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
