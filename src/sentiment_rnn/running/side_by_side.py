"""The seeds of a stage side by side, each in a process of its own, so that all cores are busy.

A process sends what it has to say to the stage, which shows it: a line is printed behind the name of its seed, and on a
terminal each process has a progress bar. The processes are forks: what the stage has imported need not be loaded again.
"""

import ctypes
import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from sentiment_rnn.errors import USER_ERRORS, PipelineError

PROCESSES = "SENTIMENT_PROCESSES"  # the environment variable that sets how many run at once
PR_SET_PDEATHSIG = 1  # of prctl, in linux/prctl.h
INTERVAL = 0.2  # seconds between two states of a progress bar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Reporter:
    """What a seed's process has to say.

    Args:
        send: takes a message to the stage: its kind, and its content.
    """

    def __init__(self, send: Callable[[tuple[str, Any]], None]) -> None:
        self._send = send

    def line(self, text: str) -> None:
        """Print a line behind the seed's name."""
        self._send(("line", text))

    def track(self, items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
        """Go through the items, and show on a terminal how far it has come."""
        shown = 0.0
        for number, item in enumerate(items):
            if time.monotonic() - shown > INTERVAL:
                shown = time.monotonic()
                self._send(("progress", (description, number, total)))
            yield item


def side_by_side(seeds: Sequence[int], work: Callable[[int, Reporter], Outcome]) -> dict[int, Outcome]:
    """Do the work for each seed.

    Call it from the main thread: the processes end when the thread that started them does, killed or not.

    Args:
        seeds: to do it for.
        work: is called in a process of its own; what it returns is pickled.

    Returns:
        What it returned, by seed.

    Raises:
        PipelineError: a seed failed. Those that ran beside it were stopped.
    """
    context = multiprocessing.get_context("fork")
    waiting, outcomes = list(seeds), dict[int, Outcome]()
    running: dict[Any, tuple[int, BaseProcess]] = {}  # by the connection to each
    bars = _Bars(min(n_at_once(len(waiting)), len(waiting)))
    signal.signal(signal.SIGTERM, _exit)
    try:
        while waiting or running:
            while waiting and len(running) < bars.n:
                seed, (ours, theirs) = waiting.pop(0), context.Pipe(duplex=False)
                process: BaseProcess = context.Process(target=_child, args=(work, seed, theirs, os.getpid()))
                process.start()
                theirs.close()
                running[ours] = (seed, process)
                bars.open(seed)
            for connection in wait(list(running)):
                seed, process = running[connection]
                kind, content = _receive(connection)
                if kind == "line":
                    tqdm.write(f"seed {seed} | {content}")
                    sys.stdout.flush()
                elif kind == "progress":
                    bars.show(seed, *content)
                elif kind == "outcome":
                    outcomes[seed] = content
                    process.join()
                    del running[connection]
                    bars.close(seed)
                else:
                    raise PipelineError(f"seed {seed}: {content}")
    finally:
        for _, process in running.values():
            process.kill()
            process.join()
        bars.clear()
    return outcomes


def n_at_once(n_seeds: int) -> int:
    """How many seeds run at once: as many as this process may use cores, or as the environment variable says.

    Those that would be left over run beside the others. Three on two cores take one and a half times as long as one;
    two of them, and then the third on one core, would take twice as long.

    Raises:
        PipelineError: the variable is no number above zero.
    """
    text = os.environ.get(PROCESSES)
    if text is None:
        n_rounds = max(n_seeds // len(os.sched_getaffinity(0)), 1)
        return math.ceil(n_seeds / n_rounds)
    if not text.isdecimal() or int(text) < 1:
        raise PipelineError(f"{PROCESSES}: must be a number above zero, not {text!r}")
    return int(text)


def end_with_dvc() -> None:
    """End this process when DVC does, which started it: a DVC that is killed would leave it running without a lock."""
    if "DVC_STAGE" in os.environ:
        _end_with_parent(os.getppid())


def _end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends.

    Args:
        parent: its process id. One that has ended already is no longer the parent.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _child(work: Callable[[int, Reporter], Any], seed: int, connection: "Connection[Any, Any]", parent: int) -> None:
    _end_with_parent(parent)
    # a signal ends it at once: as an exception it can get lost in a library, and the work would go on
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        message = ("outcome", work(seed, Reporter(connection.send)))
    except USER_ERRORS as error:
        message = ("failure", str(error))
    except BaseException:
        message = ("failure", traceback.format_exc())
    with suppress(BrokenPipeError):
        connection.send(message)


def _receive(connection: Any) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = connection.recv()
    except EOFError:
        return "failure", "its process was killed; the system may have run out of memory"
    return message


def _exit(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


class _Bars:
    """A progress bar for each process that runs, on a terminal."""

    def __init__(self, n: int) -> None:
        tqdm.monitor_interval = 0  # no thread: forks and threads do not go together
        self.n = n
        self._free = list(range(n))
        self._used: dict[int, tuple[int, tqdm[Any]]] = {}

    def open(self, seed: int) -> None:
        place = self._free.pop(0)
        self._used[seed] = (place, tqdm(desc=f"seed {seed}", position=place, leave=False, disable=None))

    def show(self, seed: int, description: str, number: int, total: int) -> None:
        bar = self._used[seed][1]
        if bar.total != total or number < bar.n:
            bar.reset(total)
        bar.set_description_str(f"seed {seed}, {description}", refresh=False)
        bar.update(number - bar.n)

    def close(self, seed: int) -> None:
        place, bar = self._used.pop(seed)
        self._free.append(place)
        bar.close()

    def clear(self) -> None:
        for seed in list(self._used):
            self.close(seed)
