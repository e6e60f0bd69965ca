"""Is the same seed the same bytes here? `make twice` trains the experiment twice, and once with other seeds.

In a scratch clone of the last commit, with params.yaml as it is here: nothing here is touched.
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
from sentiment_rnn.study.params import load_params

PROJECT = Path(__file__).parents[1]
FILES = ("models/{}/weights.safetensors", "models/{}/curves.csv", "evaluations/{}/predictions.csv")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        run("git", "clone", "--quiet", str(PROJECT), str(clone), folder=PROJECT)
        shutil.copy(PROJECT / "params.yaml", clone)
        for path in filter(Path.is_file, (PROJECT / "data").iterdir()):
            if not (clone / "data" / path.name).exists():  # the reviews that the user placed there
                (clone / "data" / path.name).symlink_to(path.resolve())
        run("dvc", "repro", "vocab", folder=clone)
        seeds = load_params(clone / "params.yaml").seeds
        first, second = train_anew(clone, seeds), train_anew(clone, seeds)
        other = train_anew(clone, [seed + max(seeds) + 1 for seed in seeds])
    print(f"seeds {seeds}: {first}\nagain:  {second}\nothers: {other}")
    if first != second:
        raise PipelineError("two trainings with the same seeds differ")
    if set(first) & set(other):
        raise PipelineError("trainings with other seeds do not differ")
    print("the same bytes twice with the same seeds, others with other seeds")


def train_anew(clone: Path, seeds: list[int]) -> list[str]:
    """Train and evaluate the experiment: the first digits of the SHA-256 of each of its files."""
    yaml = YAML()
    content = yaml.load(clone / "params.yaml")
    content["seeds"] = seeds
    yaml.dump(content, clone / "params.yaml")
    run(sys.executable, "stages/train.py", "--anew", "experiment", folder=clone)
    run(sys.executable, "stages/evaluate.py", "experiment", folder=clone)
    paths = [clone / "data" / file.format(f"experiment/{seed}") for file in FILES for seed in seeds]
    return [hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in paths]


def run(*command: str, folder: Path) -> None:
    """Run it, with the clone's own code; its output is shown."""
    own = {"PYTHONPATH": str(folder / "src"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if subprocess.run(command, check=False, cwd=folder, env=os.environ | own).returncode:
        raise PipelineError(f"{' '.join(command)} failed; its output is above")
    sys.stdout.flush()


if __name__ == "__main__":
    exit_on_error(main)
