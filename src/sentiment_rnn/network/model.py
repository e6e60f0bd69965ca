"""The model: embedding, LSTM or GRU (or self-attention), and a linear layer, in the study over all hidden states."""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sentiment_rnn.network import recurrent
from sentiment_rnn.network.attention import SelfAttention
from sentiment_rnn.network.ngrams import NgramModel
from sentiment_rnn.network.packing import padded_places, review_lengths
from sentiment_rnn.study.params import Hyperparameters

RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU}


class RNNClassifier(nn.Module):
    """Embedding -> LSTM or GRU over the real tokens -> zeros at padding -> flatten -> linear -> 2 logits.

    Self-attention may stand in place of the LSTM or GRU; mean and maximum of the hidden states in place of all of
    them; and a linear model of n-grams beside them.

    Args:
        hyperparameters: the variant.
        vocab_size: ids, <pad> and <unk> counted in.
        max_length: tokens of the longest review; the flattening linear layer has weights for each position.
    """

    def __init__(self, hyperparameters: Hyperparameters, vocab_size: int, max_length: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, hyperparameters.embedding_dim, padding_idx=0)
        self.rnn = _layers(hyperparameters)
        width = hyperparameters.hidden_dim * (2 if hyperparameters.bidirectional else 1)
        self.head = hyperparameters.head
        self.linear = nn.Linear(width * (max_length if self.head == "flatten" else 2), 2)
        self.ngrams = NgramModel(vocab_size, hyperparameters.ngrams) if hyperparameters.ngrams else None

    def forward(self, tokens: PackedSequence, offsets: Tensor | None = None) -> Tensor:
        """Score a batch of reviews, packed in descending order of their lengths.

        Args:
            tokens: ids.
            offsets: [batch, 2], logits in place of those of the n-grams.

        Returns:
            [batch, 2]: the logits of negative and positive.
        """
        states = self._states(tokens)
        if self.head == "flatten":
            logits = _linear_over_time(states, self.linear)
        else:
            logits = self.linear(torch.cat(_mean_and_max(states)[:2], 1))
        if self.ngrams is not None:
            logits = logits + (self.ngrams(tokens) if offsets is None else offsets)
        return logits

    def _states(self, tokens: PackedSequence) -> PackedSequence:
        embedded = tokens._replace(data=self.embedding(tokens.data))
        if isinstance(self.rnn, SelfAttention):
            attended: PackedSequence = self.rnn(embedded)
            return attended
        return recurrent.run(self.rnn, embedded)

    def contributions(self, tokens: PackedSequence) -> tuple[Tensor, Tensor]:
        """What each token of one review adds to the log-odds of positive, that is, to the difference of the logits.

        The linear layer sees hidden states side by side, their mean or their maximum, so the difference is exactly the
        sum of a term per token and of the bias. A token's term is that of the hidden state at its place, which has read
        the tokens before it (and, where the network runs both ways or attends to all, those behind it); of a maximum,
        that of the numbers which are the largest there. Of an n-gram's weight each of its tokens has an equal share.

        Returns:
            [tokens], and the bias.
        """
        states = self._states(tokens)
        terms, bias = self._head_terms(states), self.linear.bias[1] - self.linear.bias[0]
        if self.ngrams is not None:
            for n, ending_here in enumerate(self.ngrams.terms(tokens).T, 1):
                for later in range(min(n, len(terms))):
                    terms[: len(terms) - later] += ending_here[later:] / n
            bias = bias + self.ngrams.bias
        return terms, bias

    def _head_terms(self, states: PackedSequence) -> Tensor:
        """[tokens]: what the linear layer makes of each hidden state of one review."""
        weight = self.linear.weight[1] - self.linear.weight[0]
        if self.head == "flatten":
            return (states.data * weight.view(-1, states.data.shape[1])[: len(states.data)]).sum(1)
        of_mean, of_max = weight.chunk(2)
        _, largest, places = _mean_and_max(states)
        terms: Tensor = states.data @ of_mean / len(states.data)
        return terms.index_add(0, places[0], largest[0] * of_max)

    def n_parameters(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.parameters())


def _layers(hyperparameters: Hyperparameters) -> nn.LSTM | nn.GRU | SelfAttention:
    if hyperparameters.cell == "attention":
        return SelfAttention(hyperparameters.embedding_dim, hyperparameters.hidden_dim)
    recurrent_class: type[nn.LSTM | nn.GRU] = RECURRENT[hyperparameters.cell]
    return recurrent_class(
        hyperparameters.embedding_dim,
        hyperparameters.hidden_dim,
        hyperparameters.n_layers,
        bidirectional=hyperparameters.bidirectional,
        dropout=hyperparameters.dropout,
    )


def build_model(
    hyperparameters: Hyperparameters, vocab_size: int, max_length: int, init: str, seed: int
) -> RNNClassifier:
    """A model with the initial weights that `seed` gives, on the CPU."""
    torch.manual_seed(seed)
    model = RNNClassifier(hyperparameters, vocab_size, max_length)
    if init == "study":
        _study_init(model)
    return model


def _study_init(model: RNNClassifier) -> None:
    """The initialisation that gives the source's figures.

    It is that of the PyTorch sentiment tutorials by B. Trevett (Xavier for linear layers, orthogonal for recurrent
    ones, zero biases), with the embedding Xavier-normal too: tiny, so that rare words start near zero.
    """
    nn.init.xavier_normal_(model.embedding.weight)
    nn.init.xavier_normal_(model.linear.weight)
    nn.init.zeros_(model.linear.bias)
    for name, parameter in model.rnn.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
        elif parameter.ndim > 1:  # the weight of a layer normalisation stays at one
            nn.init.orthogonal_(parameter)
    with torch.no_grad():
        model.embedding.weight[0].zero_()


def _linear_over_time(states: PackedSequence, linear: nn.Linear) -> Tensor:
    """The linear layer on the flattened states of each review, zeros behind its end."""
    time, batch = len(states.batch_sizes), int(states.batch_sizes[0])
    places = padded_places(states.batch_sizes).to(states.data.device, non_blocking=True)
    padded = states.data.new_zeros(batch * time, states.data.shape[1]).index_copy(0, places, states.data)
    # the positions behind the batch's longest review hold zeros: their weights need not be multiplied
    flat = padded.view(batch, -1)
    return nn.functional.linear(flat, linear.weight[:, : flat.shape[1]], linear.bias)


def _mean_and_max(states: PackedSequence) -> tuple[Tensor, Tensor, Tensor]:
    """Over the tokens of each review: the mean, the maximum and where that stands, each [batch, width]."""
    time, batch = len(states.batch_sizes), int(states.batch_sizes[0])
    lengths = review_lengths(states.batch_sizes).to(states.data.device, non_blocking=True)
    places = padded_places(states.batch_sizes).to(states.data.device, non_blocking=True)
    nothing = states.data.new_full((batch * time, states.data.shape[1]), -math.inf)
    padded = nothing.index_copy(0, places, states.data).view(batch, time, -1)
    largest, where = padded.max(1)
    mean = padded.masked_fill(padded.isneginf(), 0).sum(1) / lengths[:, None]
    return mean, largest, where
