"""Time one way to do one thing, in this process, on one core: `python one_way.py train padded lstm-adam FOLDER`.

FOLDER has params.yaml and data/encoded. What a way gives is called some times. The median of the seconds is printed as
JSON, and what the first call returned.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from alternatives import CLASSIFIERS, PackedClassifier, padded_batches, shuffled, step
from alternatives import build_optimizer as plain_optimizer

from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.encoding.vocabulary import read_vocabulary
from sentiment_rnn.network.batching import Batch, ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.inference import BATCH_SIZE, predict_logits
from sentiment_rnn.network.model import RNNClassifier, build_model
from sentiment_rnn.study.params import Hyperparameters, Params, load_params
from sentiment_rnn.study.variants import study_catalogue
from sentiment_rnn.training.loop import build_optimizer, train_epoch

N_CALLS = {"train": 6, "predict": 4}  # the first is a warm-up
CPU = torch.device("cpu")
Calls = Iterator[Callable[[], float]]


class Task:
    """What is to be done: a variant's training, or its answers to the valid reviews."""

    def __init__(self, name: str, folder: Path) -> None:
        self.params: Params = load_params(folder / "params.yaml")
        self.variant = study_catalogue(self.params).find(name).hyperparameters
        self.folder = folder / "data/encoded"
        self.n_words = len(read_vocabulary(self.folder / "vocabulary.txt"))

    def reviews(self, part: str) -> EncodedReviews:
        """Train or valid."""
        return EncodedReviews.load(self.folder / f"{part}.safetensors")

    def model(self) -> RNNClassifier:
        """With the weights of seed 0."""
        return build_model(self.variant, self.n_words, self.params.max_length, seed=0)


def train_here(task: Task) -> Calls:
    """As the train stage does."""
    reviews, of_variant = ReviewTensors(task.reviews("train"), use_deterministic_device()), task.variant
    model, optimizer, batches = begin_training(reviews, task.n_words, task.params.max_length, of_variant)
    for batch in batches:
        yield lambda batch=batch: train_epoch(model, optimizer, [batch], of_variant)[0]  # type: ignore[misc]


def begin_training(
    reviews: ReviewTensors, vocab_size: int, max_length: int, variant: Hyperparameters
) -> tuple[RNNClassifier, torch.optim.Optimizer, Iterator[Batch]]:
    """A training before its first step, on the device of the reviews."""
    model = build_model(variant, vocab_size, max_length, seed=0).to(reviews.labels.device)
    batches = reviews.shuffled(variant.batch_size, torch.Generator().manual_seed(0))
    return model, build_optimizer(model, variant), batches


def train_plainly(kind: str, task: Task) -> Calls:
    """As one writes it in PyTorch."""
    model: PackedClassifier = CLASSIFIERS[kind](task.model(), task.params.max_length)
    optimizer = plain_optimizer(model, task.variant)
    reviews = task.reviews("train")
    for batch in padded_batches(reviews, shuffled(reviews, seed=0), task.variant.batch_size):
        yield partial(step, model, optimizer, batch)


def predict_here(task: Task) -> Calls:
    """As the evaluate stage does; the sum of the logits."""
    use_deterministic_device()
    model, reviews = task.model(), ReviewTensors(task.reviews("valid"), CPU)
    while True:
        yield lambda: predict_logits(model, reviews).sum().item()


def predict_plainly(kind: str, task: Task) -> Calls:
    """Batch by batch, sorted by length as here."""
    model: PackedClassifier = CLASSIFIERS[kind](task.model(), task.params.max_length)
    reviews = task.reviews("valid")
    order = torch.from_numpy(np.argsort(reviews.lengths))

    @torch.inference_mode()
    def work() -> float:
        batches = padded_batches(reviews, order, BATCH_SIZE)
        return math.fsum(model(batch.ids, batch.lengths).sum().item() for batch in batches)

    while True:
        yield work


WAYS: dict[str, dict[str, Callable[[Task], Calls]]] = {
    "train": {"here": train_here, **{kind: partial(train_plainly, kind) for kind in CLASSIFIERS}},
    "predict": {"here": predict_here, **{kind: partial(predict_plainly, kind) for kind in CLASSIFIERS}},
}


def main() -> None:
    what, way, name, folder = sys.argv[1:]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    seconds, results = [], []
    for call in islice(WAYS[what][way](Task(name, Path(folder))), N_CALLS[what]):
        started = time.perf_counter()
        results.append(call())
        seconds.append(time.perf_counter() - started)
    figures: dict[str, Any] = {"seconds": median(seconds[1:]), "result": results[0]}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
