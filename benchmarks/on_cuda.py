"""Trainings on a GPU: steps a second alone and side by side, determinism, agreement with the CPU."""

import time
from itertools import islice
from typing import Any

import torch
import torch.multiprocessing as mp

from sentiment_rnn.batching import ReviewTensors
from sentiment_rnn.dataset import EncodedReviews
from sentiment_rnn.model import build_model
from sentiment_rnn.params import Params
from sentiment_rnn.training import build_optimizer, train_epoch, use_deterministic_device

VARIANTS = ("lstm-adam", "n_layers-4", "hidden_dim-320", "compound")
WARM_UP, N_STEPS = 20, 200
SIDE_BY_SIDE = 4


def cuda_training(reviews: EncodedReviews, vocab_size: int, params: Params) -> dict[str, Any]:
    """By variant: steps a second of one training and of SIDE_BY_SIDE processes together, and the two checks."""
    results: dict[str, Any] = {"device": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    for name in VARIANTS:
        together = mp.get_context("spawn").Pool(SIDE_BY_SIDE)
        with together:
            jobs = [(reviews, vocab_size, params, name)] * SIDE_BY_SIDE
            side_by_side = together.starmap(steps_per_second, jobs)
        results[name] = {
            "steps_per_second": round(steps_per_second(reviews, vocab_size, params, name), 1),
            f"steps_per_second_of_{SIDE_BY_SIDE}_side_by_side": round(sum(side_by_side), 1),
            "same_seed_same_losses": losses(reviews, vocab_size, params, name, "cuda")
            == losses(reviews, vocab_size, params, name, "cuda"),
            "largest_difference_to_cpu_in_50_steps": largest_difference(reviews, vocab_size, params, name),
        }
        print(name, results[name], flush=True)
    return results


def steps_per_second(reviews: EncodedReviews, vocab_size: int, params: Params, name: str) -> float:
    """Of one training, its first steps left out."""
    device = use_deterministic_device()
    variant = params.variant(name)
    model = build_model(variant, vocab_size, params.max_length, params.init, seed=0).to(device)
    optimizer = build_optimizer(model, variant.optimizer, variant.lr)
    batches = ReviewTensors(reviews, device).shuffled(params.batch_size, torch.Generator().manual_seed(0))
    some = list(islice(batches, WARM_UP + N_STEPS))
    train_epoch(model, optimizer, some[:WARM_UP])  # ends with reading the loss: the device is idle then
    started = time.perf_counter()
    train_epoch(model, optimizer, some[WARM_UP:])
    return len(some[WARM_UP:]) / (time.perf_counter() - started)


def losses(reviews: EncodedReviews, vocab_size: int, params: Params, name: str, device_name: str) -> list[float]:
    """Of the first 50 steps."""
    device = torch.device(device_name)
    variant = params.variant(name)
    model = build_model(variant, vocab_size, params.max_length, params.init, seed=0).to(device)
    optimizer = build_optimizer(model, variant.optimizer, variant.lr)
    batches = ReviewTensors(reviews, device).shuffled(params.batch_size, torch.Generator().manual_seed(0))
    return [train_epoch(model, optimizer, [batch])[0] for batch in islice(batches, 50)]


def largest_difference(reviews: EncodedReviews, vocab_size: int, params: Params, name: str) -> float:
    """Between the losses of the first 50 steps on both devices, relative."""
    on_cpu, on_cuda = (losses(reviews, vocab_size, params, name, device) for device in ("cpu", "cuda"))
    return max(abs(a - b) / a for a, b in zip(on_cpu, on_cuda, strict=True))
