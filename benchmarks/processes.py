"""Commands as processes: seconds, and memory at the peak."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import psutil
from ruamel.yaml import YAML
from sklearn.feature_extraction.text import CountVectorizer

from sentiment_rnn.encoding.tokens import Tokenizer, english_stop_words
from sentiment_rnn.encoding.vocabulary import build_vocabulary, encode
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.parallel import N_WORKERS
from sentiment_rnn.study.params import Params

PROJECT = Path(__file__).parents[1]


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """Run a command in a folder: its wall seconds, and its memory at the peak in MB, worker processes included.

    Pages that several processes share count for each of them.

    Raises:
        PipelineError: it failed; the last line that it wrote is in the message.
    """
    with tempfile.TemporaryFile("w+") as errors:
        started, peak = time.perf_counter(), 0
        process = psutil.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            with suppress(psutil.Error):  # one has ended meanwhile
                peak = max(peak, sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]))
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        if process.returncode:
            errors.seek(0)
            last_line = errors.read().strip().rpartition("\n")[2]
            raise PipelineError(f"{' '.join(command)}: {last_line}")
    return {"seconds": round(seconds, 3), "peak_mb": round(peak / 2**20)}


def set_up(folder: Path) -> None:
    """Link the project's code and data into a folder, where stages can run; it is a repository of DVC without git."""
    for name in ("data", ".dvc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    for source in (*(PROJECT / name for name in ("src", "stages")), *(PROJECT / "data").iterdir()):
        link = folder / source.relative_to(PROJECT)
        if source.name not in ("raw", "split", "encoded", "models", "checkpoints"):
            link.symlink_to(source)


def stage(name: str, folder: Path, *arguments: str) -> dict[str, float]:
    """Run a stage."""
    result = measure([sys.executable, "-m", f"stages.{name}", *arguments], folder)
    print(name, result, flush=True)
    return result


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


def data_stages(folder: Path) -> dict[str, Any]:
    """fetch, split and vocab of the corpus that params.yaml in the folder names."""
    return {name: stage(name, folder) for name in ("fetch", "split", "vocab")}


def training_stages(folder: Path) -> dict[str, Any]:
    """One epoch of the base, and its evaluation."""
    write_params(folder, n_epochs=1, seeds=[0])
    return {
        "train_one_epoch": stage("train", folder, "--force", "experiment"),
        "evaluate": stage("evaluate", folder, "experiment"),
    }


def count_vectorizer(folder: Path, params: Params) -> dict[str, Any]:
    """Tokenising and encoding all splits in this process, in turn with scikit-learn by the same rules."""
    parts = ("train", "valid", "test")
    texts = {
        part: list(pd.read_csv(folder / f"data/split/{part}.csv", dtype=str, keep_default_na=False)["review"])
        for part in parts
    }
    stop_words = english_stop_words()

    def ours() -> None:
        vocabulary = build_vocabulary(texts["train"], "drop", params.min_freq)
        tokenizer = Tokenizer("drop", ())
        for part in parts:
            encode(texts[part], [0] * len(texts[part]), tokenizer, vocabulary, params.max_length)

    def theirs() -> None:
        vectorizer = CountVectorizer(
            preprocessor=lambda text: re.sub(r"<[^>\n]*>", " ", text).lower(),
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
    sentiment = [str(Path(sys.executable).with_name("sentiment")), "predict", "--model", "pretrained/nbsvm"]
    sentiment += ["--csv", str(folder / "data/raw/reviews.csv"), "--column", "review"]
    sentiment += ["--out", str(folder / "answers.csv")]
    one = measure(["env", f"{N_WORKERS}=1", *sentiment], folder)["seconds"]
    all_cores = measure(sentiment, folder)["seconds"]
    result = {"one_process": one, "all_cores": all_cores, "ratio": round(one / all_cores, 2)}
    print("predict --csv", result, flush=True)
    return result


def report_stage(folder: Path) -> dict[str, Any]:
    """The committed report, made again in a clone."""
    clone = folder / "report"
    subprocess.run(["git", "clone", "-q", PROJECT, clone], check=True)
    return {"report": stage("report", clone)}


def dvc_overhead(folder: Path) -> dict[str, Any]:
    """What DVC takes beside the stages, in seconds: in a clone of the last commit, its stages on the sample corpus."""
    dvc = [sys.executable, "-m", "dvc"]
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", PROJECT, clone], check=True)
    result = {"status_of_all_stages": seconds_of([*dvc, "status"], clone)}
    result["repro_of_all_stages_unchanged"] = seconds_of([*dvc, "repro", "--allow-missing"], clone)
    write_params(clone, dataset="sample")
    measure([*dvc, "repro", "split"], clone)
    whole = seconds_of([*dvc, "repro", "--single-item", "--force", "split"], clone)
    result["around_one_stage"] = round(whole - seconds_of([sys.executable, "-m", "stages.split"], clone), 2)
    print("DVC", result, flush=True)
    return result


def seconds_of(command: list[str], folder: Path) -> float:
    """The median of five runs."""
    return round(median(measure(command, folder)["seconds"] for _ in range(5)), 2)
