"""What goes wrong: processes killed, disks full, files changed, damaged or not writable, clocks set back, two at once.

Nothing that was finished is lost, nothing wrong is recorded, and the end is that of an undisturbed run, byte for byte.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from conftest import Scratch, clone, stages_run
from dvc.utils.serialize import YAMLFileCorruptedError, load_yaml

pytestmark = pytest.mark.fault
REPRO = ("python", "-m", "scripts.repro")
MODEL = "data/models/experiment"
N_KILLS = 20


def processes_in(folder: Path) -> list[psutil.Process]:
    """Those that work there."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()) == folder.resolve():
                found.append(process)
    return found


def repair_lock(scratch: Scratch) -> None:
    """What `git checkout HEAD dvc.lock` would do, were one committed, where a kill left half of it."""
    lock = scratch.folder / "dvc.lock"
    try:
        load_yaml(lock)
    except YAMLFileCorruptedError:
        lock.unlink()
    except FileNotFoundError:
        pass


def killed(kind: str, command: tuple[str, ...], scratch: Scratch, seconds: float) -> bool:
    """SIGKILL of DVC, of a stage or of a seed (a child of the forkserver), so far into a run; False if it ended."""
    run = subprocess.Popen(command, cwd=scratch.folder, env=scratch.environment, stdout=subprocess.DEVNULL)
    time.sleep(seconds)
    while run.poll() is None:
        with suppress(psutil.NoSuchProcess):  # one that ended in that moment
            running = processes_in(scratch.folder)
            stage = [one for one in running if "stages." in " ".join(one.cmdline())]
            servers = {one.pid for one in running if one.ppid() in {other.pid for other in stage}}
            seeds = [one for one in running if one.ppid() in servers]
            if victims := {"dvc": [psutil.Process(run.pid)], "stage": stage, "seed": seeds}[kind]:
                victims[0].kill()
                run.wait(timeout=60)
                return True
    return False


def start_over(scratch: Scratch) -> None:
    for made in ("data/models", "data/checkpoints", "results", ".dvc/cache"):
        shutil.rmtree(scratch.folder / made, ignore_errors=True)
    (scratch.folder / "dvc.lock").unlink()


@pytest.mark.long
def test_twenty_kills_lose_nothing(finished: Scratch, tmp_path: Path, record_property: Callable[[str, object], None]):
    """Of dvc repro at random moments; a kill of DVC is followed by make repro, which repairs what it may have left."""
    scratch = clone(tmp_path / "clone")
    chance = random.Random(0)
    kills: list[str] = []
    while len(kills) < N_KILLS:
        kind = ("seed", "stage", "dvc")[len(kills) % 3]
        command = REPRO if kills[-1:] == ["dvc"] else ("dvc", "repro")
        if killed(kind, command, scratch, chance.uniform(0, 5)):
            kills.append(kind)
            repair_lock(scratch)
        else:
            assert scratch.results() == finished.results(), kills
            start_over(scratch)
    record_property("killed", dict(Counter(kills)))
    scratch.run(*REPRO)
    assert "Data and pipelines are up to date" in scratch.run("dvc", "repro")
    assert scratch.results() == finished.results(), kills


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """The folder on a file system of its own, with so much room beside what is there already."""
    folder.mkdir(parents=True, exist_ok=True)
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
    [("data/checkpoints", 40), ("data/checkpoints", 56), (".dvc/cache", 40)],
    ids=["weights", "learning curves", "cache"],
)
def test_full_disk(full: str, kilobytes: int, scratch: Scratch, widened: Scratch):
    widen(scratch)
    with small_disk(scratch.folder / full, kilobytes):
        output = scratch.run("dvc", "repro", fails=full != ".dvc/cache")  # without room there DVC says so and goes on
        assert "No space left on device" in output
        assert "Traceback" not in output
        assert ("an interruption would lose this epoch" in output) == (full == "data/checkpoints")
    scratch.repro()
    assert scratch.results() == widened.results()


@pytest.mark.long
def test_folder_that_is_read_only(scratch: Scratch, widened: Scratch):
    widen(scratch)
    folder = scratch.folder / "data/checkpoints"
    with small_disk(folder, 1000):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        output = scratch.run("dvc", "repro", fails=True)
        assert re.search("Read-only file system", output), output
    scratch.repro()
    assert scratch.results() == widened.results()


@pytest.mark.long
def test_two_at_once(scratch: Scratch, widened: Scratch):
    """DVC's own locks keep them apart: one ends with its message, and nothing is damaged."""
    widen(scratch)
    scratch.edit(lambda params: params.update(n_epochs=400))
    first = scratch.start("dvc", "repro", until="epoch 1/")
    assert "is busy, it is being blocked by" in " ".join(scratch.run("dvc", "repro", fails=True).split())
    first.kill()
    first.communicate()
    scratch.edit(lambda params: params.update(n_epochs=2))
    scratch.run(*REPRO)
    assert scratch.results() == widened.results()


