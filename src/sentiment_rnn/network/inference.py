"""A trained model's logits for a whole split."""

import torch
from torch import Tensor, nn

from sentiment_rnn.network.batching import ReviewTensors

BATCH_SIZE = 128  # speed alone: the logits do not depend on it beyond rounding


@torch.inference_mode()
def predict_logits(model: nn.Module, reviews: ReviewTensors) -> Tensor:
    """[reviews, 2] on the CPU, in the order of the data set; leaves the model in evaluation mode."""
    model.eval()
    logits = torch.empty(len(reviews), 2, device=reviews.device)
    for batch in reviews.by_length(BATCH_SIZE):
        logits[batch.indices.to(reviews.device)] = model(batch.tokens)
    return logits.cpu()
