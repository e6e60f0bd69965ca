"""Every claim of speed and memory that docs/speed.md makes, measured: `make bench`. Minutes; best on an idle machine.

On the real reviews where they are placed in data/, else on the sample corpus. Writes benchmarks/results.json.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from machine import machine
from on_cuda import cuda_training
from processes import (
    PROJECT,
    count_vectorizer,
    data_stages,
    dvc_overhead,
    repeated_corpus,
    report_stage,
    training_stages,
    write_params,
)
from ruamel.yaml import YAML
from steps import grid_cpu_minutes, inference, training_steps

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.encoding.text import read_vocabulary
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.study.params import load_params


def main() -> None:
    params = load_params(PROJECT / "params.yaml")
    dataset = "imdb" if reviews_are_placed() else "sample"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_params(folder, dataset=dataset)
        results: dict[str, Any] = {"machine": machine(), "dataset": dataset}
        results["stages"] = data_stages(folder, PROJECT / "data")
        results["tokenise_and_encode"] = count_vectorizer(folder, params)
        use_deterministic_device()
        train, valid = (EncodedReviews.load(folder / f"data/encoded/{part}.safetensors") for part in ("train", "valid"))
        vocab_size = len(read_vocabulary(folder / "data/encoded/vocabulary.txt"))
        results["training_step"] = training_steps(train, vocab_size, params)
        results["grid_cpu_minutes"] = grid_cpu_minutes(results["training_step"], len(train), params)
        results["inference"] = inference(valid, vocab_size, params)
        if torch.cuda.is_available():
            results["cuda"] = cuda_training(train, vocab_size, params)
        write(results)
        results["stages"] |= training_stages(folder) | report_stage(folder)
        results["repeated_corpus"] = repeated_corpus(folder, dataset)
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
