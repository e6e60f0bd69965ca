"""What the tests let several processes do: in a module that each of them loads in no time."""

import os
import signal
import time

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


def fail(error: Exception | str, _: Reporter) -> None:
    if error == "sleep":
        time.sleep(600)
    if isinstance(error, Exception):
        raise error
    os.kill(os.getpid(), signal.SIGKILL)
