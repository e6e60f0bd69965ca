"""What several tests share: a small corpus, and scratch clones of the project on a shrunk configuration."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from generate import generate
from hypothesis import settings
from ruamel.yaml import YAML

from sentiment_rnn.models import store
from sentiment_rnn.running.side_by_side import Reporter

# the tests try the same inputs each time, `make fuzz` others
settings.register_profile("some", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("thousands", max_examples=10_000, deadline=None)
settings.load_profile("some")

torch.set_num_threads(1)  # as the stages do; several test processes with several threads each stand in each other's way

yaml = YAML(typ="safe", pure=True)

SILENT = Reporter(lambda _: None)

PROJECT = Path(__file__).parents[1]
PARTS = (
    "params.yaml",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    "pyproject.toml",
    "src",
    "stages",
    "scripts",
    "extensions",
)
MEASURED = "benchmarks/trainings.json"
USED_MOST = [f"extensions/dvc.yaml:evaluate_{name}" for name in ("champion", "baselines")]
DATA = (".gitignore", "claims.yaml", "imdb", "sample", "published.yaml")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests have recorded: how many faults of which kind they tried."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name} {value}")


class Scratch:
    """A clone of the project in a folder of its own, whose stages run its own copy of the code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        python_path = {"PYTHONPATH": str(folder / "src"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self.environment = os.environ | python_path

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
        for line in process.stdout:
            if until in line:
                return process
        raise AssertionError(f"{command} ended without {until!r}")

    def repro(self, *arguments: str) -> list[str]:
        """`dvc repro`; the stages that ran."""
        return stages_run(self.run("dvc", "repro", *arguments))

    def results(self) -> dict[Path, Any]:
        """dvc.lock and all else that the study leaves for git, by their names."""
        folders = [self.folder / name for name in ("results", "metrics", "plots", "report")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder): path.read_bytes() for path in files} | {Path("dvc.lock"): self.lock()}

    def lock(self) -> Any:
        """The entries of dvc.lock by stage: their order tells which ended first, which may differ."""
        return yaml.load(self.folder / "dvc.lock")["stages"]

    def edit(self, change: Callable[[Any], None], file: str = "params.yaml") -> None:
        """Change params.yaml, or another file of parameters."""
        content = yaml.load(self.folder / file)
        change(content)
        yaml.dump(content, self.folder / file)

    def copy(self, folder: Path) -> "Scratch":
        """The same once more, with its cache and its results."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Scratch(folder)


def stages_run(output: str) -> list[str]:
    """The names of the stages whose commands DVC ran."""
    return [line.split("'")[1] for line in output.splitlines() if "Running stage '" in line]


def shrink(params: Any) -> None:
    """A protocol, an experiment and a study that train in a second, whatever params.yaml holds at the moment."""
    params |= {"dataset": "tiny.csv", "split_seed": 0, "drop_duplicates": False, "stop_words": "drop", "min_freq": 2}
    params |= {"max_length": 16, "batch_size": 64, "n_epochs": 2, "init": "study", "keep_epoch": "best", "seeds": [0]}
    params |= {"cell": "lstm", "optimizer": "adam", "lr": 0.001, "embedding_dim": 1, "hidden_dim": 6, "n_layers": 1}
    params["plots"]["dpi"] = 50
    study = params["study"]
    study["base"] |= {"cell": "lstm", "optimizer": "adam", "embedding_dim": 1, "hidden_dim": 4, "n_layers": 1}
    study["grids"] = {"cell": ["lstm"], "optimizer": ["adam"], "n_layers": [2], "hidden_dim": [], "embedding_dim": []}
    study["compound"] = {"hidden_dim": 5, "n_layers": 2, "embedding_dim": 2}


def shrink_extensions(params: Any) -> None:
    """The same for what goes beyond the study."""
    extensions = params["extensions"]
    extensions |= {"seeds": [0], "splits": [], "split_seeds": [7], "attention": {"hidden_dim": 4, "embedding_dim": 3}}
    extensions["protocol"] = {"init": ["pytorch"], "keep_epoch": ["last"], "stop_words": ["literal"]}
    rates = {"second": {"adam": 0.1, "momentum": 0.1}}
    extensions["tuning"] = {"seeds": [0], "trials": ["second"], "learning_rates": rates}
    extensions["champion"] |= {"stop_words": "keep", "max_length": 20, "batch_size": 64, "n_epochs": 2, "hidden_dim": 4}
    extensions["champion"] |= {"embedding_dim": 3, "embedding": "cooccurrence", "head": "mean_max", "ngrams": 3}
    extensions["champion_trials"] = {"names": ["flat"], "changes": {"flat": {"head": "flatten"}}}
    extensions["baselines"] = {"tfidf": {"C": [1.0, 10.0]}, "nbsvm": {"C": [1.0], "beta": [0.5, 1.0]}}


def clone(folder: Path) -> Scratch:
    """The project's own files as they are now, less its results, on the shrunk configuration, committed."""
    folder.mkdir()
    made = ("dvc.lock", "results", "report", "metrics.json", "packed.json")  # by the extensions
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "pretrained")
    for name in PARTS:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
            for output in made if name == "extensions" else ():
                path = folder / name / output
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        else:
            shutil.copy(source, folder / name)
    for name in ("config", ".gitignore", "plots"):
        source = PROJECT / ".dvc" / name
        (folder / ".dvc").mkdir(exist_ok=True)
        shutil.copytree(source, folder / ".dvc" / name) if source.is_dir() else shutil.copy(source, folder / ".dvc")
    for name in DATA:
        source = PROJECT / "data" / name
        (folder / "data").mkdir(exist_ok=True)
        shutil.copytree(source, folder / "data" / name) if source.is_dir() else shutil.copy(source, folder / "data")
    (folder / "benchmarks").mkdir()
    shutil.copy(PROJECT / MEASURED, folder / MEASURED)
    generate(300, seed=1).to_csv(folder / "data" / "tiny.csv", index=False)
    scratch = Scratch(folder)
    scratch.edit(shrink)
    scratch.edit(shrink_extensions, "extensions/params.yaml")
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
        patch.setattr(store, "PRETRAINED", Path("no such folder"))
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """A clone where the study has run to its end, and of the extensions the models that are used most.

    There is one for all of pytest's processes: take a copy() to change it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "clone with a blank"
    with folder.with_name("finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.with_name("finished").exists():
            clone(folder).run("dvc", "repro", "dvc.yaml", *USED_MOST)
            folder.with_name("finished").touch()
    return Scratch(folder)


@pytest.fixture
def scratch(finished: Scratch, tmp_path: Path) -> Scratch:
    """A copy of the finished clone, to change."""
    return finished.copy(tmp_path / "a copy")
