"""Self-attention against the formulas, token by token."""

import math

import torch
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from sentiment_rnn.network.attention import SelfAttention
from sentiment_rnn.network.packing import padded_places


def by_the_formulas(layer: SelfAttention, x: torch.Tensor) -> torch.Tensor:
    """k_i = K x_i, q_i = Q x_i, v_i = V x_i; s_ij = q_i . k_j; a_ij = exp s_ij / sum_j' exp s_ij'; sum_j a_ij v_j."""
    k, q, v = ([weight @ x_i for x_i in x] for weight in (layer.key.weight, layer.query.weight, layer.value.weight))
    outputs = []
    for q_i in q:
        powers = [math.exp(float(q_i @ k_j)) for k_j in k]
        attended = sum(power / sum(powers) * v_j for power, v_j in zip(powers, v, strict=True))
        deviation = attended - attended.mean()
        normalized = deviation / torch.sqrt((deviation**2).mean() + layer.norm.eps)
        outputs.append(layer.norm.weight * normalized + layer.norm.bias)
    return torch.stack(outputs)


def test_outputs_are_those_of_the_formulas():
    """For reviews of several lengths in one batch, none of which sees another's tokens or any padding."""
    torch.manual_seed(0)
    layer = SelfAttention(3, 5).double()
    with torch.no_grad():
        layer.norm.weight.uniform_()
        layer.norm.bias.uniform_()
    reviews = [torch.randn(length, 3, dtype=torch.float64) for length in (6, 3, 3, 1)]
    with torch.no_grad():
        for found, review in zip(unpack_sequence(layer(pack_sequence(reviews))), reviews, strict=True):
            torch.testing.assert_close(found, by_the_formulas(layer, review))


def test_gradients():
    torch.manual_seed(0)
    layer = SelfAttention(2, 3).double()
    reviews = [torch.randn(length, 2, dtype=torch.float64) for length in (4, 2)]
    packed = pack_sequence(reviews)
    inputs = packed.data.requires_grad_()
    assert torch.autograd.gradcheck(lambda data: layer(packed._replace(data=data)).data, inputs)


def test_padded_places():
    reviews = [torch.arange(3), torch.arange(10, 12)]
    packed = pack_sequence(reviews)
    padded = torch.zeros(2 * 3, dtype=torch.int64).index_copy(0, padded_places(packed.batch_sizes), packed.data)
    assert padded.tolist() == [0, 1, 2, 10, 11, 0]
