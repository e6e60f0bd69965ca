"""Copy what the report reads, small enough for git, out of folders that are not: a fresh clone can make the report."""

import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.params import Params, load_params
from sentiment_rnn.results.rows import run_folders, study_rows, trial_folders

KEPT = {".json", ".csv"}  # all that a run leaves but weights and vocabulary


def main() -> None:
    arguments = parse_arguments()
    paths = [arguments.data / name for name in arguments.names]
    for folder in folders_of_runs(load_params()):
        paths += sorted(path for path in (arguments.data / folder).iterdir() if path.suffix in KEPT)
    contents = {arguments.out / path.relative_to(arguments.data): path.read_bytes() for path in paths}
    # all that could fail is behind us: now replace what an earlier run left
    shutil.rmtree(arguments.out, ignore_errors=True)
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{arguments.out}: {len(contents)} files")


def folders_of_runs(params: Params) -> list[str]:
    """Of those that params.yaml names: others may be there, of other parameters."""
    runs = [run for runs in run_folders(params, study_rows(params)).values() for run in runs]
    trials = [f"models/{folder}" for folder in trial_folders(params).values()]
    return [f"{kind}/{run}" for kind in ("models", "evaluations") for run in runs] + trials


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="folder with models/, evaluations/ and the files")
    parser.add_argument("names", nargs="+", help="files there to copy as well")
    parser.add_argument("--out", required=True, type=Path, help="folder to write, with the same names")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
