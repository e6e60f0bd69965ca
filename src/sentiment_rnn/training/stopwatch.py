"""How long a training took. Not an output for DVC: it differs from run to run, where all else is the same bytes."""

import json
import time
from pathlib import Path


class Stopwatch:
    """Runs from its making until stop(); counts wall seconds and this process's CPU seconds."""

    def __init__(self) -> None:
        self._started, self._cpu_started = time.perf_counter(), time.process_time()
        self.seconds = self.cpu_seconds = 0.0

    def elapsed(self) -> tuple[float, float]:
        """Wall and CPU seconds so far."""
        return time.perf_counter() - self._started, time.process_time() - self._cpu_started

    def go_on_from(self, elapsed: tuple[float, float]) -> None:
        """Add what another one showed before."""
        self._started -= elapsed[0]
        self._cpu_started -= elapsed[1]

    def stop(self) -> None:
        """Take the seconds since the making."""
        self.seconds, self.cpu_seconds = self.elapsed()

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"seconds": round(self.seconds, 1), "cpu_seconds": round(self.cpu_seconds, 1)}
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
