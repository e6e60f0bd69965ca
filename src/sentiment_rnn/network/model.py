"""The model: embedding, LSTM or GRU (or self-attention), and a linear layer over the hidden states of all tokens."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sentiment_rnn.network.attention import SelfAttention
from sentiment_rnn.study.params import Hyperparameters

RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU}
BLOCK = 32  # time steps in one call of a recurrent layer; 16 and 64 are slower


class RNNClassifier(nn.Module):
    """Embedding -> LSTM or GRU -> zeros at padding -> flatten -> linear -> 2 logits.

    A bidirectional model has one stack of layers for each direction (Peters et al., Deep contextualized word
    representations, 2018). With one layer that is PyTorch's bidirectional nn.LSTM.

    Args:
        hyperparameters: the variant.
        vocab_size: number of ids, with <pad> and <unk>.
        max_length: tokens of the longest review: the linear layer has weights for each position.
    """

    def __init__(self, hyperparameters: Hyperparameters, vocab_size: int, max_length: int) -> None:
        super().__init__()
        cell, sizes = hyperparameters.cell, (hyperparameters.embedding_dim, hyperparameters.hidden_dim)
        n_directions = 0 if cell == "attention" else 1 + hyperparameters.bidirectional
        options = {"num_layers": hyperparameters.n_layers, "dropout": hyperparameters.dropout}
        self.embedding = nn.Embedding(vocab_size, hyperparameters.embedding_dim, padding_idx=0)
        self.rnns = nn.ModuleList(RECURRENT[cell](*sizes, **options) for _ in range(n_directions))
        self.attention = SelfAttention(*sizes) if cell == "attention" else None
        self.width = hyperparameters.hidden_dim * max(n_directions, 1)
        self.linear = nn.Linear(self.width * max_length, 2)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Score a batch of reviews.

        Args:
            ids: int [batch, time], padded with 0.
            lengths: int64 [batch] on the CPU, in descending order.

        Returns:
            [batch, 2]: the logits of negative and positive.
        """
        logits = self.linear.bias.expand(len(ids), 2)
        for start, states in self.hidden_states(ids, lengths):
            weight = self.linear.weight[:, start * self.width : (start + states.shape[1]) * self.width]
            # the reviews that have ended have zeros here
            logits = logits + F.pad(F.linear(states.flatten(1), weight), (0, 0, 0, len(ids) - len(states)))
        return logits

    def hidden_states(self, ids: Tensor, lengths: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The hidden states of the last layer in blocks of time steps.

        Yields:
            The first time step of a block, and [reviews that have not ended, steps, width], zero at padding.
        """
        if self.attention is not None:
            is_token = token_mask(lengths, ids)
            yield 0, self.attention(self.embedding(ids), is_token) * is_token[..., None]
        elif len(self.rnns) == 1:
            yield from run_in_blocks(self.rnns[0], self.embedding(ids.T), lengths)
        else:
            reverse = reversed_positions(lengths, ids)
            forward = join_blocks(run_in_blocks(self.rnns[0], self.embedding(ids.T), lengths), len(ids))
            backward = join_blocks(
                run_in_blocks(self.rnns[1], self.embedding(ids.gather(1, reverse).T), lengths), len(ids)
            )
            yield 0, torch.cat([forward, backward.gather(1, reverse[..., None].expand_as(backward))], 2)

    def contributions(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """What each token of one review [1, time] adds to the difference of the logits: [time], and the bias.

        The linear layer sees the hidden states side by side, so the difference is exactly the sum of a term for each
        token and of the bias. The hidden state of a token has also read the tokens before it (and those after it, in a
        bidirectional model or with attention).
        """
        weight = (self.linear.weight[1] - self.linear.weight[0]).view(-1, self.width)
        states = torch.cat([states[0] for _, states in self.hidden_states(ids, torch.tensor([ids.shape[1]]))])
        return (states * weight[: len(states)]).sum(1), self.linear.bias[1] - self.linear.bias[0]


def run_in_blocks(rnn: nn.Module, embedded: Tensor, lengths: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Run nn.LSTM or nn.GRU over blocks of time steps, each with only the reviews that have not ended.

    So almost no padding is computed, and nothing of the size [batch, time, hidden_dim] is ever in memory.

    Args:
        rnn: the layers, time first.
        embedded: [time, batch, embedding_dim].
        lengths: int64 [batch] on the CPU, in descending order.
    """
    state = None
    for start in range(0, len(embedded), BLOCK):
        block = embedded[start : start + BLOCK, : int((lengths > start).sum())]
        n_reviews = block.shape[1]
        if isinstance(state, tuple):  # (h, c) of an LSTM
            state = tuple(part[:, :n_reviews].contiguous() for part in state)
        elif state is not None:
            state = state[:, :n_reviews].contiguous()
        states, state = rnn(block, state)
        states = states.transpose(0, 1)
        yield start, states * token_mask(lengths[:n_reviews] - start, states)[..., None]


def join_blocks(blocks: Iterator[tuple[int, Tensor]], n_reviews: int) -> Tensor:
    """The blocks as one tensor [n_reviews, time, hidden_dim]."""
    return torch.cat([F.pad(states, (0, 0, 0, 0, 0, n_reviews - len(states))) for _, states in blocks], 1)


def token_mask(lengths: Tensor, padded: Tensor) -> Tensor:
    """Bool [batch, time] on the device of `padded` [batch, time, ...]: True at tokens, False at padding."""
    return (torch.arange(padded.shape[1]) < lengths[:, None]).to(padded.device, non_blocking=True)


def reversed_positions(lengths: Tensor, ids: Tensor) -> Tensor:
    """Int64 [batch, time]: each review's positions from its last token to its first; padding stays where it is."""
    time = torch.arange(ids.shape[1])
    return torch.where(time < lengths[:, None], lengths[:, None] - 1 - time, time).to(ids.device, non_blocking=True)


@torch.no_grad()
def build_model(hyperparameters: Hyperparameters, vocab_size: int, max_length: int, seed: int) -> RNNClassifier:
    """A model on the CPU with the initial weights that the seed gives.

    The source's initialisation is that of its assignment: Xavier-normal embedding and linear layer, zero biases, and
    orthogonal weights between them: input-to-hidden and hidden-to-hidden, each with its gates stacked.
    """
    torch.manual_seed(seed)
    model = RNNClassifier(hyperparameters, vocab_size, max_length)
    for name, parameter in model.named_parameters() if hyperparameters.init == "source" else ():
        if name in ("embedding.weight", "linear.weight"):
            nn.init.xavier_normal_(parameter)
        elif "bias" in name:
            nn.init.zeros_(parameter)
        elif parameter.ndim > 1:  # the weight of a layer normalisation stays at one
            nn.init.orthogonal_(parameter)
    model.embedding.weight[0].zero_()
    return model
