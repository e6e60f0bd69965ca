"""Trainings that were done before, found through dvc.lock in DVC's cache."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml

LOCKS = ("dvc.lock", "extensions/dvc.lock")
Files = dict[str, tuple[Path, str]]  # by name: where a file is in the cache, and the MD5 of its content


def stored_trainings() -> dict[str, Files]:
    """The files of every trained model in DVC's cache that dvc.lock names, by the hash of its training.

    DVC's cache is there after `dvc pull` and in the folders of `dvc queue` too, where other ignored files are not.
    """
    with Repo() as repo:
        cache = Path(repo.cache.local.path)
    found: dict[str, Files] = {}
    for folder in _model_folders():
        for files in _by_folder(cache, folder).values():
            with suppress(OSError, ValueError, KeyError, TypeError):  # not in the cache, damaged, or no model
                found[json.loads(files["model.json"][0].read_bytes())["training"]] = files
    return found


def copy_whole(files: Files, folder: Path) -> bool:
    """Copy the files of a training into a folder; whether each of them was what its MD5 says."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (path, md5) in files.items():
        content = path.read_bytes() if path.exists() else b""
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            return False
        (folder / name).write_bytes(content)
    return True


def _model_folders() -> Iterator[str]:
    """The MD5 of every folder below models/ that dvc.lock names."""
    for lock in filter(Path.exists, map(Path, LOCKS)):
        stages: dict[str, Any] = {}
        with suppress(DvcException, AttributeError):  # a damaged one costs what it would have saved
            stages = load_yaml(lock).get("stages", {})
        for out in (out for stage in stages.values() for out in stage.get("outs", [])):
            if "/models/" in out["path"]:
                yield out["md5"]


def _by_folder(cache: Path, md5: str) -> dict[str, Files]:
    """The files of a folder in the cache, by the folders below it: those of a seed each."""
    folders: dict[str, Files] = {}
    for path, found in listing(cache, md5).items():
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, {})[name] = (in_cache(cache, found), found)
    return folders


def listing(cache: Path, md5: str) -> dict[str, str]:
    """The MD5s of the files of a folder in DVC's cache, by their names; none if it is damaged or not there."""
    try:
        return {file["relpath"]: file["md5"] for file in json.loads(in_cache(cache, md5).read_bytes())}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def in_cache(cache: Path, md5: str) -> Path:
    """Where DVC's cache has what has that MD5."""
    return cache / md5[:2] / md5[2:]
