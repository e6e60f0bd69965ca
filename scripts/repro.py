"""`dvc repro`, after repairs that DVC does not make itself: `make repro`.

Damaged files of DVC's cache are replaced or removed, and so is what a kill may have left in its way.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.cli import main as dvc
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import SCMError

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.study.params import load_params


def main() -> None:
    report_settings(load_params())  # a mistake there is told before anything runs
    repair()
    sys.exit(dvc(["repro", *sys.argv[1:]]))


@contextmanager
def project() -> Iterator[Repo]:
    """The working directory as DVC's project."""
    try:
        with Repo() as repo:
            yield repo
    except (DvcException, SCMError) as error:
        hint = "\ngit checkout HEAD dvc.lock restores the committed one; DVC's cache has what was finished since"
        raise PipelineError(f"{error}{hint if 'dvc.lock' in str(error) else ''}") from error


def repair() -> None:
    """Replace damaged files of DVC's cache by good copies; without one, DVC makes them again.

    A kill may leave half of DVC's file of who reads and writes what. It is removed: with it every command of DVC fails.
    """
    rwlock = Path(".dvc/tmp/rwlock")
    try:
        json.loads(rwlock.read_text() if rwlock.exists() else "{}")
    except ValueError:
        rwlock.unlink()
    outputs = touch_outputs()
    damaged = damaged_files()
    copies = {md5(path): path for path in outputs} if damaged else {}
    for path, expected in damaged.items():
        path.unlink()
        if copy := copies.get(expected):
            shutil.copyfile(copy, path)
            path.chmod(0o444)  # as DVC leaves its files
        print(f"{path}: damaged, and " + (f"replaced by {copy}" if copy else "removed"))


def damaged_files() -> dict[Path, str]:
    """The files of DVC's cache whose content is not what their names say, each with the MD5 that it should have."""
    with project() as repo:
        cache = Path(repo.cache.local.path)
    expected = {path: path.parent.name + path.name.removesuffix(".dir") for path in cache.glob("??/*")}
    return {path: name for path, name in expected.items() if md5(path) != name}


def touch_outputs() -> list[Path]:
    """Have DVC hash the outputs again, which it does when their time has changed; the files of these outputs."""
    with project() as repo:
        outs = [Path(out.def_path) for out in repo.index.outs]
    files = [path for out in outs for path in (out, *out.rglob("*")) if path.is_file()]
    for path in files:
        os.utime(path)
    return files


def md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


if __name__ == "__main__":
    exit_on_error(main)
