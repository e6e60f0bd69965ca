"""A trained model's logits for a whole data set."""

import os

import torch
from torch import Tensor, nn

from sentiment_rnn.network.batching import ReviewTensors

BATCH_SIZE = 128  # for speed alone: the logits do not depend on it beyond rounding

if hasattr(os, "register_at_fork"):
    # OpenMP's threads do not survive a fork: a child that uses more than one would wait for ever
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@torch.inference_mode()
def predict_logits(model: nn.Module, reviews: ReviewTensors) -> Tensor:
    """[reviews, 2] on the CPU, in the order of the data set; leaves the model in evaluation mode."""
    model.eval()
    logits = torch.empty(len(reviews.lengths), 2)
    for batch in reviews.by_length(BATCH_SIZE):
        logits[batch.indices] = model(batch.ids, batch.lengths).cpu()
    return logits
