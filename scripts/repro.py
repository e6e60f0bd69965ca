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
from typing import Any

import networkx as nx
from dvc.cli import main as dvc
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import SCMError
from dvc.stage import Stage
from dvc.utils.serialize import load_yaml

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.study.params import load_params

LOCKS = (Path("dvc.lock"), Path("extensions/dvc.lock"))


def main() -> None:
    report_settings(load_params())  # a mistake there is told before anything runs
    repair()
    with project() as repo:
        stages = stages_of(repo)
        print(f"{len(to_run(repo, stages))} of {len(stages)} stages to run, at most", flush=True)
    sys.exit(dvc(["repro", *sys.argv[1:]]))


@contextmanager
def project() -> Iterator[Repo]:
    """The working directory as DVC's project."""
    try:
        with Repo() as repo:
            yield repo
    except (DvcException, SCMError) as error:
        raise PipelineError(str(error)) from error


def stages_of(repo: Repo) -> list[Stage]:
    """The stages of the study in an order in which they can run."""
    graph = repo.index.graph  # its edges point at dependencies
    return [stage for stage in nx.dfs_postorder_nodes(graph) if Path(stage.path).parent == Path(repo.root_dir)]


def to_run(repo: Repo, stages: list[Stage]) -> list[Stage]:
    """Those that are not up to date, and those that depend on them."""
    names = repo.status()
    changed = {stage for stage in repo.index.graph if stage.addressing in names}
    todo = changed.union(*(nx.ancestors(repo.index.graph, stage) for stage in changed))
    return [stage for stage in stages if stage in todo]


def repair() -> None:
    """Replace damaged files of DVC's cache by good copies; where there are none, have them made again.

    A kill may leave half of DVC's file of who reads and writes what. It is removed: with it every command of DVC fails.
    """
    rwlock = Path(".dvc/tmp/rwlock")
    try:
        json.loads(rwlock.read_text() if rwlock.exists() else "{}")
    except ValueError:
        rwlock.unlink()
    damaged, in_project = find_damaged()
    for path, copy in damaged.items():
        path.unlink()
        if copy:
            shutil.copyfile(copy, path)
            path.chmod(0o444)  # as DVC leaves its files
        print(f"{path}: damaged, and " + (f"replaced by {copy}" if copy else "removed"))
    for path in in_project:
        os.utime(path)  # DVC hashes a file again when its time has changed, and runs the stage that made it


def find_damaged() -> tuple[dict[Path, Path | None], list[Path]]:
    """Hash the files that stages left: DVC itself trusts what it once wrote.

    Returns:
        The damaged files of DVC's cache, each with a good copy in the project where there is one; and the outputs in
        the project that are not what dvc.lock says.
    """
    outs = [out for entry in read_locks().values() for out in entry.get("outs", [])]  # DVC says less of a damaged one
    with project() as repo:
        cache = Path(repo.cache.local.path)
        cached = {out.def_path for out in repo.index.outs if out.use_cache}
    stored: dict[Path, str] = {}
    placed: dict[Path, str] = {}
    for out in (out for out in outs if out["path"] in cached):
        md5 = out["md5"].removesuffix(".dir")
        stored[in_cache(cache, out["md5"])] = md5
        for name, of_file in (listing(cache, out["md5"]) if out["md5"] != md5 else {".": md5}).items():
            stored[in_cache(cache, of_file)] = of_file
            placed[Path(out["path"], name)] = of_file
    in_project = _changed(placed)
    good = {md5: path for path, md5 in placed.items() if path.is_file() and path not in in_project}
    return {path: good.get(stored[path]) for path in _changed(stored)}, in_project


def listing(cache: Path, md5: str) -> dict[str, str]:
    """The MD5s of the files of a folder in DVC's cache, by name; none if it is damaged or not there."""
    try:
        return {file["relpath"]: file["md5"] for file in json.loads(in_cache(cache, md5).read_bytes())}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def in_cache(cache: Path, md5: str) -> Path:
    """The path in DVC's cache of the content with that MD5."""
    return cache / md5[:2] / md5[2:]


def read_locks() -> dict[tuple[Path, str], Any]:
    """The entries of both lock files, by file and stage."""
    entries: dict[tuple[Path, str], Any] = {}
    for lock in filter(Path.exists, LOCKS):
        try:
            stages = (load_yaml(lock) or {}).get("stages", {})
            hashes = [out["md5"] for entry in stages.values() for out in entry.get("outs", [])]
            if not all(isinstance(md5, str) and len(md5) >= 32 for md5 in hashes):  # hexadecimal digits
                raise ValueError("an output has no hash")
        except (DvcException, AttributeError, KeyError, TypeError, ValueError) as error:
            raise PipelineError(
                f"{lock} cannot be read: {error}\n"
                f"git checkout {lock} brings the committed one back; what was finished since comes from DVC's cache"
            ) from error
        entries |= {(lock, name): entry for name, entry in stages.items()}
    return entries


def _changed(files: dict[Path, str]) -> list[Path]:
    """The files whose content does not have their MD5."""
    return [path for path, md5 in files.items() if path.is_file() and hashlib.md5(path.read_bytes()).hexdigest() != md5]


if __name__ == "__main__":
    exit_on_error(main)
