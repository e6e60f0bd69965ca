"""Clones of all kinds: what works in them, and what `make` says of those in which DVC does not."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import PROJECT, Scratch

OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # which `make -j test` hands on


def git(*arguments: object, folder: Path = PROJECT) -> str:
    command = ["git", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def check_git(folder: Path, **environment: str) -> str:
    """What `make check-git` says."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_MAKE} | environment
    command = ["make", "check-git"]
    return subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True).stderr


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two commits."""
    folder = tmp_path_factory.mktemp("origin")
    git("init", "-q", folder)
    git("config", "uploadpack.allowFilter", "true", folder=folder)
    for number in (1, 2):
        (folder / "Makefile").write_text((PROJECT / "Makefile").read_text() + f"# {number}\n")
        git("add", "-A", folder=folder)
        git("-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "-qm", "start", folder=folder)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], ""),
        (["--depth", "1"], "note: in a shallow clone, DVC loses queued experiments; git fetch --unshallow"),
        (["--filter=blob:none"], "note: in a partial clone, dvc metrics diff fails"),
    ],
)
def test_clone_that_lacks_something_is_told(options: list[str], message: str, origin: Path, tmp_path: Path):
    git("clone", "-q", *options, f"file://{origin}", tmp_path / "clone")
    said = check_git(tmp_path / "clone")
    assert message in said
    assert bool(said) == bool(message)


def test_git_itself_says_why_it_does_not_work(origin: Path, tmp_path: Path):
    git("clone", "-q", origin, tmp_path / "clone")
    said = check_git(tmp_path / "clone", GIT_TEST_ASSUME_DIFFERENT_OWNER="1", HOME=str(tmp_path))
    assert "safe.directory" in said
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/Makefile").write_bytes((origin / "Makefile").read_bytes())
    assert "git init" in check_git(tmp_path / "folder", GIT_CEILING_DIRECTORIES=str(tmp_path))


def test_git_changes_no_line_ends(tmp_path: Path):
    """What is hashed has the same bytes on Windows, where git is often set to change them."""
    git("clone", "-q", "-c", "core.autocrlf=true", PROJECT, tmp_path / "clone")
    for name in ("params.yaml", "dvc.lock", "src/sentiment_rnn/training/loop.py", "data/published.yaml"):
        assert (tmp_path / "clone" / name).read_bytes() == git("show", f"HEAD:{name}").encode()


def test_worktree_and_home_that_cannot_be_written(scratch: Scratch, tmp_path: Path):
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    scratch.run("git", "worktree", "add", "-q", str(tmp_path / "worktree"))
    worktree = Scratch(tmp_path / "worktree")
    worktree.environment = worktree.environment | {
        "HOME": "/proc",
        "XDG_CONFIG_HOME": "/proc",
        "XDG_CACHE_HOME": "/proc",
    }
    assert "Data and pipelines are up to date" in worktree.run("dvc", "repro", "--allow-missing")
    assert "the report" in worktree.run("python", "-m", "stages.report")
    assert worktree.run("git", "status", "--porcelain") == ""
