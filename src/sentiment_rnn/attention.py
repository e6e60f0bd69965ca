"""A self-attention layer, to stand where the recurrent ones do."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sentiment_rnn.packing import Padding


class SelfAttention(nn.Module):
    """The source's formulas: k = Kx, q = Qx, v = Vx; a token's output is the sum of all v, weighted by softmax(q . k).

    Behind it stands a layer normalisation, as the source has it. There are neither heads nor the scale of Vaswani et
    al. (Attention Is All You Need, 2017), and nothing tells the order of the tokens: that is left to the linear layer,
    which has weights for each position.

    Args:
        embedding_dim: of the inputs.
        hidden_dim: of keys, queries, values and outputs.
    """

    def __init__(self, embedding_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.key = nn.Linear(embedding_dim, hidden_dim, bias=False)
        self.query = nn.Linear(embedding_dim, hidden_dim, bias=False)
        self.value = nn.Linear(embedding_dim, hidden_dim, bias=False)
        self.norm = nn.LayerNorm(hidden_dim)

    def forward(self, inputs: PackedSequence) -> PackedSequence:
        """[rows, embedding_dim] -> [rows, hidden_dim]; each review attends to itself alone."""
        padding = Padding(inputs.batch_sizes, inputs.data.device)
        keys, queries, values = (
            padding.pad(layer(inputs.data)) for layer in (self.key, self.query, self.value)
        )  # [batch, time, hidden]
        scores = queries @ keys.transpose(1, 2)
        weights = scores.masked_fill(~padding.is_real[:, None, :], -torch.inf).softmax(dim=2)
        outputs: Tensor = self.norm(padding.unpad(weights @ values))
        return inputs._replace(data=outputs)
