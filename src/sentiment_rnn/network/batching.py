"""Batches of encoded reviews, built from the flat arrays on the device where the model is."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from sentiment_rnn.encoding.dataset import EncodedReviews


class Batch(NamedTuple):
    """Reviews in descending order of their lengths.

    Attributes:
        tokens: packed int32 on the device: all first tokens, then all second ones, ...; no padding.
        labels: int64 [batch] on the device.
        indices: int64 [batch] on the CPU, the reviews' places in the data set.
    """

    tokens: PackedSequence
    labels: Tensor
    indices: Tensor


class ReviewTensors:
    """A whole split on one device: a batch is an indexing operation there, without DataLoader and copies."""

    def __init__(self, reviews: EncodedReviews, device: torch.device) -> None:
        self.device = device
        self.lengths = torch.from_numpy(reviews.lengths).long()
        self.tokens = torch.from_numpy(reviews.tokens).to(device)
        self.labels = torch.from_numpy(reviews.labels).to(device)
        self.offsets = self.lengths.cumsum(0) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        """All reviews once, in random order; the last batch may be smaller."""
        for indices in torch.randperm(len(self), generator=generator).split(batch_size):
            yield self._batch(indices)

    def by_length(self, batch_size: int) -> Iterator[Batch]:
        """All reviews once, those of like length together, so that every time step has nearly all of them."""
        for indices in self.lengths.argsort(descending=True, stable=True).split(batch_size):
            yield self._batch(indices)

    def _batch(self, indices: Tensor) -> Batch:
        lengths, order = self.lengths[indices].sort(descending=True, stable=True)
        indices = indices[order]
        time = torch.arange(int(lengths[0]))[:, None]
        is_real = time < lengths
        positions = (self.offsets[indices] + time)[is_real].to(self.device, non_blocking=True)
        tokens = PackedSequence(self.tokens[positions], is_real.sum(1))
        return Batch(tokens, self.labels[indices.to(self.device, non_blocking=True)], indices)
