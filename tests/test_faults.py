"""What goes wrong: processes killed, disks full, files changed, damaged or not writable, clocks set back, two at once.

Nothing that was finished is lost, nothing wrong is recorded, and the end is that of an undisturbed run, byte for byte.
"""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from conftest import Scratch, clone, stages_run
from dvc.utils.serialize import YAMLFileCorruptedError, load_yaml

PARALLEL = ("python", "scripts/parallel_repro.py", "2")
N_KILLS = 20


def processes_in(folder: Path) -> list[psutil.Process]:
    """Those that work there."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()) == folder.resolve():
                found.append(process)
    return found


def mend_lock(scratch: Scratch) -> None:
    """What `git checkout dvc.lock` would do, were one committed, where a kill left half of it."""
    lock = scratch.folder / "dvc.lock"
    try:
        load_yaml(lock)
    except YAMLFileCorruptedError:
        lock.unlink()
    except FileNotFoundError:
        pass


@pytest.mark.long
def test_twenty_kills_lose_nothing(finished: Scratch, tmp_path: Path):
    """SIGKILL of make repro, of DVC or of a stage's command, at random moments of a run begun anew each time."""
    scratch = clone(tmp_path / "clone")
    chance = random.Random(0)
    killed = []
    for _ in range(N_KILLS):
        process = subprocess.Popen(PARALLEL, cwd=scratch.folder, env=scratch.environment, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(2, 7))
        victim = chance.choice(processes_in(scratch.folder) or [psutil.Process(process.pid)])
        with suppress(psutil.Error):
            killed.append(" ".join(victim.cmdline()[:4]))
            victim.kill()
        if victim.pid != process.pid:
            process.send_signal(signal.SIGINT)
        process.wait()
        mend_lock(scratch)
    output = scratch.run(*PARALLEL)
    assert "Data and pipelines are up to date" in output
    assert scratch.results() == finished.results(), killed