def change_module(scratch: Scratch) -> None:
    with (scratch.folder / "src/sentiment_rnn/training/loop.py").open("a") as file:
        file.write("# changed\n")


def change_input(scratch: Scratch) -> None:
    path = scratch.folder / "data/encoded/vocabulary.txt"
    text = path.read_text()
    path.unlink()
    path.write_text(text.upper())


def change_parameter(scratch: Scratch) -> None:
    scratch.edit(lambda params: params["study"]["compound"].update(hidden_dim=6))


@pytest.mark.parametrize(
    ("change", "name"),
    [(change_module, "loop.py"), (change_input, "vocabulary.txt"), (change_parameter, "the parameters were")],
)
def test_training_refuses_what_changed_meanwhile(change: Callable[[Scratch], None], name: str, scratch: Scratch):
    scratch.edit(lambda params: params["study"]["base"].update(n_epochs=40))
    process = scratch.start("python", "-m", "stages.train", "compound", until="epoch 1/")
    change(scratch)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert f"{name}" in output
    assert "changed while this stage ran; nothing was written: run it again" in output


def test_clock_that_was_set_back(scratch: Scratch):
    """A change whose time lies before all that was made, and that leaves the size, is a change."""
    for name, old, new in (
        ("data/tiny.csv", "Sunday", "Monday"),
        ("params.yaml", "min_freq: 2", "min_freq: 3"),
        ("src/sentiment_rnn/encoding/stopwords.txt", "ourselves", "yourselve"),
    ):
        path = scratch.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        os.utime(path, (10**9, 10**9))
    status = scratch.run("dvc", "status", "fetch", "vocab")
    assert all(line in status for line in ("tiny.csv", "min_freq", "src/sentiment_rnn/encoding"))


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
    scratch.run("dvc", "checkout", "train_compound@compound")
    assert weights.read_bytes() != whole
    assert "up to date" in scratch.run("dvc", "status", "train_compound@compound")
    (scratch.folder / ".dvc/tmp/rwlock").write_text('{"half')  # as a kill may leave it
    output = scratch.run(*REPRO)
    assert f"{cached.relative_to(scratch.folder)}: damaged, and removed" in output
    # the time of a training is part of its results: where it is another one, the evaluation runs, too
    assert stages_run(output)[0] == "train_compound@compound"
    assert weights.read_bytes() == whole
    assert cached.read_bytes() == whole
    assert scratch.results() == finished.results()


def test_lock_file_that_was_cut_off(scratch: Scratch):
    """As a kill while DVC writes it may leave it."""
    lock = scratch.folder / "dvc.lock"
    text = lock.read_text()
    lock.write_text(text[: text.rindex("md5:") + 3])
    assert "git checkout HEAD dvc.lock" in scratch.run(*REPRO, fails=True)


@pytest.mark.long
def test_killed_training_goes_on_to_the_same_bytes(scratch: Scratch):
    """SIGKILL of DVC and of the training: nothing of the two can put anything in order. A finished seed is kept."""
    scratch.edit(lambda params: params.update(n_epochs=60, seeds=[0, 1]))
    scratch.environment["SENTIMENT_PROCESSES"] = "1"
    process = scratch.start("dvc", "repro", "train_experiment", until="seed 1 | epoch 5/")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(0.5)
    assert not [found for found in processes_in(scratch.folder) if "stages.train" in " ".join(found.cmdline())]
    output = scratch.run("dvc", "repro", "train_experiment")
    assert "seed 0 | finished before the stage was interrupted" in output
    assert "seed 1 | resumed after epoch" in output
    assert "epoch 1/60" not in output
    model = scratch.folder / MODEL
    resumed = {path: path.read_bytes() for path in model.rglob("*") if path.is_file() and path.name != "timing.json"}
    assert scratch.run("python", "-m", "stages.train", "--force", "experiment").count("epoch 1/60") == 2
    assert {path: path.read_bytes() for path in resumed} == resumed


def test_interrupt_stops_cleanly_and_the_next_run_goes_on(scratch: Scratch):
    scratch.edit(lambda params: params["study"]["base"].update(n_epochs=3000))
    process = scratch.start("dvc", "repro", "train_compound", until="epoch 2/")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in output
    time.sleep(0.2)
    assert not processes_in(scratch.folder)
    scratch.edit(lambda params: params["study"]["base"].update(n_epochs=2))
    assert scratch.repro("train_compound") == []  # it comes from the cache
