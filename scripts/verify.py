"""Is the repository whole? `make verify` asks this, and then whether the README's commands work and its links lead on.

dvc.lock must be that of the code and parameters that stand here; stored files must be what their hashes say; and
metrics/, plots/ and report/, made again from results/ in a folder of their own, must be the same bytes.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from repro_plan import check_nothing_is_left, read_lock
from safeguards import alone, find_damaged, project

from sentiment_rnn.errors import PipelineError, exit_on_error

MADE_AGAIN = ("metrics", "plots", "report")


def main() -> None:
    with alone():
        check_stored_files()
        check_nothing_is_left("--allow-missing")
        print("dvc.lock: current")
        check_report()


def check_stored_files() -> None:
    """All that is here of what dvc.lock names, in DVC's cache and in git.

    Raises:
        PipelineError: a file has other content than its hash says.
    """
    damaged = find_damaged(read_lock())
    if paths := [*damaged.in_cache, *damaged.in_project]:
        raise PipelineError("\n".join(f"{path}: damaged; make repro makes it again" for path in paths))
    with project() as repo:
        in_git = [out for out in repo.index.outs if not out.use_cache]
        for path in [path for out in in_git for path in (Path(out.def_path), *Path(out.def_path).rglob("*"))]:
            if path.is_file():
                os.utime(path)  # DVC hashes a file again when its time has changed
        if changed := [f"{out.def_path}: changed since it was made" for out in in_git if out.status()]:
            raise PipelineError(
                "\n".join(changed) + "\ngit checkout brings the committed ones back, make repro makes them"
            )
    print("stored files: none is damaged")


def check_report() -> None:
    """Run the report's command in a folder where its outputs are not, and compare.

    Raises:
        PipelineError: a file differs, or is there alone.
    """
    with project() as repo:
        (stage,) = repo.stage.collect("report")
        command = shlex.split(stage.cmd)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in here.iterdir():
            if path.name not in (*MADE_AGAIN, ".git", ".dvc"):
                (folder / path.name).symlink_to(path)
        own = {"PYTHONPATH": str(here / "src")}
        if subprocess.run([sys.executable, *command[1:]], check=False, cwd=folder, env=os.environ | own).returncode:
            raise PipelineError("the report cannot be made again; the reason stands above")
        for part in MADE_AGAIN:
            made, kept = files_in(folder / part), files_in(here / part)
            differing = sorted(path for path in made.keys() | kept.keys() if made.get(path) != kept.get(path))
            if differing:
                raise PipelineError(f"made again, these differ in {part}/: {', '.join(map(str, differing))}")
    print(f"{', '.join(MADE_AGAIN)}: made again from results/ to the same bytes")


def files_in(folder: Path) -> dict[Path, bytes]:
    """The content of all files there by their names."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    exit_on_error(main)
