"""Where the rows of a packed batch stand once each review is padded to the length of the longest.

All functions take `batch_sizes`, int64 [time] on the CPU, of a PackedSequence: how many reviews are still there at each
step. All return int64 on the CPU.
"""

import torch
from torch import Tensor


def padded_places(batch_sizes: Tensor) -> Tensor:
    """[rows]: the place of each packed row among the batch * time places of the padded batch, review by review."""
    time, batch = len(batch_sizes), int(batch_sizes[0])
    is_real = torch.arange(batch) < batch_sizes[:, None]
    return (torch.arange(batch) * time + torch.arange(time)[:, None])[is_real]


def row_reviews(batch_sizes: Tensor) -> Tensor:
    """[rows]: the place of each packed row's review in the batch."""
    return padded_places(batch_sizes) // len(batch_sizes)


def review_lengths(batch_sizes: Tensor) -> Tensor:
    """[batch]: how many rows each review has."""
    return row_reviews(batch_sizes).bincount()


def previous_rows(batch_sizes: Tensor) -> Tensor:
    """[rows]: the row of the token before each; a review's first token has its own row there."""
    size_before = torch.cat([torch.zeros(1, dtype=torch.int64), batch_sizes[:-1]])
    return torch.arange(int(batch_sizes.sum())) - size_before.repeat_interleave(batch_sizes)