@pytest.mark.long
def test_two_at_once(scratch: Scratch, widened: Scratch):
    widen(scratch)
    first = scratch.start(*PARALLEL, until="Running stage")
    second = scratch.run(*PARALLEL)
    assert second.startswith("another run works here, or what one that was killed has left: waiting for its end")
    assert not stages_run(second)
    assert "Data and pipelines are up to date" in second
    first.communicate()
    assert first.returncode == 0
    assert scratch.results() == widened.results()


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """The folder on a file system of its own, with so much room beside what is there already."""
    content = [(path.relative_to(folder), path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    used = sum(-(-len(data) // 4096) * 4 for _, data in content)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={used + kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system of a certain size can be mounted by root alone")
    try:
        for name, data in content:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def widened(finished: Scratch, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """What an undisturbed run of the experiment with more hidden dimensions leaves."""
    scratch = finished.copy(tmp_path_factory.mktemp("widened") / "clone")
    widen(scratch)
    scratch.repro()
    return scratch


def widen(scratch: Scratch) -> None:
    scratch.edit(lambda params: params.update(hidden_dim=60))  # 67 KB of weights


@pytest.mark.long
@pytest.mark.parametrize(
    ("full", "kilobytes"),
    [("data/models/experiment", 40), ("data/models/experiment", 60), (".dvc/cache", 40)],
    ids=["weights", "learning curves", "cache"],
)
def test_full_disk(full: str, kilobytes: int, scratch: Scratch, widened: Scratch):
    widen(scratch)
    with small_disk(scratch.folder / full, kilobytes):
        output = scratch.run("dvc", "repro", fails=True)
        assert "No space left on device" in output
        assert "Traceback" not in output
    scratch.repro()
    assert scratch.results() == widened.results()


@pytest.mark.long
def test_folder_that_is_read_only(scratch: Scratch, widened: Scratch):
    widen(scratch)
    folder = scratch.folder / "data/models/experiment"
    with small_disk(folder, 1000):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        output = scratch.run("dvc", "repro", fails=True)
        assert re.search("Read-only file system: '.*data/models/experiment/0", output), output
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        scratch.repro()
        assert scratch.results() == widened.results()


def change_module(scratch: Scratch) -> None:
    with (scratch.folder / "src/sentiment_rnn/network/training.py").open("a") as file:
        file.write("# changed\n")


def change_input(scratch: Scratch) -> None:
    path = scratch.folder / "data/encoded/random-drop/vocabulary.txt"
    text = path.read_text()
    path.unlink()
    path.write_text(text.upper())


def change_parameter(scratch: Scratch) -> None:
    scratch.edit(lambda params: params["study"]["compound"].update(hidden_dim=6))


@pytest.mark.parametrize(
    ("change", "name"),
    [(change_module, "training.py"), (change_input, "vocabulary.txt"), (change_parameter, "params.yaml")],
)
def test_training_refuses_what_changed_meanwhile(change: Callable[[Scratch], None], name: str, scratch: Scratch):
    scratch.edit(lambda params: params.update(n_epochs=40))
    process = scratch.start("dvc", "repro", "compound@0", until="epoch 1/")
    change(scratch)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert f"{name} was changed while this stage ran; nothing was written: run it again" in output


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("data/tiny.csv", "Sunday", "Monday"),
        ("params.yaml", "min_freq: 2", "min_freq: 3"),
        ("src/sentiment_rnn/stopwords.txt", "ourselves", "yourselve"),
    ],
)
def test_clock_that_was_set_back(name: str, old: str, new: str, scratch: Scratch):
    """A change whose time lies before all that was made, and that leaves the size, is a change."""
    path = scratch.folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, (10**9, 10**9))
    assert "vocab@random-drop" in scratch.repro("vocab@random-drop")


def test_damaged_cache_is_found_and_what_it_held_is_made_again(scratch: Scratch, finished: Scratch):
    """DVC believes what it once wrote: it would check the damaged weights out, and call everything up to date."""
    weights = scratch.folder / "data/models/compound/0/weights.safetensors"
    whole = weights.read_bytes()
    stored = [path for path in (scratch.folder / ".dvc/cache/files/md5").rglob("*") if path.is_file()]
    (cached,) = [path for path in stored if path.read_bytes() == whole]
    cached.chmod(0o644)
    cached.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    cached.chmod(0o444)
    for path in weights.parent.iterdir():
        path.unlink()
    scratch.run("dvc", "checkout", "compound@0")
    assert weights.read_bytes() != whole
    assert "up to date" in scratch.run("dvc", "status", "compound@0")
    assert f"{cached}: damaged" in scratch.run("python", "scripts/verify.py", fails=True)
    output = scratch.run(*PARALLEL)
    assert f"{cached}: damaged, and removed" in output
    assert stages_run(output) == ["compound@0"]
    assert weights.read_bytes() == whole
    assert cached.read_bytes() == whole
    assert scratch.results() == finished.results()


def test_lock_file_that_was_cut_off(scratch: Scratch, finished: Scratch):
    """As a kill while DVC writes it may leave it: what was finished is in the run cache."""
    lock = scratch.folder / "dvc.lock"
    text = lock.read_text()
    lock.write_text(text[: text.rindex("md5:") + 3])
    assert "git checkout dvc.lock" in scratch.run(*PARALLEL, fails=True)
    lock.unlink()  # none is committed in this clone
    assert scratch.repro() == ["fetch", "collect", "report"]  # whose outputs persist: DVC runs such stages anew
    assert scratch.results() == finished.results()


def test_failure_stops_the_others_and_keeps_what_is_done(scratch: Scratch):
    """One training fails while others, which would take minutes, are under way."""
    scratch.edit(lambda params: params.update(min_freq=30, n_epochs=100_000))
    train = scratch.folder / "stages/train.py"
    fail = "if 'compound' in sys.argv:\n        time.sleep(10)\n        raise OSError(28, 'the disk is full')\n"
    begin = "def main() -> None:\n    "
    assert begin in train.read_text()
    train.write_text(train.read_text().replace(begin, f"{begin}import sys, time\n    {fail}    "))
    output = scratch.run("python", "scripts/parallel_repro.py", "4", fails=True)
    assert "the disk is full" in output
    assert "error: compound@0 failed; its output is above" in output
    assert "epoch 2/100000" in output
    lock = scratch.run("cat", "dvc.lock")
    assert "min_freq: 30" in lock
    assert "n_epochs: 100000" not in lock
    assert not processes_in(scratch.folder)


@pytest.mark.parametrize("command", [["dvc", "repro"], ["python", "scripts/parallel_repro.py", "2"]])
def test_interrupt_stops_cleanly_and_the_next_run_goes_on(scratch: Scratch, command: list[str]):
    scratch.edit(lambda params: params.update(n_epochs=3000))
    process = scratch.start(*command, until="epoch 2/")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in output
    time.sleep(0.2)
    assert not processes_in(scratch.folder)
    scratch.edit(lambda params: params.update(n_epochs=2))
    assert set(scratch.repro()) <= {"collect", "report"}  # the trainings of before are in the cache


def test_killed_training_goes_on_to_the_same_bytes(scratch: Scratch):
    """SIGKILL of DVC and of the training: nothing of the two can put anything in order."""
    scratch.edit(lambda params: params.update(n_epochs=60))
    process = scratch.start("dvc", "repro", "experiment@0", until="epoch 5/")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    output = scratch.run("dvc", "repro", "experiment@0")
    assert "going on after epoch" in output
    assert "epoch 1/60" not in output
    model = scratch.folder / "data/models/experiment/0"
    resumed = {path.name: path.read_bytes() for path in model.iterdir()}
    assert not list((scratch.folder / "data/checkpoints").iterdir())
    assert "epoch 1/60" in scratch.run("dvc", "repro", "--force", "--no-run-cache", "--single-item", "experiment@0")
    assert {path.name: path.read_bytes() for path in model.iterdir()} == resumed
