"""The stages on a corpus ten times as large as IMDB: `python benchmarks/corpus_sizes.py`, for ten minutes.

The larger corpus repeats the IMDB reviews, which must be in data/. Writes seconds and memory into corpus_sizes.json.
"""

import csv
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from machine import machine
from processes import PROJECT, data_stages, set_up, stage, write_params

from sentiment_rnn.encoding.vocabulary import read_vocabulary
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.network.model import build_model
from sentiment_rnn.network.model_io import save_model
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue

VARIANT = "experiment"
TIMES = (1, 10)


def main() -> None:
    results: dict[str, Any] = {"machine": machine()}
    reviews = read_imdb()
    for times in TIMES:
        with tempfile.TemporaryDirectory() as name:
            results[f"{50_000 * times:,} reviews"] = stages_of(Path(name), reviews, times)
        (PROJECT / "benchmarks/corpus_sizes.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def stages_of(folder: Path, reviews: pd.DataFrame, times: int) -> dict[str, Any]:
    """All stages on so many copies; training is one epoch of one seed, and evaluation that of an untrained model."""
    set_up(folder)
    write_params(folder, dataset="reviews.csv", n_epochs=1, seeds=[0])
    for number in range(times):
        reviews.to_csv(folder / "data/reviews.csv", mode="a", header=number == 0, index=False, quoting=csv.QUOTE_ALL)
    figures = data_stages(folder)
    shutil.rmtree(folder / "data/split")
    save_untrained(folder)
    figures["evaluate"] = stage("evaluate", folder, VARIANT)
    figures["train, one epoch"] = stage("train", folder, "--force", VARIANT)
    return figures


def read_imdb() -> pd.DataFrame:
    """The IMDB reviews, as fetch finds them."""
    with tempfile.TemporaryDirectory() as name:
        set_up(Path(name))
        write_params(Path(name), dataset="imdb")
        stage("fetch", Path(name))
        return pd.read_csv(Path(name) / "data/raw/reviews.csv", dtype=str, keep_default_na=False)


def save_untrained(folder: Path) -> None:
    """The variant's model with its first weights, where the evaluate stage looks for a trained one."""
    params, encoded = load_params(folder / "params.yaml"), folder / "data/encoded"
    variant = study_catalogue(params).find(VARIANT)
    n_words = len(read_vocabulary(encoded / "vocabulary.txt"))
    weights = build_model(variant.hyperparameters, n_words, params.max_length, seed=0).state_dict()
    vocabulary, target = (encoded / "vocabulary.txt").read_text(encoding="utf-8"), folder / variant.models / "0"
    target.mkdir(parents=True)
    save_model(target, weights, vocabulary, variant.hyperparameters, max_length=params.max_length)
    for file in ("curves.csv", "timing.json"):
        (target / file).touch()


if __name__ == "__main__":
    exit_on_error(main)
