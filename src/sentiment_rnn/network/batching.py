"""Batches of encoded reviews, made from the flat arrays on the device where the model is."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from sentiment_rnn.encoding.arrays import PAD_ID, EncodedReviews


class Batch(NamedTuple):
    """Reviews in descending order of their lengths.

    Attributes:
        ids: int32 [batch, time] on the device, padded with 0 up to the longest review.
        lengths: int64 [batch] on the CPU.
        labels: int64 [batch] on the device.
        indices: int64 [batch] on the CPU, the indices of the reviews in the data set.
    """

    ids: Tensor
    lengths: Tensor
    labels: Tensor
    indices: Tensor


class ReviewTensors:
    """A whole data set on one device: a batch is an indexing operation there, and nothing is copied."""

    def __init__(self, reviews: EncodedReviews, device: torch.device) -> None:
        self.lengths = torch.from_numpy(reviews.lengths).long()
        self.starts = self.lengths.cumsum(0) - self.lengths
        self.tokens = torch.from_numpy(reviews.tokens).to(device)
        self.labels = torch.from_numpy(reviews.labels).to(device)

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        """All reviews once, in random order; the last batch may be smaller."""
        return map(self._batch, torch.randperm(len(self.lengths), generator=generator).split(batch_size))

    def by_length(self, batch_size: int) -> Iterator[Batch]:
        """All reviews once, those of similar length together."""
        return map(self._batch, self.lengths.argsort(descending=True, stable=True).split(batch_size))

    def _batch(self, indices: Tensor) -> Batch:
        lengths, order = self.lengths[indices].sort(descending=True, stable=True)
        indices = indices[order]
        time = torch.arange(int(lengths[0]))
        positions = (self.starts[indices, None] + time).clamp(max=len(self.tokens) - 1)
        is_token = (time < lengths[:, None]).to(self.tokens.device, non_blocking=True)
        ids = self.tokens[positions.to(self.tokens.device, non_blocking=True)].where(is_token, PAD_ID)
        return Batch(ids, lengths, self.labels[indices.to(self.labels.device, non_blocking=True)], indices)
