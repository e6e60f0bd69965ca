"""Copy what the report reads, small enough for git, out of folders that are not: a fresh clone can make the report."""

import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sentiment_rnn.errors import exit_on_error

# of a model and of its evaluation
NAMES = ("model.json", "trials.json", "curves.csv", "metrics.json", "predictions.csv")


def main() -> None:
    arguments = parse_arguments()
    files: list[Path] = []
    for name in arguments.names:
        source = arguments.data / name
        files += sorted(path for path in source.rglob("*") if path.name in NAMES) if source.is_dir() else [source]
    contents = {arguments.out / path.relative_to(arguments.data): path.read_bytes() for path in files}
    shutil.rmtree(arguments.out, ignore_errors=True)
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{arguments.out}: {len(contents)} files")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="folder that the names are of")
    parser.add_argument("names", nargs="+", help="files, and folders of models and evaluations")
    parser.add_argument("--out", required=True, type=Path, help="folder to write, with the same names")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
