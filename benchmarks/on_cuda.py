"""Trainings on a GPU: steps a second alone and side by side, the same bytes twice, agreement with the CPU."""

import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing.synchronize import Barrier
from typing import Any

import torch
from torch import Tensor, multiprocessing

from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.network.batching import Batch, ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.model import RNNClassifier, build_model
from sentiment_rnn.study.params import Hyperparameters, Params
from sentiment_rnn.study.variants import study_catalogue
from sentiment_rnn.training.loop import build_optimizer, train_epoch

VARIANTS = ("lstm-adam", "n_layers-4", "hidden_dim-320", "compound")
WARM_UP, N_STEPS = 20, 200
N_AT_ONCE = 4


def cuda_training(reviews: EncodedReviews, vocab_size: int, params: Params) -> dict[str, Any]:
    """By variant: steps a second of one training, and of N_AT_ONCE processes together; and the two checks."""
    use_deterministic_device()
    results: dict[str, Any] = {"device": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    for name in VARIANTS:
        common = (reviews, vocab_size, params, name)
        on_cuda, weights = fifty_steps(*common, cuda)
        again, weights_again = fifty_steps(*common, cuda)
        on_cpu, _ = fifty_steps(*common, cpu)
        results[name] = {
            "steps_per_second": steps_per_second(1, *common),
            f"steps_per_second_of_{N_AT_ONCE}": steps_per_second(N_AT_ONCE, *common),
            "same_seed_same_bytes": on_cuda == again and all(map(torch.equal, weights, weights_again)),
            "largest_relative_difference_to_cpu": max(abs(a - b) / b for a, b in zip(on_cuda, on_cpu, strict=True)),
        }
        print(name, results[name], flush=True)
    return results


def steps_per_second(n_processes: int, reviews: EncodedReviews, vocab_size: int, params: Params, name: str) -> float:
    """Of all processes together, while all of them run."""
    context = multiprocessing.get_context("spawn")
    barrier, ends = context.Barrier(n_processes + 1), context.Queue()
    work = (barrier, ends, reviews, vocab_size, params, name)
    processes = [context.Process(target=train_steps, args=work, daemon=True) for _ in range(n_processes)]
    for process in processes:
        process.start()
    barrier.wait()
    started = time.time()
    seconds: float = max(ends.get() for _ in processes) - started
    return round(n_processes * N_STEPS / seconds, 1)


def train_steps(
    barrier: Barrier, ends: Any, reviews: EncodedReviews, vocab_size: int, params: Params, name: str
) -> None:
    """One training, batches and all; it waits for the others after its warm-up."""
    model, optimizer, batches = begin(reviews, vocab_size, params, name, use_deterministic_device())
    train_epoch(
        model, optimizer, islice(batches, WARM_UP), variant_of(params, name)
    )  # ends with reading the loss: the device is idle then
    barrier.wait()
    train_epoch(model, optimizer, islice(batches, N_STEPS), variant_of(params, name))
    ends.put(time.time())


def fifty_steps(
    reviews: EncodedReviews, vocab_size: int, params: Params, name: str, device: torch.device
) -> tuple[list[float], list[Tensor]]:
    """The losses of the first 50 steps, and the weights after them."""
    model, optimizer, batches = begin(reviews, vocab_size, params, name, device)
    losses = [train_epoch(model, optimizer, [batch], variant_of(params, name))[0] for batch in islice(batches, 50)]
    return losses, [weight.detach() for weight in model.parameters()]


def begin(
    reviews: EncodedReviews, vocab_size: int, params: Params, name: str, device: torch.device
) -> tuple[RNNClassifier, torch.optim.Optimizer, Iterator[Batch]]:
    """A training before its first step."""
    variant = variant_of(params, name)
    model = build_model(variant, vocab_size, params.max_length, seed=0).to(device)
    batches = ReviewTensors(reviews, device).shuffled(variant.batch_size, torch.Generator().manual_seed(0))
    return model, build_optimizer(model, variant), batches


def variant_of(params: Params, name: str) -> Hyperparameters:
    """The hyperparameters of a variant."""
    return study_catalogue(params).find(name).hyperparameters
