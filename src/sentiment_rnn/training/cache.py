"""Trainings that were done before: in DVC's cache, and finished ones that it does not have yet."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from sentiment_rnn.files import writing
from sentiment_rnn.model_json import ModelFolderError, read_verified

CHECKPOINTS = Path("data/checkpoints")  # of running trainings, and of those that DVC's cache does not have yet
CachedTraining = dict[str, tuple[Path, str]]  # by file name: the file in DVC's cache, and the MD5 of its content


def cached_trainings() -> dict[str, CachedTraining]:
    """The files of all trained models in DVC's cache, by the fingerprint of their training.

    DVC shares its cache with the folders where it runs queued experiments, and fills it by `dvc pull`.
    """
    from dvc.repo import Repo  # noqa: PLC0415  # takes a second, and the workers do not need it
    from dvc_data.hashfile.hash_info import HashInfo  # noqa: PLC0415
    from dvc_data.hashfile.tree import Tree  # noqa: PLC0415

    trainings: dict[str, CachedTraining] = {}
    with Repo() as repo:
        cache = repo.cache.local
        for oid in cache.all():
            if not oid.endswith(".dir"):
                continue
            folders: dict[tuple[str, ...], CachedTraining] = {}
            with suppress(Exception):  # a damaged listing is skipped: its trainings run again
                for key, _, file in Tree.load(cache, HashInfo("md5", oid)):
                    cached = (Path(cache.oid_to_path(file.value)), file.value)
                    folders.setdefault(key[:-1], {})[key[-1]] = cached
            for files in folders.values():
                with suppress(OSError, ValueError, KeyError, TypeError):  # not in the cache, damaged, or not a model
                    trainings[json.loads(files["model.json"][0].read_bytes())["fingerprint"]] = files
    return trainings


def copy_verified(training: CachedTraining, folder: Path) -> bool:
    """Copy the files of a training into a folder; False if one is missing or damaged."""
    for name, (path, md5) in training.items():
        content = path.read_bytes() if path.exists() else b""
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            return False
        with writing(folder / name):
            (folder / name).write_bytes(content)
    return True


def finished_fingerprint(folder: Path) -> str | None:
    """The fingerprint of the finished training in a folder; None if there is none, or a damaged one."""
    try:
        return str(read_verified(folder)["fingerprint"])
    except (ModelFolderError, KeyError):
        return None
