"""Training steps and inference on one thread: this project, the plain way, and the matrix products alone."""

import time
from collections.abc import Callable
from itertools import islice
from statistics import median
from typing import Any

import torch
from plain import PlainClassifier, plain_batches, plain_optimizer
from torch import Tensor, nn
from torch.nn import functional as F

from sentiment_rnn.batching import Batch, ReviewTensors
from sentiment_rnn.dataset import EncodedReviews
from sentiment_rnn.inference import predict_logits
from sentiment_rnn.model import build_model
from sentiment_rnn.params import Hyperparameters, Params
from sentiment_rnn.training import build_optimizer

ROUNDS = 3  # a plain step and some of ours in turn, each round on another batch
STEPS = 3  # of ours a round; the plain ones are long enough


def architectures(params: Params) -> dict[str, Hyperparameters]:
    """The variants that take different time: the optimizers' one for each cell, and all others."""
    optimizer = params.study.base.optimizer
    variants = {name: variant for name, variant in params.variants().items() if name != "experiment"}
    return {name: variant for name, variant in variants.items() if variant.optimizer == optimizer}


def training_steps(reviews: EncodedReviews, vocab_size: int, params: Params) -> dict[str, Any]:
    """By architecture the seconds of a step: plain, ours, and of the matrix products of the recurrent layers alone."""
    order = torch.Generator().manual_seed(0)
    batches = list(islice(ReviewTensors(reviews, torch.device("cpu")).shuffled(params.batch_size, order), ROUNDS))
    plain = list(islice(plain_batches(reviews, params.batch_size, seed=0), ROUNDS))  # the same reviews
    results = {}
    for name, variant in architectures(params).items():
        build = (variant, vocab_size, params.max_length, params.init, 0)
        model, plain_model = build_model(*build), PlainClassifier(build_model(*build), params.max_length)
        optimizer = build_optimizer(model, variant.optimizer, variant.lr)
        theirs = plain_optimizer(plain_model, variant.optimizer, variant.lr)
        step(model, optimizer, batches[0].labels, batches[0].tokens)  # warm-up
        rounds = [
            (
                timed(step, plain_model, theirs, plain_batch.labels, plain_batch.tokens, plain_batch.lengths),
                median(timed(step, model, optimizer, batch.labels, batch.tokens) for _ in range(STEPS)),
                median(timed(matrix_products(model.rnn, batch.tokens.batch_sizes.tolist())) for _ in range(STEPS)),
            )
            for batch, plain_batch in zip(batches, plain, strict=True)
        ]
        results[name] = {
            "plain_seconds": round(median(plain for plain, _, _ in rounds), 4),
            "seconds": round(median(ours for _, ours, _ in rounds), 4),
            "ratio": round(median(plain / ours for plain, ours, _ in rounds), 1),
            "gflop": round(sum(recurrent_flops(model.rnn, batch) for batch in batches) / ROUNDS / 1e9, 2),
            "gemm_seconds": round(median(gemm for _, _, gemm in rounds), 4),
            "share_of_gemm_limit": round(median(gemm / ours for _, ours, gemm in rounds), 2),
        }
        print(name, results[name], flush=True)
    return results


def timed(work: Callable[..., object], *arguments: object) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def step(model: nn.Module, optimizer: torch.optim.Optimizer, labels: Tensor, *inputs: object) -> None:
    """As a training makes it."""
    loss = F.cross_entropy(model(*inputs), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def recurrent_flops(rnn: nn.LSTM | nn.GRU, batch: Batch) -> int:
    """Of the products with the weights, forward, and backward to inputs and weights: two for a multiplication."""
    return sum(3 * 2 * len(batch.tokens.data) * weight.numel() for weights in rnn.all_weights for weight in weights[:2])


def matrix_products(rnn: nn.LSTM | nn.GRU, sizes: list[int]) -> Callable[[], None]:
    """Exactly those products, at the sizes at which a step needs them, and nothing else: the limit of this machine."""
    layers = []
    for weight_ih, weight_hh, *_ in rnn.all_weights:
        (n_gates, n_inputs), n_hidden = weight_ih.shape, rnn.hidden_size
        rows = [torch.randn(sum(sizes), width) for width in (n_inputs, n_hidden, n_gates)]
        layers.append((*rows, weight_ih.detach().clone(), weight_hh.detach().clone()))

    def work() -> None:
        for inputs, states, gates, weight_ih, weight_hh in layers:
            torch.mm(inputs, weight_ih.t(), out=gates)
            steps = list(zip(states.split(sizes), gates.split(sizes), strict=True))
            for state, gate in steps:
                torch.mm(state, weight_hh.t(), out=gate)
            for state, gate in steps:
                torch.mm(gate, weight_hh, out=state)
            torch.mm(gates, weight_ih, out=inputs)
            torch.mm(gates.t(), inputs)
            torch.mm(gates.t(), states)

    return work


def grid_hours(steps: dict[str, Any], n_reviews: int, params: Params) -> dict[str, float]:
    """CPU hours of all trainings of one seed, from the seconds of their steps."""
    by_shape = {shape_of(params.variants()[name]): result for name, result in steps.items()}
    n_steps = -(-n_reviews // params.batch_size) * params.n_epochs
    results = [by_shape[shape_of(variant)] for name, variant in params.variants().items() if name != "experiment"]
    return {
        "plain": round(sum(result["plain_seconds"] for result in results) * n_steps / 3600, 2),
        "ours": round(sum(result["seconds"] for result in results) * n_steps / 3600, 2),
    }


def shape_of(variant: Hyperparameters) -> tuple[tuple[str, Any], ...]:
    """What the time of a step depends on but for the optimizer."""
    return tuple(variant.model_dump(exclude={"optimizer", "lr"}).items())


def inference(reviews: EncodedReviews, vocab_size: int, params: Params) -> dict[str, Any]:
    """Reviews a second."""
    tensors = ReviewTensors(reviews, torch.device("cpu"))
    results = {}
    for name in ("lstm-adam", "gru-adam", "compound"):
        model = build_model(params.variant(name), vocab_size, params.max_length, params.init, seed=0).eval()
        theirs = PlainClassifier(model, params.max_length)

        seconds = [
            (timed(predict_plainly, theirs, reviews, params), timed(predict_logits, model, tensors))
            for _ in range(ROUNDS)
        ]
        results[name] = {
            "plain_reviews_per_second": round(len(reviews) / median(p for p, _ in seconds)),
            "reviews_per_second": round(len(reviews) / median(o for _, o in seconds)),
            "ratio": round(median(p / o for p, o in seconds), 2),
        }
        print(name, results[name], flush=True)
    return results


@torch.inference_mode()
def predict_plainly(model: PlainClassifier, reviews: EncodedReviews, params: Params) -> None:
    """In the order drawn, batch by batch."""
    for tokens, lengths, _ in plain_batches(reviews, params.batch_size, seed=0):
        model(tokens, lengths)
