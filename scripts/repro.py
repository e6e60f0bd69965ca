"""DVC, with what it does not do itself: `python scripts/repro.py repro`, or `make repro`, is `dvc repro` and more.

Before it begins, what a kill may have left in its way is removed, and damaged files of its cache are replaced or
dropped. Then each stage is announced with its number.
"""

import hashlib
import json
import logging
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
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue
from sentiment_rnn.training.stored import in_cache, listing

LOCKS = (Path("dvc.lock"), Path("extensions/dvc.lock"))


def main() -> None:
    arguments = sys.argv[1:]
    study_catalogue(load_params())  # a mistake there is told before anything runs
    mend()
    if arguments[0] == "repro":
        with project() as repo:
            stages = stages_of(repo, both="-P" in arguments)
            print(f"{len(to_run(repo, stages))} of {len(stages)} stages to run, at most", flush=True)
    announce_stages(both="-P" in arguments)
    sys.exit(dvc(arguments))


@contextmanager
def project() -> Iterator[Repo]:
    """The working directory as DVC's project."""
    try:
        with Repo() as repo:
            yield repo
    except (DvcException, SCMError) as error:
        raise PipelineError(str(error)) from error


def stages_of(repo: Repo, *, both: bool) -> list[Stage]:
    """The stages of the study, or of both pipelines, in an order in which they can run."""
    graph = repo.index.graph  # its edges point at dependencies
    return [stage for stage in nx.dfs_postorder_nodes(graph) if both or Path(stage.path).parent == Path(repo.root_dir)]


def to_run(repo: Repo, stages: list[Stage]) -> list[Stage]:
    """Those that are not up to date, and those that depend on them."""
    names = repo.status()
    changed = {stage for stage in repo.index.graph if stage.addressing in names}
    todo = changed.union(*(nx.ancestors(repo.index.graph, stage) for stage in changed))
    return [stage for stage in stages if stage in todo]


def announce_stages(*, both: bool) -> None:
    """Have DVC say of each stage which of how many it is."""
    reached: list[str] = []
    total: list[int] = []  # is counted at the first stage: `dvc exp run -S` may change how many there are

    def number(record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(("Running stage", "Stage '%s' didn't change")):
            if not total:
                with project() as repo:
                    total.append(len(stages_of(repo, both=both)))
            reached.append(str(record.args))
            record.msg = f"[{len(reached)}/{total[0]}] {record.msg}"
        return True

    for name in ("dvc.stage", "dvc.stage.run"):
        logging.getLogger(name).addFilter(number)


def mend() -> None:
    """Put whole copies in the place of damaged files of DVC's cache; where there are none, have them made again.

    What a kill may have left in DVC's way goes as well: half of its file of who reads and writes what, with which every
    command of DVC fails.
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
    """Hash the files that stages left: DVC itself believes what it once wrote.

    Returns:
        The damaged files of DVC's cache, each with a whole copy in the project where there is one; and the outputs in
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
        for name, found in (listing(cache, out["md5"]) if out["md5"] != md5 else {".": md5}).items():
            stored[in_cache(cache, found)] = found
            placed[Path(out["path"], name)] = found
    in_project = _others(placed)
    whole = {md5: path for path, md5 in placed.items() if path.is_file() and path not in in_project}
    return {path: whole.get(stored[path]) for path in _others(stored)}, in_project


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


def _others(files: dict[Path, str]) -> list[Path]:
    """Those that are there with other content than what has that hash."""
    return [path for path, md5 in files.items() if path.is_file() and hashlib.md5(path.read_bytes()).hexdigest() != md5]


if __name__ == "__main__":
    exit_on_error(main)
