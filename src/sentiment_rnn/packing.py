"""Between packed rows and padded batches."""

import torch
from torch import Tensor


class Padding:
    """Where the rows of a packed batch stand once each review is padded to the length of the longest.

    PyTorch's pad_packed_sequence is a slice a time step, whose gradients together take quadratic time; this is one
    indexing operation.

    Args:
        batch_sizes: int64 [time] on the CPU, of a PackedSequence: the reviews that are still there at each step.
        device: where the rows are.

    Attributes:
        is_real: bool [batch, time] on the device.
    """

    def __init__(self, batch_sizes: Tensor, device: torch.device) -> None:
        self.time, self.batch = len(batch_sizes), int(batch_sizes[0])
        is_real = torch.arange(self.batch) < batch_sizes[:, None]
        places = torch.arange(self.batch) * self.time + torch.arange(self.time)[:, None]
        self.rows = places[is_real].to(device, non_blocking=True)
        self.is_real = is_real.T.to(device, non_blocking=True)

    def pad(self, rows: Tensor) -> Tensor:
        """[rows, features] -> [batch, time, features], zeros behind each review's end."""
        padded = rows.new_zeros(self.batch * self.time, rows.shape[1]).index_copy(0, self.rows, rows)
        return padded.view(self.batch, self.time, -1)

    def unpad(self, padded: Tensor) -> Tensor:
        """[batch, time, features] -> [rows, features]."""
        return padded.flatten(0, 1)[self.rows]
