"""Commands as processes: seconds, and memory at the peak."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from sklearn.feature_extraction.text import CountVectorizer

from sentiment_rnn.encoding.text import blank_markup, build_vocabulary, encode, english_stop_words, tokenize
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.running.side_by_side import PROCESSES
from sentiment_rnn.study.params import Params

PROJECT = Path(__file__).parents[1]
SPLIT = "--reviews raw.csv --seed 0 --out split"
VOCAB = "--splits split --stop-words drop --max-length 256 --out data/encoded"


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """Run a command in a folder: its wall seconds, CPU seconds and peak memory in MB.

    Raises:
        PipelineError: it failed; the last line that it wrote is in the message.
    """
    measured = [sys.executable, str(PROJECT / "benchmarks/measured.py"), *command]
    result = subprocess.run(measured, check=False, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        last_line = result.stderr.strip().rpartition("\n")[2]
        raise PipelineError(f"{' '.join(command)}: {last_line}")
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


def stage(name: str, folder: Path, *arguments: str | Path) -> dict[str, float]:
    """Run the stage's script."""
    result = measure([sys.executable, str(PROJECT / f"stages/{name}.py"), *map(str, arguments)], folder)
    print(name, result, flush=True)
    return result


def run(*command: str, folder: Path) -> str:
    """Run a command there with the clone's own code; what it printed."""
    own = {"PYTHONPATH": str(folder / "src"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        command, check=True, cwd=folder, env=os.environ | own, text=True, stdout=subprocess.PIPE
    ).stdout


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write_params(folder: Path, **changes: object) -> None:
    """The project's params.yaml with other values."""
    yaml = YAML()
    params = yaml.load(PROJECT / "params.yaml")
    yaml.dump(params | changes, folder / "params.yaml")


def data_stages(folder: Path, data: Path) -> dict[str, Any]:
    """fetch, split and vocab of the corpus that params.yaml in the folder names, found under `data`."""
    return {
        "fetch": stage("fetch", folder, "--data", data, "--out", "raw.csv"),
        "split": stage("split", folder, *SPLIT.split()),
        "vocab": stage("vocab", folder, *VOCAB.split()),
    }


def training_stages(folder: Path) -> dict[str, Any]:
    """One epoch of the base, and its evaluation."""
    write_params(folder, n_epochs=1, seeds=[0])
    return {
        "train_one_epoch": stage("train", folder, "--anew", "lstm-adam"),
        "evaluate": stage("evaluate", folder, "lstm-adam"),
    }


def count_vectorizer(folder: Path, params: Params) -> dict[str, Any]:
    """Tokenising and encoding all splits in this process, in turn with scikit-learn by the same rules."""
    parts = ("train", "valid", "test")
    texts = {
        part: list(pd.read_csv(folder / f"split/{part}.csv", dtype=str, keep_default_na=False)["review"])
        for part in parts
    }
    stop_words = english_stop_words()

    def ours() -> None:
        counts = Counter[str]()
        for text in texts["train"]:
            counts.update(tokenize(text, stop_words))
        vocabulary = build_vocabulary(counts, params.min_freq)
        for part in parts:
            reviews = (tokenize(text, stop_words) for text in texts[part])
            encode(reviews, [0] * len(texts[part]), vocabulary, params.max_length)

    def theirs() -> None:
        vectorizer = CountVectorizer(
            preprocessor=lambda text: blank_markup(text).lower(),
            token_pattern="[a-z]+",
            stop_words=sorted(stop_words),
            min_df=params.min_freq,
        )
        vectorizer.fit_transform(texts["train"])
        for part in parts[1:]:
            vectorizer.transform(texts[part])

    seconds = [(timed(ours), timed(theirs)) for _ in range(3)]
    result = {
        "count_vectorizer_seconds": round(median(t for _, t in seconds), 2),
        "seconds": round(median(o for o, _ in seconds), 2),
        "ratio": round(median(t / o for o, t in seconds), 2),
    }
    print("tokenise and encode", result, flush=True)
    return result


def csv_answers(folder: Path) -> dict[str, float]:
    """`sentiment predict --csv` for all reviews, with the model that comes with the package: one process, and all."""
    command = ["predict", "--model", "pretrained/champion", "--csv", str(folder / "raw.csv"), "--column", "review"]
    command += ["--out", str(folder / "answers.csv")]
    sentiment = [str(Path(sys.executable).with_name("sentiment")), *command]
    one = measure(["env", f"{PROCESSES}=1", *sentiment], folder)["seconds"]
    all_cores = measure(sentiment, folder)["seconds"]
    result = {"one_process": one, "all_cores": all_cores, "ratio": round(one / all_cores, 2)}
    print("predict --csv", result, flush=True)
    return result


def report_stage(folder: Path) -> dict[str, Any]:
    """The committed report, made again in a clone."""
    clone = folder / "report"
    subprocess.run(["git", "clone", "-q", PROJECT, clone], check=True)
    for name, stand_in in (("evaluations", "results"), ("split", "results/split"), ("encoded", "results/encoded")):
        shutil.copytree(clone / stand_in, clone / "data" / name)
    return {"report": stage("report", clone)}


def dvc_overhead(folder: Path) -> dict[str, Any]:
    """What DVC takes beside the stages, in seconds: in a clone of the last commit, its stages on the sample corpus."""
    dvc = [sys.executable, "-m", "dvc"]
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", PROJECT, clone], check=True)
    result = {"status_of_all_stages": seconds_of([*dvc, "status"], clone)}
    write_params(clone, dataset="sample")
    measure([*dvc, "repro", "split"], clone)
    result["repro_of_2_unchanged_stages"] = seconds_of([*dvc, "repro", "split"], clone)
    result["start_up"] = seconds_of([*dvc, "--version"], clone)
    whole = seconds_of([*dvc, "repro", "--single-item", "--force", "split"], clone)
    result["around_one_stage"] = round(whole - seconds_of(command_of("split", clone), clone), 2)
    if subprocess.run([*dvc, "status", "--quiet"], cwd=PROJECT, check=False, capture_output=True).returncode == 0:
        result["repro_of_all_stages_unchanged"] = seconds_of([*dvc, "repro"], PROJECT)
    print("DVC", result, flush=True)
    return result


def command_of(stage: str, folder: Path) -> list[str]:
    """What a stage of a clone runs, as its dvc.lock has it."""
    _python, *arguments = shlex.split(YAML(typ="safe").load(folder / "dvc.lock")["stages"][stage]["cmd"])
    return [sys.executable, *arguments]


def seconds_of(command: list[str], folder: Path) -> float:
    """The median of five runs."""
    return round(median(measure(command, folder)["seconds"] for _ in range(5)), 2)
