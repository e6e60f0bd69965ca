"""Time blocks against PyTorch's packed sequences: outputs and every gradient."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sentiment_rnn.recurrent import run_in_blocks

TOLERANCE = 1e-5  # of the largest number in the tensor


def packed(rnn: nn.LSTM | nn.GRU, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The plain way."""
    outputs, _ = rnn(pack_padded_sequence(inputs, lengths))
    return pad_packed_sequence(outputs, total_length=len(inputs))[0]


def outputs_and_gradients(run, rnn, inputs, lengths):
    """Everything that a training step could notice."""
    inputs = inputs.clone().requires_grad_()
    rnn.zero_grad()
    outputs = run(rnn, inputs, lengths)
    weights = torch.linspace(-1, 1, outputs.numel()).view_as(outputs)  # another gradient at each output
    (outputs * weights).sum().backward()
    return [outputs.detach(), inputs.grad, *(parameter.grad.clone() for parameter in rnn.parameters())]


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_blocks_are_the_packed_sequence(cell, n_layers, bidirectional, seed):
    torch.manual_seed(seed)
    rnn = cell(5, 12, n_layers, bidirectional=bidirectional)
    lengths = torch.randint(1, 140, (17,)).sort(descending=True).values
    inputs = torch.randn(int(lengths[0]), len(lengths), 5)
    plain = outputs_and_gradients(packed, rnn, inputs, lengths)
    blocks = outputs_and_gradients(run_in_blocks, rnn, inputs, lengths)
    assert len(plain) == len(blocks)
    for expected, actual in zip(plain, blocks, strict=True):
        torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE * float(expected.abs().max()))


@pytest.mark.parametrize("lengths", [[1], [32], [33], [64, 32, 32, 1], [65, 65, 31]])
def test_lengths_at_the_edges_of_blocks(lengths):
    torch.manual_seed(0)
    rnn = nn.LSTM(3, 4)
    inputs = torch.randn(lengths[0], len(lengths), 3)
    plain = outputs_and_gradients(packed, rnn, inputs, torch.tensor(lengths))
    blocks = outputs_and_gradients(run_in_blocks, rnn, inputs, torch.tensor(lengths))
    for expected, actual in zip(plain, blocks, strict=True):
        torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE * float(expected.abs().max()))
