"""The seeds of a stage in processes of their own: what they print, how they fail, and that none outlives the stage."""

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.running.side_by_side import PROCESSES, Reporter, n_at_once, side_by_side

# a stage with three seeds that sleep, in a shell that stands in for DVC
SLEEPERS = """
import os, time
from sentiment_rnn.running.side_by_side import end_with_dvc, side_by_side
end_with_dvc()
def work(seed, reporter):
    reporter.line(f"process {os.getpid()}")
    time.sleep(600)
side_by_side({"seed 0": 0, "seed 1": 1, "seed 2": 2}, work)
"""


def square(seed: int, reporter: Reporter) -> int:
    reporter.line(f"process {os.getpid()}")
    assert list(reporter.track(range(3), "counting", 3)) == [0, 1, 2]
    return seed**2


def test_outcomes_and_lines_by_seed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PROCESSES, "2")
    assert side_by_side({f"seed {seed}": seed for seed in (3, 1, 2)}, square) == {"seed 1": 1, "seed 2": 4, "seed 3": 9}
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.partition(" | ")[0] for line in lines) == ["seed 1", "seed 2", "seed 3"]
    assert len({line.partition("process ")[2] for line in lines} - {str(os.getpid())}) == 3


@pytest.mark.parametrize(("n_seeds", "n"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 2), (7, 3)])
def test_all_cores_are_busy(n_seeds: int, n: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PROCESSES, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert n_at_once(n_seeds) == n


@pytest.mark.parametrize("text", ["1", "7"])
def test_as_many_at_once_as_the_environment_says(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PROCESSES, text)
    assert n_at_once(3) == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "two", ""])
def test_number_that_is_none(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PROCESSES, text)
    with pytest.raises(PipelineError, match=f"{PROCESSES}: must be a number above zero, not '{text}'"):
        n_at_once(3)


def test_one_at_a_time_on_request(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PROCESSES, "1")

    def when(_: int, __: Reporter) -> tuple[float, float]:
        started = time.monotonic()
        time.sleep(0.1)
        return started, time.monotonic()

    times = sorted(side_by_side(dict.fromkeys("abc", 0), when).values())
    assert all(ended <= started for (_, ended), (started, _) in pairwise(times))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PipelineError("the file: what to do"), "^seed 1: the file: what to do$"),
        (OSError(28, "No space left on device"), r"^seed 1: \[Errno 28\] No space left on device$"),
        (ValueError("a mistake of ours"), "seed 1: Traceback(.|\n)*ValueError: a mistake of ours"),
        (None, "seed 1: its process was killed"),
    ],
)
def test_failure_names_the_seed_and_stops_the_others(error: Exception | None, message: str):
    def work(seed: int, _: Reporter) -> None:
        if seed == 0:
            time.sleep(600)
        if error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise error

    before = set(psutil.Process().children())
    with pytest.raises(PipelineError, match=message):
        side_by_side({"seed 0": 0, "seed 1": 1}, work)
    assert set(psutil.Process().children()) == before


@pytest.fixture
def stage() -> Iterator[tuple[psutil.Process, subprocess.Popen[str], list[int]]]:
    """A stage, the shell that started it, and the processes of two seeds."""
    command = [sys.executable, "-c", SLEEPERS]
    environment = os.environ | {PROCESSES: "2", "DVC_STAGE": "train", "STAGE": command[-1]}
    # a signal that is ignored where these tests were started is not ignored there
    shell = subprocess.Popen(
        ["bash", "-c", f"'{sys.executable}' -c \"$STAGE\"; true"],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no thread runs here
    )
    assert shell.stdout is not None
    seeds = [int(shell.stdout.readline().rpartition(" ")[2]) for _ in range(2)]
    (process,) = psutil.Process(shell.pid).children()
    yield process, shell, seeds
    for number in (*seeds, process.pid, shell.pid):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    shell.communicate()


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "SIGKILL", "SIGKILL of what started it"])
def test_seeds_end_with_their_stage(how: str, stage: tuple[psutil.Process, subprocess.Popen[str], list[int]]):
    process, shell, seeds = stage
    if how == "Ctrl-C":
        os.killpg(shell.pid, signal.SIGINT)
    elif how == "SIGKILL of what started it":
        shell.kill()
    else:
        process.send_signal(getattr(signal, how))
    running = [psutil.Process(number) for number in (*seeds, process.pid) if psutil.pid_exists(number)]
    _, alive = psutil.wait_procs(running, timeout=10)
    assert not [found for found in alive if found.status() != psutil.STATUS_ZOMBIE]


def test_on_a_terminal_each_seed_has_its_progress_bar(tmp_path: Path):
    script = tmp_path / "stage.py"
    script.write_text(
        "import time\n"
        "from sentiment_rnn.running.side_by_side import side_by_side\n"
        "def work(seed, reporter):\n"
        "    for _ in reporter.track(range(4), 'epoch 1/1', 4):\n"
        "        time.sleep(0.3)\n"
        "    reporter.line('done')\n"
        "side_by_side({'seed 0': 0, 'seed 1': 1}, work)\n"
    )
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen([sys.executable, script], stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # how Linux tells that the other end of a terminal is closed
        while chunk := os.read(ours, 65536):
            written += chunk
    assert process.wait() == 0
    for text in (b"seed 0, epoch 1/1:", b"seed 1, epoch 1/1:", b"| 2/4 [", b"seed 0 | done\r\n", b"seed 1 | done\r\n"):
        assert text in written
