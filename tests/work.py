"""What the tests let several processes do: in a module that each of them loads in no time."""

import os
import signal
import time
from pathlib import Path

from sentiment_rnn.parallel import Reporter


def square(seed: int, reporter: Reporter) -> int:
    reporter.log(f"process {os.getpid()}")
    assert list(reporter.progress(range(3), "counting", 3)) == [0, 1, 2]
    time.sleep(0.5)  # so that the other process starts meanwhile
    return seed**2


def nap(_: int, __: Reporter) -> tuple[float, float]:
    started = time.monotonic()
    time.sleep(0.1)
    return started, time.monotonic()


def fail(item: tuple[Path, Exception | str], _: Reporter) -> None:
    """Raise the error or be killed, once the one that sleeps has written its process's number into the file."""
    file, error = item
    if error == "sleep":
        file.write_text(str(os.getpid()))
        time.sleep(600)
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    if isinstance(error, Exception):
        raise error
    os.kill(os.getpid(), signal.SIGKILL)
