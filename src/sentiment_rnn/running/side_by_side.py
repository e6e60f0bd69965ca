"""The trainings of a stage side by side, each in a process of its own, so that all cores are busy.

A process sends what it has to say to the stage, which shows it. Each line is printed behind the label of its process,
such as "seed 0". On a terminal each process has a progress bar. The processes are forks: what the stage has imported
need not be loaded again.
"""

import ctypes
import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
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
    """What a process has to say.

    Args:
        send: takes a message to the stage: its kind, and its content.
    """

    def __init__(self, send: Callable[[tuple[str, Any]], None]) -> None:
        self._send = send

    def line(self, text: str) -> None:
        """Print a line behind the label."""
        self._send(("line", text))

    def track(self, items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
        """Go through the items, and show on a terminal how far it has come."""
        shown = 0.0
        for number, item in enumerate(items):
            if time.monotonic() - shown > INTERVAL:
                shown = time.monotonic()
                self._send(("progress", (description, number, total)))
            yield item


def side_by_side(items: dict[str, Item], work: Callable[[Item, Reporter], Outcome]) -> dict[str, Outcome]:
    """Do the work for each item.

    Call it from the main thread: the processes end when the thread that started them does, killed or not.

    Args:
        items: to do it for, by what their lines are headed with.
        work: is called in a process of its own; what it returns is pickled.

    Returns:
        What it returned, by label.

    Raises:
        PipelineError: one failed. Those that ran beside it were stopped.
    """
    context = multiprocessing.get_context("fork")
    waiting, outcomes = list(items), dict[str, Outcome]()
    running: dict[Any, tuple[str, BaseProcess]] = {}  # by the connection to each
    bars = _Bars(min(n_at_once(len(waiting)), len(waiting)))
    signal.signal(signal.SIGTERM, _exit)
    try:
        while waiting or running:
            while waiting and len(running) < bars.n:
                label, (ours, theirs) = waiting.pop(0), context.Pipe(duplex=False)
                arguments = (work, items[label], theirs, os.getpid())
                process: BaseProcess = context.Process(target=_child, args=arguments)
                process.start()
                theirs.close()
                running[ours] = (label, process)
                bars.open(label)
            for connection in wait(list(running)):
                label, process = running[connection]
                kind, content = _receive(connection)
                if kind == "line":
                    tqdm.write(f"{label} | {content}")
                    sys.stdout.flush()
                elif kind == "progress":
                    bars.show(label, *content)
                elif kind == "outcome":
                    outcomes[label] = content
                    process.join()
                    del running[connection]
                    bars.close(label)
                else:
                    raise PipelineError(f"{label}: {content}")
    finally:
        for _, process in running.values():
            process.kill()
            process.join()
        bars.clear()
    return outcomes


def n_at_once(n_items: int) -> int:
    """How many run at once: as many as this process may use cores, or as the environment variable says.

    Those that would be left over run beside the others. Three on two cores take one and a half times as long as one;
    two of them, and then the third on one core, would take twice as long.

    Raises:
        PipelineError: the variable is no number above zero.
    """
    text = os.environ.get(PROCESSES)
    if text is None:
        n_rounds = max(n_items // len(os.sched_getaffinity(0)), 1)
        return math.ceil(n_items / n_rounds)
    if not text.isdecimal() or int(text) < 1:
        raise PipelineError(f"{PROCESSES}: must be a number above zero, not {text!r}")
    return int(text)


def end_with_dvc() -> None:
    """End this process when DVC does, which started it: a DVC that is killed would leave it running without a lock."""
    if "DVC_STAGE" in os.environ:
        end_with_parent(os.getppid())


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends.

    Args:
        parent: its process id. One that has ended already is no longer the parent.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _child(work: Callable[[Item, Reporter], Any], item: Item, connection: "Connection[Any, Any]", parent: int) -> None:
    end_with_parent(parent)
    # a signal ends it at once: as an exception it can get lost in a library, and the work would go on
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        message = ("outcome", work(item, Reporter(connection.send)))
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
        self._used: dict[str, tuple[int, tqdm[Any]]] = {}

    def open(self, label: str) -> None:
        place = self._free.pop(0)
        self._used[label] = (place, tqdm(desc=label, position=place, leave=False, disable=None))

    def show(self, label: str, description: str, number: int, total: int) -> None:
        bar = self._used[label][1]
        if bar.total != total or number < bar.n:
            bar.reset(total)
        bar.set_description_str(f"{label}, {description}", refresh=False)
        bar.update(number - bar.n)

    def close(self, label: str) -> None:
        place, bar = self._used.pop(label)
        self._free.append(place)
        bar.close()

    def clear(self) -> None:
        for label in list(self._used):
            self.close(label)
