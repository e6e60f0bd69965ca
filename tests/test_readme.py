"""The commands of the README and of docs/, run as they are there, one after the other, in a shrunk clone."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import PROJECT, Scratch

# cluster.md wants a scheduler
PAGES = [PROJECT / "README.md", *sorted(page for page in (PROJECT / "docs").glob("*.md") if page.stem != "cluster")]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# these take the time that the README says, or the IMDB reviews, and are run by hand; make test is what runs here
TOO_LONG = {
    "make demo",
    "make test",
    "source .venv/bin/activate",
    "cd demo",
    "dvc repro --allow-missing extensions/dvc.yaml",
}


def commands() -> list[str]:
    """All of them, in order, without their comments."""
    lines = [line for block in CONSOLE.findall(TEXT) for line in block.splitlines()]
    return [re.sub(r"\s+# .*", "", line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]


@pytest.fixture(scope="module")
def demonstrated(finished: Scratch, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """A clone as `make demo` leaves one, with comments to learn from, and an environment."""
    scratch = finished.copy(tmp_path_factory.mktemp("readme") / "clone")
    shutil.copy(scratch.folder / "data/tiny.csv", scratch.folder / "data/comments.csv")
    (scratch.folder / ".venv").mkdir()
    (scratch.folder / ".venv/installed").touch()
    shutil.copy(PROJECT / "Makefile", scratch.folder)
    scratch.run("git", "add", "--all")
    scratch.run("git", "commit", "-qm", "demo")
    return scratch


def test_there_are_commands():
    assert {"dvc repro", "dvc exp run -S hidden_dim=150", "dvc plots show", *TOO_LONG} <= set(commands())


@pytest.mark.long
def test_commands_run_as_they_stand_there(demonstrated: Scratch):
    for command in commands():
        if command not in TOO_LONG:
            demonstrated.run("bash", "-c", command)


@pytest.mark.long
def test_python_runs_as_it_stands_there(demonstrated: Scratch, tmp_path: Path):
    (tmp_path / "block.py").write_text("\n".join(PYTHON.findall(TEXT)))
    demonstrated.run("python", str(tmp_path / "block.py"))
