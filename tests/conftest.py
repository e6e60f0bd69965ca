"""What several tests share: a small corpus, and scratch clones of the project on a shrunk configuration."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from generate import generate
from hypothesis import settings
from ruamel.yaml import YAML

from sentiment_rnn.baselines.fit import fit
from sentiment_rnn.encoding.arrays import EncodedReviews, texts_hash
from sentiment_rnn.models import registry
from sentiment_rnn.study.params import Hyperparameters

# the tests try the same inputs each time, `make fuzz` others
settings.register_profile("some", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("thousands", max_examples=10_000, deadline=None)
settings.load_profile("some")

signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored

torch.set_num_threads(1)  # as the stages do; several test processes with several threads each stand in each other's way

yaml = YAML(typ="safe", pure=True)

CPU = torch.device("cpu")
LIMIT = 600  # seconds of a command: what hangs is to fail
PROJECT = Path(__file__).parents[1]
PARTS = (
    ".dvcignore",
    ".gitignore",
    "pyproject.toml",
    "constraints.txt",
    "src",
    "stages",
    "scripts",
    "benchmarks/cost.png",
)
COMMITTED = ("params.yaml", "dvc.yaml", "extensions/params.yaml", "extensions/dvc.yaml")  # what users change
DATA = (".gitignore", "claims.yaml", "imdb", "sample", "published.yaml")


def hyperparameters(**changes: object) -> Hyperparameters:
    """A small variant."""
    values = {"cell": "lstm", "optimizer": "adam", "embedding_dim": 3, "hidden_dim": 8, "n_layers": 1, "dropout": 0.0}
    values |= {"bidirectional": False, "warmup_steps": 0, "clip_norm": None, "batch_size": 32, "n_epochs": 3}
    values |= {"init": "source", "keep_epoch": "best", "lr": 0.01, "momentum": None, "eps": None}
    values |= changes
    if values["eps"] is None and values["optimizer"] != "sgd":
        values["eps"] = 1e-6
    return Hyperparameters.model_validate(values)


def random_reviews(
    n: int = 150, vocab_size: int = 40, seed: int = 0, lengths: tuple[int, int] = (1, 60)
) -> EncodedReviews:
    """Random tokens and labels; the lengths are from the first number to the second."""
    random = np.random.default_rng(seed)
    of_reviews = random.integers(lengths[0], lengths[1] + 1, n).astype(np.int32)
    tokens = random.integers(1, vocab_size, of_reviews.sum()).astype(np.int32)
    return EncodedReviews(tokens, of_reviews, random.integers(0, 2, n))


@cache
def committed(name: str) -> Path:
    """A copy of a file as the last commit has it: a user may have changed the workspace's."""
    content = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=PROJECT, capture_output=True, check=False)
    if content.returncode:  # this is no clone
        return PROJECT / name
    path = Path(tempfile.mkdtemp()) / Path(name).name
    path.write_bytes(content.stdout)
    return path


class Log:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        """Keep the line."""
        self.lines.append(text)

    def progress(self, items: Iterable[Any], *_: object) -> Iterator[Any]:
        """Iterate over the items."""
        return iter(items)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests have recorded: how many faults of which kind they tried."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name} {value}")


class Scratch:
    """A clone of the project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command there; its output, standard error included."""
        result = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
        )
        assert (result.returncode != 0) == fails, result.stdout
        return result.stdout

    def start(self, *command: str, until: str) -> subprocess.Popen[str]:
        """Start a command there, in a process group of its own; comes back when its output has the text `until`."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        for line in process.stdout:
            if until in line:
                limit.cancel()
                return process
        raise AssertionError(f"{command} ended without {until!r}")

    def repro(self, *arguments: str) -> list[str]:
        """`dvc repro`; the stages that ran."""
        return stages_run(self.run("dvc", "repro", *arguments))

    def results(self) -> dict[Path, Any]:
        """Everything that the study leaves for git, by name, except the times of the trainings."""
        folders = [self.folder / name for name in ("results", "metrics", "plots", "report")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder): path.read_bytes() for path in files if path.name != "timing.json"}

    def lock(self) -> Any:
        """The entries of dvc.lock by stage: their order tells which ended first, which may differ."""
        return yaml.load(self.folder / "dvc.lock")["stages"]

    def edit(self, change: Callable[[Any], None], file: str = "params.yaml") -> None:
        """Change params.yaml, or another file of parameters."""
        content = yaml.load(self.folder / file)
        change(content)
        yaml.dump(content, self.folder / file)

    def copy(self, folder: Path) -> "Scratch":
        """A copy, with its cache and its results."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Scratch(folder)


