"""Every claim of speed and memory that docs/speed.md makes, measured: `make bench`. Minutes; best on an idle machine.

On the real reviews where they are placed in data/, else on the sample corpus. Writes benchmarks/results.json.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from cost import costs, plot_costs
from machine import machine
from on_cuda import cuda_training
from processes import (
    PROJECT,
    count_vectorizer,
    csv_answers,
    data_stages,
    dvc_overhead,
    report_stage,
    set_up,
    training_stages,
    write_params,
)
from ruamel.yaml import YAML
from steps import answers, training_steps

from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.encoding.vocabulary import read_vocabulary
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.study.params import load_params


def main() -> None:
    params = load_params(PROJECT / "params.yaml")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        set_up(folder)
        write_params(folder, dataset="imdb" if reviews_are_placed() else "sample")
        results: dict[str, Any] = {"machine": machine(), "dataset": load_params(folder / "params.yaml").dataset}
        results["stages"] = data_stages(folder)
        results["tokenise_and_encode"] = count_vectorizer(folder, params)
        results["training_step"] = training_steps(folder, params)
        write(results)
        if results["dataset"] == "imdb":
            results["cost"] = costs(folder, params)
            plot_costs(results["cost"]).savefig(PROJECT / "benchmarks/cost.png", dpi=report_settings(params).plots.dpi)
        results["answers"] = answers(folder, len(pd.read_csv(folder / "data/split/valid.csv")))
        results["predict_csv"] = csv_answers(folder)
        write(results)
        if torch.cuda.is_available():
            train = EncodedReviews.load(folder / "data/encoded/train.safetensors")
            n_words = len(read_vocabulary(folder / "data/encoded/vocabulary.txt"))
            results["cuda"] = cuda_training(train, n_words, params)
            write(results)
        results["stages"] |= training_stages(folder) | report_stage(folder)
        results["dvc"] = dvc_overhead(folder)
        write(results)


def write(results: dict[str, Any]) -> None:
    """What has been measured so far."""
    target = PROJECT / "benchmarks/results.json"
    target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"written to {target.relative_to(PROJECT)}", flush=True)


def reviews_are_placed() -> bool:
    """Whether data/ holds the reviews in one of their forms."""
    imdb = YAML(typ="safe").load(PROJECT / "data/imdb/source.yaml")
    return any(file for pattern in imdb["placed"] for file in (PROJECT / "data").glob(pattern))


if __name__ == "__main__":
    exit_on_error(main)
