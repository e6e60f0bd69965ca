"""What DVC leaves to its users: one run at a time, and stored files that are what their hashes say."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cluster_worker import drop_half_rwlock
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import SCMError

from sentiment_rnn.errors import PipelineError


@contextmanager
def project() -> Iterator[Repo]:
    """The working directory as DVC's project.

    Raises:
        PipelineError: DVC finds a mistake, in dvc.yaml say.
    """
    try:
        with Repo() as repo:
            yield repo
    except (DvcException, SCMError) as error:
        raise PipelineError(str(error)) from error


@contextmanager
def alone() -> Iterator[int]:
    """Wait until no other run works in this folder, and keep others waiting.

    Yields:
        The file descriptor of a lock. DVC's processes inherit it (not the commands that they start), and keep others
        waiting as long as they live: they may outlive a run that is killed.
    """
    folder = Path(".dvc/tmp")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another run works here, or what one that was killed has left: waiting for its end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


class Damaged(NamedTuple):
    """Files that are not what their hashes say.

    Attributes:
        in_cache: of DVC's cache, each with a whole copy in the project where there is one.
        in_project: outputs that are not what dvc.lock says.
    """

    in_cache: dict[Path, Path | None]
    in_project: list[Path]


def find_damaged(stages: dict[str, Any]) -> Damaged:
    """Hash the files that stages left, in DVC's cache and in the project: DVC itself believes what it once wrote.

    Args:
        stages: dvc.lock's entries.

    Raises:
        PipelineError: DVC finds a mistake.
    """
    with project() as repo:
        cache = Path(repo.cache.local.path)
        cached_outs = {out.def_path for out in repo.index.outs if out.use_cache}
    stored: dict[Path, str] = {}
    placed: dict[Path, str] = {}
    for out in [out for entry in stages.values() for out in entry.get("outs", []) if out["path"] in cached_outs]:
        listing = _in_cache(cache, out["md5"])
        stored[listing] = out["md5"].removesuffix(".dir")
        is_folder = out["md5"].endswith(".dir")
        for name, md5 in (_listed(listing) if is_folder else {".": out["md5"]}).items():
            stored[_in_cache(cache, md5)] = md5
            placed[Path(out["path"], name)] = md5
    in_project = _others(placed)
    whole = {md5: path for path, md5 in placed.items() if path.is_file() and path not in in_project}
    return Damaged({path: whole.get(stored[path]) for path in _others(stored)}, in_project)


def mend(stages: dict[str, Any]) -> None:
    """Put whole copies in the place of damaged files of DVC's cache; where there are none, have them made again.

    What a kill may have left in DVC's way goes as well.

    Args:
        stages: dvc.lock's entries.

    Raises:
        PipelineError: DVC finds a mistake.
    """
    drop_half_rwlock()
    damaged = find_damaged(stages)
    for path, copy in damaged.in_cache.items():
        path.unlink()
        if copy:
            shutil.copyfile(copy, path)
            path.chmod(0o444)  # as DVC leaves its files
        print(f"{path}: damaged, and " + (f"replaced by {copy}" if copy else "removed"))
    for path in damaged.in_project:
        os.utime(path)  # DVC hashes a file again when its time has changed, and runs the stage that made it


def _in_cache(cache: Path, md5: str) -> Path:
    return cache / md5[:2] / md5[2:]


def _listed(listing: Path) -> dict[str, str]:
    """The hashes of a folder's files by their names; none if it is damaged or not there."""
    try:
        return {file["relpath"]: file["md5"] for file in json.loads(listing.read_bytes())}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _others(files: dict[Path, str]) -> list[Path]:
    """Those that are there with other content than what has that hash."""
    others = []
    for path, md5 in files.items():
        if path.is_file():
            with path.open("rb") as file:
                if hashlib.file_digest(file, "md5").hexdigest() != md5:
                    others.append(path)
    return others
