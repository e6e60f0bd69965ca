"""What accuracy costs: CPU seconds of a training and test accuracy, of all models that have the study's reviews.

Those of a network are of some steps, times all its steps. What a training measures of itself is beside other trainings.
"""

import json
import math
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from matplotlib.figure import Figure
from one_way import begin_training
from processes import PROJECT

from sentiment_rnn.baselines.fit import fit
from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.encoding.vocabulary import read_vocabulary
from sentiment_rnn.extensions.baseline import read_parts
from sentiment_rnn.extensions.networks import RESULTS, load_networks
from sentiment_rnn.extensions.params import load_extensions
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.study.params import Params
from sentiment_rnn.study.variants import study_catalogue
from sentiment_rnn.training.loop import train_epoch

N_STEPS = 30
LOWEST = 0.84  # accuracies below are at the edge, so that the others spread
COLORS = {"LSTM": "#35608a", "GRU": "#c4721b", "attention": "#4d8b4d", "bag of words": "#222222"}


def costs(folder: Path, params: Params) -> dict[str, Any]:
    """The kind, CPU seconds of one training and mean test accuracy of each model; `folder` has the data."""
    torch.set_num_threads(1)
    train = ReviewTensors(EncodedReviews.load(folder / "data/encoded/train.safetensors"), torch.device("cpu"))
    n_words, result = len(read_vocabulary(folder / "data/encoded/vocabulary.txt")), {}
    for name, variant in (study_catalogue(params).variants | load_networks().variants).items():
        if variant.encoded != Path("data/encoded") or name == "experiment":
            continue
        of_variant = variant.hyperparameters
        model, optimizer, batches = begin_training(train, n_words, params.max_length, of_variant)
        work = partial(train_epoch, model, optimizer, islice(batches, N_STEPS), of_variant)
        n_steps = math.ceil(len(train.lengths) / of_variant.batch_size) * of_variant.n_epochs
        kind = "attention" if of_variant.cell == "attention" else of_variant.cell.upper()
        result[name] = cost(kind, n_steps / N_STEPS, work, variant.results)
    for name, entry in load_extensions().baselines.items():
        if entry.data in ("data/split", "data/encoded"):
            train_part, valid_part, _test = read_parts(folder / entry.data)[0].values()
            fitting = partial(fit, entry.baseline, train_part, valid_part, entry.grid)
            result[name] = cost("bag of words", 1, fitting, RESULTS / name)
    return result


def cost(kind: str, times: float, work: Callable[[], object], results: Path) -> dict[str, Any]:
    """Do a part of a training, which takes so many times as long."""
    started = time.process_time()
    work()
    seconds = times * (time.process_time() - started)
    accuracies = [json.loads(file.read_text())["test_accuracy"] for file in (PROJECT / results).glob("*/metrics.json")]
    figures = {"kind": kind, "cpu_seconds": round(seconds, 1), "test_accuracy": round(mean(accuracies), 4)}
    print(results.name, figures, flush=True)
    return figures


def plot_costs(models: dict[str, Any]) -> Figure:
    """Accuracy against CPU seconds, on a logarithmic axis; a name that would cover another one is left out."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes, labelled = figure.subplots(), list[tuple[float, float]]()
    for name, model in models.items():
        x, y = model["cpu_seconds"], max(model["test_accuracy"], LOWEST)
        axes.plot(x, y, "v" if y == LOWEST else "o", color=COLORS[model["kind"]], markersize=5)
        if all(abs(math.log(x / other)) > 0.45 or abs(y - height) > 0.0018 for other, height in labelled):
            axes.annotate(name, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7)
            labelled.append((x, y))
    for kind, color in COLORS.items():
        axes.plot([], [], "o", color=color, label=kind)
    axes.set_xscale("log")
    axes.set_xlabel("CPU seconds of one training, of a bag of words with the choice from its grid")
    axes.set_ylabel(f"test accuracy, mean of the seeds; below {LOWEST} at the edge")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
