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
