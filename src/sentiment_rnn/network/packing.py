"""Where the rows of a packed batch stand once each review is padded to the length of the longest."""

import torch
from torch import Tensor


def padded_places(batch_sizes: Tensor) -> Tensor:
    """For each packed row its place among the batch * time places of the padded batch, review by review.

    Args:
        batch_sizes: int64 [time] on the CPU, of a PackedSequence: the reviews that are still there at each step.

    Returns:
        int64 [rows] on the CPU.
    """
    time, batch = len(batch_sizes), int(batch_sizes[0])
    is_real = torch.arange(batch) < batch_sizes[:, None]
    return (torch.arange(batch) * time + torch.arange(time)[:, None])[is_real]


def row_reviews(batch_sizes: Tensor) -> Tensor:
    """For each packed row the place of its review in the batch.

    Args:
        batch_sizes: int64 [time] on the CPU, of a PackedSequence.

    Returns:
        int64 [rows] on the CPU.
    """
    return padded_places(batch_sizes) // len(batch_sizes)


def review_lengths(batch_sizes: Tensor) -> Tensor:
    """How many rows each review has.

    Args:
        batch_sizes: int64 [time] on the CPU, of a PackedSequence.

    Returns:
        int64 [batch] on the CPU.
    """
    return row_reviews(batch_sizes).bincount()


def previous_rows(batch_sizes: Tensor) -> Tensor:
    """For each packed row that of the token before it; a review's first token has its own row there.

    Args:
        batch_sizes: int64 [time] on the CPU, of a PackedSequence.

    Returns:
        int64 [rows] on the CPU.
    """
    size_before = torch.cat([torch.zeros(1, dtype=torch.int64), batch_sizes[:-1]])
    return torch.arange(int(batch_sizes.sum())) - size_before.repeat_interleave(batch_sizes)
