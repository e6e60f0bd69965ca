"""Does the same seed give the same bytes here? `make determinism` trains the experiment twice, and with other seeds.

It works in a scratch clone of the last commit, with params.yaml as it is here.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.study.params import load_params

PROJECT = Path(__file__).parents[1]
FILES = ("data/models/experiment/{}/weights.safetensors", "data/models/experiment/{}/curves.csv")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        run("git", "clone", "--quiet", str(PROJECT), str(clone), folder=PROJECT)
        shutil.copy(PROJECT / "params.yaml", clone)
        for path in filter(Path.is_file, (PROJECT / "data").iterdir()):
            if not (clone / "data" / path.name).exists():  # the reviews that the user placed there
                (clone / "data" / path.name).symlink_to(path.resolve())
        run(sys.executable, "-m", "dvc", "repro", "vocab", folder=clone)
        seeds = load_params(clone / "params.yaml").seeds
        first, second = train(clone, seeds), train(clone, seeds)
        other = train(clone, [seed + max(seeds) + 1 for seed in seeds])
    print(f"seeds {seeds}: {first}\nagain:  {second}\nothers: {other}")
    if first != second:
        raise PipelineError("two trainings with the same seeds differ")
    if set(first) & set(other):
        raise PipelineError("trainings with other seeds do not differ")
    print("the same bytes twice with the same seeds, others with other seeds")


def train(clone: Path, seeds: list[int]) -> list[str]:
    """Train the experiment: the first digits of the SHA-256 of each of its files."""
    yaml = YAML()
    content = yaml.load(clone / "params.yaml")
    content["seeds"] = seeds
    yaml.dump(content, clone / "params.yaml")
    run(sys.executable, "-m", "stages.train", "--force", "experiment", folder=clone)
    paths = [clone / file.format(seed) for file in FILES for seed in seeds]
    return [hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in paths]


def run(*command: str, folder: Path) -> None:
    """Run a command; its output is shown."""
    if subprocess.run(command, check=False, cwd=folder).returncode:
        raise PipelineError(f"{' '.join(command)} failed; its output is above")
    sys.stdout.flush()


if __name__ == "__main__":
    exit_on_error(main)
