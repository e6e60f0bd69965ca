"""Trainings on a GPU: steps a second alone and side by side, the same bytes twice, agreement with the CPU."""

import time
from itertools import islice
from multiprocessing.synchronize import Barrier
from typing import Any

import torch
from one_way import begin_training
from torch import Tensor, multiprocessing

from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.study.params import Hyperparameters, Params
from sentiment_rnn.study.variants import study_catalogue
from sentiment_rnn.training.loop import train_epoch

VARIANTS = ("lstm-adam", "n_layers-4", "hidden_dim-320", "compound")
WARM_UP, N_STEPS = 20, 200
N_AT_ONCE = 4


def cuda_training(reviews: EncodedReviews, vocab_size: int, params: Params) -> dict[str, Any]:
    """By variant: steps a second of one training, and of N_AT_ONCE processes together; and the two checks."""
    use_deterministic_device()
    results: dict[str, Any] = {"device": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    cuda = torch.device("cuda")
    for name in VARIANTS:
        common = (reviews, vocab_size, params.max_length, study_catalogue(params).find(name).hyperparameters)
        on_cuda, weights = fifty_steps(*common, cuda)
        again, weights_again = fifty_steps(*common, cuda)
        on_cpu, _ = fifty_steps(*common, torch.device("cpu"))
        results[name] = {
            "steps_per_second": steps_per_second(1, *common),
            f"steps_per_second_of_{N_AT_ONCE}": steps_per_second(N_AT_ONCE, *common),
            "same_seed_same_bytes": on_cuda == again and all(map(torch.equal, weights, weights_again)),
            "largest_relative_difference_to_cpu": max(abs(a - b) / b for a, b in zip(on_cuda, on_cpu, strict=True)),
        }
        print(name, results[name], flush=True)
    return results


def steps_per_second(n_processes: int, *training: Any) -> float:
    """Of all processes together, while all of them run."""
    context = multiprocessing.get_context("spawn")
    barrier, ends = context.Barrier(n_processes + 1), context.Queue()
    work = (barrier, ends, *training)
    processes = [context.Process(target=train_steps, args=work, daemon=True) for _ in range(n_processes)]
    for process in processes:
        process.start()
    barrier.wait()
    started = time.time()
    seconds: float = max(ends.get() for _ in processes) - started
    return round(n_processes * N_STEPS / seconds, 1)


def train_steps(
    barrier: Barrier, ends: Any, reviews: EncodedReviews, vocab_size: int, max_length: int, variant: Hyperparameters
) -> None:
    """One training, batches and all; it waits for the others after its warm-up."""
    on_device = ReviewTensors(reviews, use_deterministic_device())
    model, optimizer, batches = begin_training(on_device, vocab_size, max_length, variant)
    train_epoch(model, optimizer, islice(batches, WARM_UP), variant)  # reads the loss: the device is idle then
    barrier.wait()
    train_epoch(model, optimizer, islice(batches, N_STEPS), variant)
    ends.put(time.time())


def fifty_steps(
    reviews: EncodedReviews, vocab_size: int, max_length: int, variant: Hyperparameters, device: torch.device
) -> tuple[list[float], list[Tensor]]:
    """The losses of the first 50 steps, and the weights after them."""
    model, optimizer, batches = begin_training(ReviewTensors(reviews, device), vocab_size, max_length, variant)
    losses = [train_epoch(model, optimizer, [batch], variant)[0] for batch in islice(batches, 50)]
    return losses, [weight.detach() for weight in model.parameters()]
