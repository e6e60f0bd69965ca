"""Training steps and inference on one thread: this project, the plain way, and the matrix products alone."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from statistics import median
from typing import Any

import torch
from plain import PlainClassifier, plain_batches, plain_optimizer
from torch import Tensor, nn
from torch.nn import functional as F

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.network.attention import SelfAttention
from sentiment_rnn.network.batching import Batch, ReviewTensors
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import build_model
from sentiment_rnn.study.params import Hyperparameters, Params
from sentiment_rnn.study.variants import study_catalogue
from sentiment_rnn.training.loop import build_optimizer

ROUNDS = 4  # a plain step and one of ours in turn, each round on another batch


def architectures(params: Params) -> dict[str, Hyperparameters]:
    """The recurrent variants that take different time: the optimizers' one for each cell, and all others."""
    variants = recurrent_variants(params)
    return {name: variant for name, variant in variants.items() if variant.optimizer == params.study.base.optimizer}


def recurrent_variants(params: Params) -> dict[str, Hyperparameters]:
    """Those of the study."""
    variants = study_catalogue(params).variants
    return {name: variant.hyperparameters for name, variant in variants.items() if name != "experiment"}


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
        assert not isinstance(model.rnn, SelfAttention)
        rounds = []
        for batch, plain_batch in zip(batches, plain, strict=True):
            products = matrix_products(model.rnn, batch.tokens.batch_sizes.tolist())
            with without_deterministic_mode():
                plain_seconds = timed(
                    step, plain_model, theirs, plain_batch.labels, plain_batch.tokens, plain_batch.lengths
                )
            our_seconds = timed(step, model, optimizer, batch.labels, batch.tokens)
            rounds.append((plain_seconds, our_seconds, median(timed(products) for _ in range(3))))
        # the first round is a warm-up
        plain_seconds, our_seconds, gemm_seconds = (median(column) for column in zip(*rounds[1:], strict=True))
        results[name] = {
            "plain_seconds": round(plain_seconds, 4),
            "seconds": round(our_seconds, 4),
            "ratio": round(plain_seconds / our_seconds, 1),
            "recurrent_gflop": round(recurrent_gflop(model.rnn, batches[1:]), 2),
            "gemm_seconds": round(gemm_seconds, 4),
            "share_of_gemm_limit": round(gemm_seconds / our_seconds, 2),
            "plain_share_of_gemm_limit": round(gemm_seconds / plain_seconds, 3),
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


@contextmanager
def without_deterministic_mode() -> Iterator[None]:
    """As users have PyTorch: the project's mode makes some of it slower."""
    torch.set_deterministic_debug_mode("default")
    yield
    torch.set_deterministic_debug_mode("error")


def recurrent_gflop(rnn: nn.LSTM | nn.GRU, batches: list[Batch]) -> float:
    """Of the products with the weights in a mean step, forward, and backward to inputs and weights."""
    multiplications = sum(weight.numel() for weights in rnn.all_weights for weight in weights[:2])
    n_tokens = sum(len(batch.tokens.data) for batch in batches) / len(batches)
    return 3 * 2 * n_tokens * multiplications / 1e9


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


def grid_cpu_minutes(steps: dict[str, Any], n_reviews: int, params: Params) -> dict[str, Any]:
    """Of the steps of every training of the grids with one seed, and all together, from the seconds of a step."""
    variants = recurrent_variants(params)
    by_shape = {shape_of(variants[name]): result for name, result in steps.items()}
    n_steps = -(-n_reviews // params.batch_size) * params.n_epochs
    results = {}
    for name, variant in variants.items():
        step_result = by_shape[shape_of(variant)]
        results[name] = {
            "plain_steps": round(step_result["plain_seconds"] * n_steps / 60, 1),
            "steps": round(step_result["seconds"] * n_steps / 60, 1),
        }
    results["all"] = {
        kind: round(sum(result[kind] for result in results.values()), 1) for kind in ("plain_steps", "steps")
    }
    return results


def shape_of(variant: Hyperparameters) -> tuple[tuple[str, Any], ...]:
    """What the time of a step depends on but for the optimizer."""
    return tuple(variant.model_dump(exclude={"optimizer", "lr"}).items())


def inference(reviews: EncodedReviews, vocab_size: int, params: Params) -> dict[str, Any]:
    """Reviews a second."""
    tensors = ReviewTensors(reviews, torch.device("cpu"))
    results = {}
    for name in ("lstm-adam", "gru-adam", "compound"):
        model = build_model(recurrent_variants(params)[name], vocab_size, params.max_length, params.init, seed=0).eval()
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
    with without_deterministic_mode():
        for tokens, lengths, _ in plain_batches(reviews, params.batch_size, seed=0):
            model(tokens, lengths)
