"""What one would write without this project: the source's model as it prints it, on padded batches."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.network.model import RNNClassifier


class PlainBatch(NamedTuple):
    """Reviews in the order drawn: tokens [batch, time] with zeros behind each end, lengths [batch], labels [batch]."""

    tokens: Tensor
    lengths: Tensor
    labels: Tensor


class PlainClassifier(nn.Module):
    """Packed sequences, batch first, padded to max_length, flattened; it shares the weights of `like`."""

    def __init__(self, like: RNNClassifier, max_length: int) -> None:
        super().__init__()
        self.embedding, self.rnn, self.linear, self.max_length = like.embedding, like.rnn, like.linear, max_length

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """[batch, time] -> [batch, 2]."""
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        self.rnn.batch_first = True
        states, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=self.max_length)
        self.rnn.batch_first = False
        logits: Tensor = self.linear(states.flatten(1))
        return logits


def plain_batches(reviews: EncodedReviews, batch_size: int, seed: int) -> Iterator[PlainBatch]:
    """What a shuffling DataLoader with a padding collate function gives."""
    offsets = np.cumsum(reviews.lengths) - reviews.lengths
    for indices in torch.randperm(len(reviews), generator=torch.Generator().manual_seed(seed)).split(batch_size):
        rows = [
            torch.from_numpy(reviews.tokens[offsets[i] : offsets[i] + reviews.lengths[i]]) for i in indices.tolist()
        ]
        lengths = torch.tensor([len(row) for row in rows])
        yield PlainBatch(pad_sequence(rows, batch_first=True), lengths, torch.from_numpy(reviews.labels)[indices])


def plain_optimizer(model: nn.Module, name: str, lr: float) -> torch.optim.Optimizer:
    """As one writes it."""
    optimizers: dict[str, type[torch.optim.Optimizer]] = {
        "sgd": torch.optim.SGD,
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
    }
    return optimizers[name](model.parameters(), lr=lr)  # type: ignore[call-arg]
