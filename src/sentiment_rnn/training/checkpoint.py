"""The state of a training after each epoch in a file, from which an interrupted training is resumed."""

import pickle
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from sentiment_rnn.parallel import Reporter

State = dict[str, Any]  # tensors, numbers and texts, in lists and dictionaries
_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError)


class Timer:
    """Wall and CPU seconds of this process since the timer was made."""

    def __init__(self) -> None:
        self._start = {"seconds": time.perf_counter(), "cpu_seconds": time.process_time()}

    def elapsed(self) -> dict[str, float]:
        """The seconds so far."""
        now = {"seconds": time.perf_counter(), "cpu_seconds": time.process_time()}
        return {clock: round(now[clock] - self._start[clock], 1) for clock in now}

    def add(self, elapsed: dict[str, float]) -> None:
        """Add the seconds of an interrupted run."""
        self._start = {clock: start - elapsed[clock] for clock, start in self._start.items()}


class Checkpoint:
    """The checkpoint file of one training; it is removed when the training ends.

    Args:
        path: the file; its folder is made when it is needed.
        fingerprint: of the training. The checkpoint of another training is ignored, and replaced by the next save().
        timer: of the training; it goes on from the time of the checkpoint.
        reporter: of the training; it is told of a file that cannot be read or written.
    """

    def __init__(self, path: Path, fingerprint: str, timer: Timer, reporter: Reporter) -> None:
        self.path, self.fingerprint, self._timer, self._reporter = path, fingerprint, timer, reporter

    def save(self, state: State) -> None:
        """Replace the file in one step. A full disk costs the checkpoint, but not the training."""
        unfinished = self.path.with_suffix(".unfinished")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state | {"fingerprint": self.fingerprint, "elapsed": self._timer.elapsed()}, unfinished)
            unfinished.replace(self.path)
        except (OSError, RuntimeError) as error:
            self._reporter.log(f"{self.path}: cannot be written, so an interruption would lose this epoch: {error}")
            with suppress(OSError):
                unfinished.unlink()

    def load(self) -> State | None:
        """The state that was saved last; None if there is none, or it is of another training or damaged."""
        if not self.path.exists():
            return None
        try:
            state: State = torch.load(self.path, weights_only=True)
            if state["fingerprint"] != self.fingerprint:
                return None
            self._timer.add(state["elapsed"])
        except _ERRORS as error:
            self._reporter.log(f"{self.path}: cannot be read: the training starts from the beginning: {error!r}")
            return None
        return state

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
