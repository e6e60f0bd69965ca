"""What DVC leaves to its users: one run at a time, and stored files that are what their hashes say."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.repo import Repo


@contextmanager
def alone() -> Iterator[int]:
    """Wait until no other run works in this folder, and keep others waiting.

    Yields:
        The file descriptor of a lock. A process that inherits it keeps others waiting as long as it lives, which may be
        longer than a run that is killed.
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


def find_damaged(stages: dict[str, Any]) -> tuple[list[Path], list[Path]]:
    """Hash the files that stages left, in DVC's cache and in the project: DVC itself believes what it once wrote.

    Args:
        stages: dvc.lock's entries.

    Returns:
        The files of the cache that are not what their names say, and those of the project that are not what dvc.lock
        says.
    """
    with Repo() as repo:
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
    return _others(stored), _others(placed)


def mend(stages: dict[str, Any]) -> None:
    """Make what is damaged run again: take it out of DVC's cache, and make DVC look at what is in the project.

    Args:
        stages: dvc.lock's entries.
    """
    rwlock = Path(".dvc/tmp/rwlock")  # who reads and writes what; a kill may leave half of it, which stops DVC
    try:
        json.loads(rwlock.read_text() if rwlock.exists() else "{}")
    except ValueError:
        rwlock.unlink()
    in_cache, in_project = find_damaged(stages)
    for path in in_cache:
        print(f"{path}: damaged, and removed")
        path.unlink()
    for path in in_project:
        os.utime(path)  # DVC hashes a file again when its time has changed


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
