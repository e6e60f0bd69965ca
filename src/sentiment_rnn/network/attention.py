"""A self-attention layer, to stand where the recurrent ones do."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sentiment_rnn.network.packing import padded_places, review_lengths


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
        places = padded_places(inputs.batch_sizes)
        by_review = places.argsort().to(inputs.data.device)
        lengths = review_lengths(inputs.batch_sizes).tolist()
        keys, queries, values = (
            layer(inputs.data)[by_review].split(lengths) for layer in (self.key, self.query, self.value)
        )
        # review by review: on padded ones most of the scores would be of padding
        attended = [(q @ k.T).softmax(dim=1) @ v for k, q, v in zip(keys, queries, values, strict=True)]
        outputs: Tensor = self.norm(torch.cat(attended)[by_review.argsort()])
        return inputs._replace(data=outputs)
