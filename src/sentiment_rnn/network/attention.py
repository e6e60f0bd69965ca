"""A self-attention layer that can take the place of the recurrent ones."""

from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """The source's formulas: k = Kx, q = Qx, v = Vx; a token's output is the sum of all v, weighted by softmax(q . k).

    A layer normalisation follows, as in the source. There are neither heads nor the scale of Vaswani et al. (Attention
    Is All You Need, 2017), and nothing tells the order of the tokens, except the weights of the classifier.
    """

    def __init__(self, embedding_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.key = nn.Linear(embedding_dim, hidden_dim, bias=False)
        self.query = nn.Linear(embedding_dim, hidden_dim, bias=False)
        self.value = nn.Linear(embedding_dim, hidden_dim, bias=False)
        self.norm = nn.LayerNorm(hidden_dim)

    def forward(self, embedded: Tensor, is_token: Tensor) -> Tensor:
        """[batch, time, embedding_dim] -> [batch, time, hidden_dim]; `is_token` [batch, time] is False at padding."""
        query, key, value = self.query(embedded), self.key(embedded), self.value(embedded)
        attended = F.scaled_dot_product_attention(query, key, value, is_token[:, None, :], scale=1.0)
        normalised: Tensor = self.norm(attended)
        return normalised
