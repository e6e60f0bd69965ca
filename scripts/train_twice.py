"""Is the same seed the same bytes here? `make twice` trains the experiment twice, and once with another seed.

In a scratch clone of the last commit, with params.yaml and dvc.lock as they are here: nothing here is touched. The
hashes of weights, learning curves and predictions of the two must be the same, and those of the other seed must not.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.params import load_params

PROJECT = Path(__file__).parents[1]
FILES = {
    "weights": "data/models/experiment/{}/weights.safetensors",
    "curves": "data/models/experiment/{}/curves.csv",
    "predictions": "data/evaluations/experiment/{}/predictions.csv",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        run("git", "clone", "--quiet", str(PROJECT), str(clone), folder=PROJECT)
        for file in ("params.yaml", "dvc.lock"):
            if (PROJECT / file).exists():
                shutil.copy(PROJECT / file, clone)
        for path in (PROJECT / "data").iterdir():  # the reviews that the user placed there
            if path.is_file() and not (clone / "data" / path.name).exists():
                (clone / "data" / path.name).symlink_to(path.resolve())
        seed, other = two_seeds(clone)
        before = model_hash(clone, seed)
        run("dvc", "repro", *stages(seed), folder=clone)
        first, model = hashes(clone, seed), model_hash(clone, seed)
        run("dvc", "repro", "--force", "--no-run-cache", "--single-item", *stages(seed), folder=clone)
        second = hashes(clone, seed)
        run("dvc", "repro", *stages(other), folder=clone)
        third = hashes(clone, other)
    for file in FILES:
        print(f"{file:12} seed {seed}: {first[file]}  again: {second[file]}  seed {other}: {third[file]}")
    if first != second:
        raise PipelineError(f"two trainings with seed {seed} differ")
    if any(first[file] == third[file] for file in FILES):
        raise PipelineError(f"the trainings with the seeds {seed} and {other} do not differ")
    print(f"the same bytes twice with seed {seed}, others with seed {other}")
    if model == before:
        print("they are those of dvc.lock")
    elif before is not None:
        print("those of dvc.lock are others: metrics/environment.json says what they were made on")


def two_seeds(clone: Path) -> tuple[int, int]:
    """The first two of params.yaml; where there is one alone, another is added in the clone."""
    seeds = load_params(clone / "params.yaml").seeds
    if len(seeds) == 1:
        yaml, seeds = YAML(), [seeds[0], seeds[0] + 1]
        content = yaml.load(clone / "params.yaml")
        content["seeds"] = seeds
        yaml.dump(content, clone / "params.yaml")
    return seeds[0], seeds[1]


def stages(seed: int) -> list[str]:
    """The training and the evaluation."""
    return [f"experiment@{seed}", f"evaluate_experiment@{seed}"]


def hashes(clone: Path, seed: int) -> dict[str, str]:
    """The first digits of the sha256 of each file."""
    return {
        name: hashlib.sha256((clone / path.format(seed)).read_bytes()).hexdigest()[:12] for name, path in FILES.items()
    }


def model_hash(clone: Path, seed: int) -> str | None:
    """DVC's hash of the model folder in dvc.lock; None where it has none."""
    lock = YAML(typ="safe").load(clone / "dvc.lock") if (clone / "dvc.lock").exists() else {"stages": {}}
    stage = lock["stages"].get(f"experiment@{seed}")
    return stage and str(stage["outs"][0]["md5"])


def run(*command: str, folder: Path) -> None:
    """Run it, with the clone's own code; its output is shown."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    if subprocess.run(command, check=False, cwd=folder, env=environment).returncode:
        raise PipelineError(f"{' '.join(command)} failed; its output is above")
    sys.stdout.flush()


if __name__ == "__main__":
    exit_on_error(main)