def stages_run(output: str) -> list[str]:
    """The names of the stages whose commands DVC ran."""
    return [line.split("'")[1] for line in output.splitlines() if "Running stage '" in line]


def shrink(params: Any) -> None:
    """Data, an experiment and a study that train in a second, whatever params.yaml holds at the moment."""
    params |= {"dataset": "tiny.csv", "split_seed": 0, "drop_duplicates": False, "stop_words": "source", "min_freq": 2}
    params |= {"max_length": 16, "margin": 0.01}
    base = {"cell": "lstm", "optimizer": "adam", "embedding_dim": 1, "hidden_dim": 4, "n_layers": 1, "dropout": 0.0}
    base |= {"bidirectional": False, "warmup_steps": 0, "clip_norm": None, "batch_size": 64, "n_epochs": 2}
    base |= {"init": "source", "keep_epoch": "best", "seeds": [0]}
    params |= base | {"hidden_dim": 6, "lr": None, "momentum": None, "eps": None}
    params["plots"]["dpi"] = 50
    study = params["study"]
    study["base"] = base
    study["grids"] = {"cell": ["lstm"], "optimizer": ["adam"], "n_layers": [2], "hidden_dim": [], "embedding_dim": []}
    study["compound"] = {"hidden_dim": 5, "n_layers": 2, "embedding_dim": 2}


def copy(source: Path, target: Path, ignore: Any = None) -> None:
    """Copy a file or a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=ignore)
    else:
        shutil.copy(source, target)


def clone(folder: Path) -> Scratch:
    """The project's own files as they are now, less its results, on the shrunk configuration, committed.

    Parameters and stages are those of the last commit.
    """
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "pretrained")
    for name in PARTS:
        copy(PROJECT / name, folder / name, ignore)
    for path in (PROJECT / "extensions").glob("*.py"):
        copy(path, folder / "extensions" / path.name)
    for name in COMMITTED:
        copy(committed(name), folder / name)
    for name in (".gitignore", "plots"):
        copy(PROJECT / ".dvc" / name, folder / ".dvc" / name)
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    for name in DATA:
        copy(PROJECT / "data" / name, folder / "data" / name)
    generate(300, seed=1).to_csv(folder / "data" / "tiny.csv", index=False)
    scratch = Scratch(folder)
    scratch.edit(shrink)
    scratch.run("git", "init", "-q")
    scratch.run("git", "config", "user.name", "test")
    scratch.run("git", "config", "user.email", "test@localhost")
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "start")
    return scratch


@pytest.fixture(scope="session", autouse=True)
def _without_pretrained() -> Iterator[None]:
    """The tests ask the models that they made themselves, and not the one that comes with the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "PRETRAINED", Path("no such folder"))
        yield


def fit_baseline(folder: Path) -> None:
    """Fit an NB-SVM to the training reviews of a clone."""
    train, valid = (pd.read_csv(folder / f"data/split/{part}.csv") for part in ("train", "valid"))
    model = fit("nbsvm", train, valid, {"C": [1.0], "beta": [0.5, 1.0]})
    accuracy = max(trial["valid_accuracy"] for trial in model.trials)
    metadata = {"variant": "nbsvm", "validation_reviews": texts_hash(valid["review"]), "valid_accuracy": accuracy}
    model.largest_weights(10_000).save(folder / "data/extensions/models/nbsvm/0", **metadata)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """A clone where the study has run to its end, with a baseline among the models of the extensions.

    There is one for all of pytest's processes: take a copy() to change it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cl\u00f6ne with a blank"
    with folder.with_name("finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.with_name("finished").exists():
            clone(folder).run("dvc", "repro")
            fit_baseline(folder)
            folder.with_name("finished").touch()
    return Scratch(folder)


@pytest.fixture
def scratch(finished: Scratch, tmp_path: Path) -> Scratch:
    """A copy of the finished clone, to change."""
    return finished.copy(tmp_path / "a copy")
