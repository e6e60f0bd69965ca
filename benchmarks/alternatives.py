"""What one would write in PyTorch without this project: the same model over packed or over padded batches."""

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.study.params import OPTIMIZER_SETTINGS, Hyperparameters

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
}


class PaddedBatch(NamedTuple):
    """Ids [batch, time] padded with 0, lengths [batch], labels [batch]."""

    ids: Tensor
    lengths: Tensor
    labels: Tensor


class PackedClassifier(nn.Module):
    """The source's model as it prints it: packed sequences, padded to max_length, flattened.

    Args:
        like: whose layers it copies, with their weights.
        max_length: tokens of the longest review.
    """

    def __init__(self, like: RNNClassifier, max_length: int) -> None:
        super().__init__()
        self.embedding, self.linear = deepcopy(like.embedding), deepcopy(like.linear)
        self.rnn, self.max_length = one_module(like), max_length
        self.rnn.batch_first = True

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """[batch, time] -> [batch, 2]."""
        logits: Tensor = self.linear(self.states(self.embedding(ids), lengths).flatten(1))
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


def one_module(like: RNNClassifier) -> nn.LSTM | nn.GRU:
    """The recurrent layers as PyTorch has them: both directions in one module."""
    rnn: nn.LSTM | nn.GRU = deepcopy(like.rnns[0])  # type: ignore[assignment]
    if len(like.rnns) == 1:
        return rnn
    both = type(rnn)(
        rnn.input_size, rnn.hidden_size, bidirectional=True, dtype=rnn.weight_ih_l0.dtype
    )  # one layer: with more it is another model
    forth, back = rnn.state_dict(), like.rnns[1].state_dict()
    both.load_state_dict(forth | {f"{name}_reverse": weight for name, weight in back.items()})
    return both


def build_optimizer(model: nn.Module, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """The optimizer with its settings, as its documentation shows it."""
    names = OPTIMIZER_SETTINGS[hyperparameters.optimizer]
    settings = {name: getattr(hyperparameters, name) for name in names}
    return OPTIMIZERS[hyperparameters.optimizer](model.parameters(), **settings)


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
    loss = F.cross_entropy(model(batch.ids, batch.lengths), batch.labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
