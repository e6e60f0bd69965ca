"""Work in several processes: what it prints, how it fails, and that no process outlives its parent."""

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from conftest import PROJECT
from work import fail, nap, square

from sentiment_rnn import parallel
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.parallel import N_WORKERS, Reporter, n_workers, process_pool, run_parallel

SLEEPERS = """
import os, time
from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.parallel import run_parallel
def work(seed, reporter):
    reporter.log(f"process {os.getpid()}")
    time.sleep(600)
if __name__ == "__main__":
    exit_with_dvc()
    run_parallel({"seed 0": 0, "seed 1": 1, "seed 2": 2}, work)
"""
BARS = """
import time
from sentiment_rnn.parallel import run_parallel
def work(seed, reporter):
    for _ in reporter.progress(range(4), 'epoch 1/1', 4):
        time.sleep(0.3)
    reporter.log('done')
if __name__ == "__main__":
    run_parallel({'seed 0': 0, 'seed 1': 1}, work)
"""


def test_results_and_lines_by_label(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(N_WORKERS, "2")
    assert run_parallel({f"seed {seed}": seed for seed in (3, 1, 2)}, square) == {
        "seed 3": 9,
        "seed 1": 1,
        "seed 2": 4,
    }
    lines = capfd.readouterr().out.splitlines()
    assert sorted(line.partition(" | ")[0] for line in lines) == ["seed 1", "seed 2", "seed 3"]
    assert len({line.partition("process ")[2] for line in lines} - {str(os.getpid())}) == 2


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_start_methods(method: str):
    with process_pool(1, method=method) as pool:
        assert pool.submit(square, 3, Reporter("label")).result() == 9


@pytest.mark.parametrize(("n_items", "n"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 2), (7, 3)])
def test_all_cores_are_busy(n_items: int, n: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(N_WORKERS, raising=False)
    monkeypatch.setattr(parallel, "n_cores", lambda: 2)
    assert n_workers(n_items) == n


@pytest.mark.parametrize("text", ["1", "7"])
def test_as_many_as_the_environment_says(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(N_WORKERS, text)
    assert n_workers(3) == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "two", ""])
def test_number_of_workers_that_is_none(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(N_WORKERS, text)
    with pytest.raises(PipelineError, match=f"{N_WORKERS}: must be a positive number, not '{text}'"):
        n_workers(3)


def test_one_at_a_time_on_request(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(N_WORKERS, "1")
    times = sorted(run_parallel(dict.fromkeys("abc", 0), nap).values())
    assert all(ended <= started for (_, ended), (started, _) in pairwise(times))


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (PipelineError("the file: what to do"), PipelineError, "^seed 1: the file: what to do$"),
        (OSError(28, "No space left on device"), PipelineError, r"^seed 1: \[Errno 28\] No space left on device$"),
        (ValueError("a mistake of ours"), ValueError, "a mistake of ours"),
        ("kill", PipelineError, "a process was killed; the system may have run out of memory"),
    ],
)
def test_failure_stops_the_others(
    error: Exception | str, kind: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """At once: they would sleep for ten minutes."""
    monkeypatch.setenv(N_WORKERS, "2")
    file = tmp_path / "pid"
    with pytest.raises(kind, match=message):
        run_parallel({"seed 0": (file, "sleep"), "seed 1": (file, error)}, fail)
    sleeper = [process for process in psutil.process_iter() if process.pid == int(file.read_text())]
    assert psutil.wait_procs(sleeper, timeout=3)[1] == []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[psutil.Process, subprocess.Popen[str], list[int]]]:
    """A stage, the shell that started it, and the processes of two seeds."""
    script = tmp_path / "stage.py"
    script.write_text(SLEEPERS)
    environment = os.environ | {N_WORKERS: "2", "DVC_STAGE": "train", "PYTHONPATH": str(PROJECT / "src")}
    # a signal that is ignored where these tests were started is not ignored there
    shell = subprocess.Popen(
        ["bash", "-c", f"'{sys.executable}' '{script}'; true"],
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
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.communicate()


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "SIGKILL", "SIGKILL of a seed", "SIGKILL of what started it"])
def test_no_process_is_left(how: str, stage: tuple[psutil.Process, subprocess.Popen[str], list[int]]):
    process, shell, seeds = stage
    running = [process, *process.children(recursive=True)]
    assert set(seeds) < {child.pid for child in running}
    if how == "Ctrl-C":
        os.killpg(shell.pid, signal.SIGINT)
    elif how == "SIGKILL of a seed":
        os.kill(seeds[0], signal.SIGKILL)
    elif how == "SIGKILL of what started it":
        shell.kill()
    else:
        process.send_signal(getattr(signal, how))
    _, alive = psutil.wait_procs(running, timeout=10)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


def test_on_a_terminal_each_process_has_its_progress_bar(tmp_path: Path):
    script = tmp_path / "stage.py"
    script.write_text(BARS)
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "src")}
    process = subprocess.Popen([sys.executable, script], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # how Linux tells that the other end of a terminal is closed
        while chunk := os.read(ours, 65536):
            written += chunk
    assert process.wait() == 0
    for text in (b"seed 0, epoch 1/1:", b"seed 1, epoch 1/1:", b"| 2/4 [", b"seed 0 | done", b"seed 1 | done"):
        assert text in written


def test_workers_run_the_code_of_their_own_checkout(tmp_path: Path):
    """Not that of the checkout that is installed in the environment, as in a queued experiment or a second clone."""
    package = tmp_path / "src/sentiment_rnn"
    (tmp_path / "stages").mkdir()
    package.mkdir(parents=True)
    for source in (PROJECT / "src/sentiment_rnn").glob("*.py"):
        (package / source.name).write_text(source.read_text())
    (package / "here.py").write_text("def work(item, reporter):\n    return __file__\n")
    (tmp_path / "stages/__init__.py").write_text((PROJECT / "stages/__init__.py").read_text())
    (tmp_path / "stages/try.py").write_text(
        "from sentiment_rnn.here import work\nfrom sentiment_rnn.parallel import run_parallel\n"
        "if __name__ == '__main__':\n    print(run_parallel({'a': 0}, work)['a'])\n"
    )
    command = [sys.executable, "-m", "stages.try"]
    result = subprocess.run(command, cwd=tmp_path, check=True, text=True, stdout=subprocess.PIPE)
    assert result.stdout.strip() == str(package / "here.py")
