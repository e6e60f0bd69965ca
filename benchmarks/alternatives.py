"""What one would write in PyTorch without this project: the same model over packed or over padded batches."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.network.model import RNNClassifier

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
}


class PaddedBatch(NamedTuple):
    """Tokens [batch, time] with zeros behind each end, lengths [batch], labels [batch]."""

    tokens: Tensor
    lengths: Tensor
    labels: Tensor


class PackedClassifier(nn.Module):
    """The source's model as it prints it: packed sequences, padded to max_length, flattened.

    Args:
        like: whose layers it takes, with their weights.
        max_length: tokens of the longest review.
    """

    def __init__(self, like: RNNClassifier, max_length: int) -> None:
        super().__init__()
        self.embedding, self.rnn, self.linear, self.max_length = like.embedding, like.rnn, like.linear, max_length
        self.rnn.batch_first = True

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """[batch, time] -> [batch, 2]."""
        logits: Tensor = self.linear(self.states(self.embedding(tokens), lengths).flatten(1))
        return logits

    def states(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """[batch, time, embedding_dim] -> [batch, max_length, hidden_dim], zeros behind each end."""
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=self.max_length)[0]


class PaddedClassifier(PackedClassifier):
    """The same function without packing, for layers that read forwards: over the padding too, and masked after it."""

    def states(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """As packed; what is behind an end is computed and thrown away."""
        states = self.rnn(embedded)[0]
        is_real = torch.arange(states.shape[1]) < lengths[:, None]
        return F.pad(states * is_real[:, :, None], (0, 0, 0, self.max_length - states.shape[1]))


CLASSIFIERS = {"packed": PackedClassifier, "padded": PaddedClassifier}


def shuffled(reviews: EncodedReviews, seed: int) -> Tensor:
    """The order in which a DataLoader with this seed draws the reviews."""
    return torch.randperm(len(reviews), generator=torch.Generator().manual_seed(seed))


def padded_batches(reviews: EncodedReviews, order: Tensor, batch_size: int) -> Iterator[PaddedBatch]:
    """What a DataLoader with a padding collate function gives in this order."""
    offsets = np.cumsum(reviews.lengths) - reviews.lengths
    for indices in order.split(batch_size):
        rows = [
            torch.from_numpy(reviews.tokens[offsets[i] : offsets[i] + reviews.lengths[i]]) for i in indices.tolist()
        ]
        lengths = torch.tensor([len(row) for row in rows])
        yield PaddedBatch(pad_sequence(rows, batch_first=True), lengths, torch.from_numpy(reviews.labels)[indices])


def step(model: PackedClassifier, optimizer: torch.optim.Optimizer, batch: PaddedBatch) -> float:
    """One step of a training; the loss before it."""
    loss = F.cross_entropy(model(batch.tokens, batch.lengths), batch.labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
