"""The hand-written passes against PyTorch's own: outputs and every gradient; test_model.py has the trajectory."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from sentiment_rnn.network.recurrent import run, run_by_hand

Run = Callable[[nn.LSTM | nn.GRU, PackedSequence], PackedSequence]

# of the largest number in the tensor; in double precision a wrong formula cannot hide behind rounding
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-4}


def plain(rnn: nn.LSTM | nn.GRU, inputs: PackedSequence) -> PackedSequence:
    """PyTorch's."""
    return rnn(inputs)[0]


def random_reviews(lengths: list[int], features: int) -> PackedSequence:
    return pack_sequence([torch.randn(length, features) for length in sorted(lengths, reverse=True)])


def outputs_and_gradients(run: Run, rnn: nn.LSTM | nn.GRU, inputs: PackedSequence) -> list[Tensor]:
    """Everything that a training step could notice."""
    data = inputs.data.clone().requires_grad_()
    rnn.zero_grad()
    outputs = run(rnn, inputs._replace(data=data)).data
    weights = torch.linspace(-1, 1, outputs.numel()).view_as(outputs)  # another gradient at each output
    (outputs * weights).sum().backward()
    assert data.grad is not None
    return [
        outputs.detach(),
        data.grad,
        *(weight.grad.clone() for weight in rnn.parameters() if weight.grad is not None),
    ]


def assert_same(rnn: nn.LSTM | nn.GRU, inputs: PackedSequence, dtype: torch.dtype = torch.float64) -> None:
    rnn, inputs = rnn.to(dtype), inputs.to(dtype)
    expected = outputs_and_gradients(plain, rnn, inputs)
    actual = outputs_and_gradients(run_by_hand, rnn, inputs)
    assert len(actual) == len(expected) == 2 + len(list(rnn.parameters()))
    for ours, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[dtype] * float(theirs.abs().max()))


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_outputs_and_gradients_are_those_of_pytorch(cell, n_layers, bidirectional, dtype):
    torch.manual_seed(0)
    rnn = cell(5, 12, n_layers, bidirectional=bidirectional)
    assert_same(rnn, random_reviews(torch.randint(1, 140, (17,)).tolist(), 5), dtype)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("lengths", [[1], [7], [1, 1, 1], [9, 9], [30, 1], [4, 3, 2, 1]])
def test_few_and_short_reviews(cell, lengths):
    torch.manual_seed(0)
    assert_same(cell(3, 4, bidirectional=True), random_reviews(lengths, 3))


def test_dropout_stands_between_the_layers_as_in_pytorch():
    """All dropped, which leaves nothing to chance."""
    torch.manual_seed(0)
    assert_same(nn.GRU(3, 4, 3, dropout=1.0, bidirectional=True), random_reviews([6, 4, 1], 3))


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_training_runs_by_hand(cell):
    outputs = run(cell(3, 4), random_reviews([6, 4], 3)).data
    assert type(outputs.grad_fn).__name__ == f"{cell.__name__}DirectionBackward"


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_gradients_are_those_of_finite_differences(cell):
    torch.manual_seed(0)
    rnn = cell(2, 3, 2, bidirectional=True).double()
    inputs = random_reviews([5, 3, 3, 1], 2)

    def outputs(data: Tensor, *_: Tensor) -> Tensor:
        return run_by_hand(rnn, inputs._replace(data=data)).data

    assert torch.autograd.gradcheck(outputs, (inputs.data.double().requires_grad_(), *rnn.parameters()))


def test_two_batches_may_be_under_way_at_once():
    torch.manual_seed(0)
    rnn = nn.GRU(3, 4)
    both = [random_reviews([6, 4], 3), random_reviews([8, 2, 2], 3)]
    apart = [torch.autograd.grad(run_by_hand(rnn, inputs).data.sum(), rnn.weight_hh_l0)[0] for inputs in both]
    together = sum(run_by_hand(rnn, inputs).data.sum() for inputs in both)
    torch.testing.assert_close(torch.autograd.grad(together, rnn.weight_hh_l0)[0], apart[0] + apart[1])


def test_without_gradients_it_is_the_forward_pass_of_pytorch():
    torch.manual_seed(0)
    rnn, inputs = nn.LSTM(3, 4, 2), random_reviews([6, 4], 3)
    with torch.no_grad():
        assert torch.equal(run(rnn, inputs).data, plain(rnn, inputs).data)
        torch.testing.assert_close(run_by_hand(rnn, inputs).data, plain(rnn, inputs).data)
