"""DVC stages as processes, several at once: their output by name, on a terminal a progress line each, a clean stop."""

import codecs
import os
import re
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

from dvc.lock import LockError
from safeguards import project
from tqdm import tqdm

from sentiment_rnn.errors import PipelineError

DVC = (sys.executable, "-m", "dvc")
ADVICE = (
    "To track",
    "To enable",
    "Use `dvc push`",
    "Updating lock file",
    "Generating lock file",
    "git add",
    "dvc config",
)
GRACE = 10  # seconds that a stage has to end after an interrupt, and DVC before it to finish writing
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class StageFailedError(PipelineError):
    """A stage ended with an error; its output has been printed."""


class Display:
    """What the stages print, line by line behind their names; on a terminal also how far each has come.

    Args:
        n_stages: how many will run.
        jobs: how many run at once.
        width: of the longest name.
    """

    def __init__(self, n_stages: int, jobs: int, width: int) -> None:
        self.is_live = sys.stdout.isatty() and sys.stderr.isatty()
        self.is_muted = False
        self._columns = max(shutil.get_terminal_size().columns - width - 4, 20)
        self._width = width
        off = not self.is_live
        self._lines = [tqdm(total=0, bar_format="{desc}", position=n, leave=False, disable=off) for n in range(jobs)]
        self._all = tqdm(total=n_stages, desc="stages", unit="stage", position=jobs, leave=False, disable=off)
        self._free = list(range(jobs))

    def open_output(self) -> tuple[int, int]:
        """File descriptors to follow, and to give to a process."""
        if not self.is_live:
            return os.pipe()
        ours, theirs = os.openpty()  # programs show progress bars to a terminal alone
        termios.tcsetwinsize(theirs, (24, self._columns))
        return ours, theirs

    @contextmanager
    def line(self, stage: str) -> Iterator["tqdm[Any]"]:
        """The progress line of a stage while it runs."""
        number = self._free.pop()
        try:
            self._lines[number].set_description_str(self._named(stage, "starting"))
            yield self._lines[number]
        finally:
            self._lines[number].set_description_str("")
            self._free.append(number)
            self._all.update()

    def follow(self, stage: str, output: int, line: "tqdm[Any]") -> None:
        """Print what comes from the file descriptor until its end; what a progress bar overwrites goes to the line."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        while chunk := read(output):
            *complete, rest = (rest + decoder.decode(chunk)).split("\n")
            for text in complete:
                self._print(stage, text)
            rest = rest[max(rest.rstrip("\r").rfind("\r"), 0) :]  # of a progress bar the last state is enough
            if progress := _last_written(rest):
                line.set_description_str(self._named(stage, progress))
        if not rest.startswith("\r"):
            self._print(stage, rest)

    def _print(self, stage: str, text: str) -> None:
        final = _last_written(text)
        if final and not final.startswith(ADVICE) and not self.is_muted:
            tqdm.write(self._named(stage, final))

    def _named(self, stage: str, text: str) -> str:
        return f"{stage:>{self._width}} | {text}"

    def close(self) -> None:
        """Take the progress lines off the terminal."""
        for line in [self._all, *reversed(self._lines)]:
            line.close()


class Runner:
    """Runs stages as processes, and stops those that run when one fails or the user interrupts.

    Args:
        display: where their output goes.
        run_lock: the file descriptor of alone(), which they inherit.
    """

    def __init__(self, display: Display, run_lock: int) -> None:
        self._display = display
        self._inherited = [run_lock]
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, stage: str) -> None:
        """Reproduce one stage.

        Raises:
            StageFailedError: it failed.
        """
        with self._lock:
            if self._stopping:
                return
            output, theirs = self._display.open_output()
            try:
                # a session of its own, so that Ctrl-C reaches this program alone, which then stops DVC and its command
                process = subprocess.Popen(
                    [*DVC, "--wait-for-lock", "repro", "--single-item", stage],
                    stdin=subprocess.DEVNULL,
                    stdout=theirs,
                    stderr=theirs,
                    start_new_session=True,
                    pass_fds=self._inherited,
                )
            finally:
                os.close(theirs)
            self._processes.add(process)
        with self._display.line(stage) as line:
            self._display.follow(stage, output, line)
            status = process.wait()
        os.close(output)
        with self._lock:
            self._processes.discard(process)
        if status and not self._stopping:
            raise StageFailedError(f"{stage} failed; its output is above, marked by its name")

    def stop(self) -> None:
        """Interrupt what runs, start nothing more, and come back when all have ended."""
        on_interrupt(signal.SIG_IGN)  # a second Ctrl-C must not leave the stages behind
        with self._lock:
            self._stopping = self._display.is_muted = True
            processes = list(self._processes)
        end_all(processes, signal.SIGINT)


def on_interrupt(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    """What Ctrl-C, a plain kill and a closed terminal do."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def end_all(processes: Iterable[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    """Send the signal to the processes and what they started, and SIGKILL if a process does not end by it."""
    processes = list(processes)
    with ExitStack() as stack:
        with suppress(PipelineError):  # whatever DVC finds wrong, they are to end
            stack.enter_context(_between_writes())
        for process in processes:
            _signal_group(process, number)
    for process in processes:
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)
            process.wait()


def read(output: int) -> bytes:
    """What has come from the file descriptor since, nothing at its end."""
    try:
        return os.read(output, 65536)
    except OSError:  # how Linux tells that the other end of a terminal is closed
        return b""


def _last_written(text: str) -> str:
    """What a line shows after its carriage returns, each of which starts it anew."""
    parts = COLOURS.sub("", text).split("\r")
    return next((part.strip() for part in reversed(parts) if part.strip()), "")


@contextmanager
def _between_writes() -> Iterator[None]:
    """Hold DVC's lock, if it comes in time: who writes dvc.lock has it, and a signal would cut the file off."""
    with project() as repo, ExitStack() as stack:
        end = time.monotonic() + GRACE
        while time.monotonic() < end:
            with suppress(LockError):
                stack.enter_context(repo.lock)
                break
        yield


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, number)
