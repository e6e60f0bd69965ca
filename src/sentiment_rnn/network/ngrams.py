"""A linear model of words and n-grams beside the recurrent layers."""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sentiment_rnn.network.packing import previous_rows, row_reviews

N_BUCKETS = 4_194_301  # the largest prime below 2 ** 22


class NgramModel(nn.Module):
    """The log-odds of positive are a bias, and the sum of the n-grams' weights over the root of the review's length.

    Words have weights of their own; longer n-grams of the same hash share one (Weinberger et al., Feature Hashing for
    Large Scale Multitask Learning, 2009). The weights are fitted before the training, and no optimizer moves them.

    Args:
        vocab_size: ids, <pad> and <unk> counted in.
        order: words of the longest n-grams.
    """

    def __init__(self, vocab_size: int, order: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.order = order
        self.weight = nn.Parameter(torch.zeros(vocab_size + N_BUCKETS), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, tokens: PackedSequence) -> Tensor:
        """[batch, 2]: the logits of negative and positive."""
        device = tokens.data.device
        review = row_reviews(tokens.batch_sizes)
        root = review.bincount().sqrt().to(device, non_blocking=True)
        weights = self.weight[self.places(tokens)].sum(1)
        sums = weights.new_zeros(len(root)).index_add(0, review.to(device, non_blocking=True), weights)
        return as_logits(self.bias + sums / root)

    def terms(self, tokens: PackedSequence) -> Tensor:
        """What the n-grams that end at a token of one review add to the log-odds: [tokens, order], words first."""
        return self.weight[self.places(tokens)] / math.sqrt(len(tokens.data))

    def places(self, tokens: PackedSequence) -> Tensor:
        """Where the weights of the n-grams stand that end at a token: int64 [rows, order].

        0, the place of <pad>, whose weight is zero, where an n-gram would begin before the review.
        """
        words = tokens.data.long()
        before = previous_rows(tokens.batch_sizes).to(words.device, non_blocking=True)
        places, hashes = [words], words
        for n in range(1, self.order):
            hashes = (hashes[before] * self.vocab_size + words) % N_BUCKETS
            places.append(self.vocab_size + hashes)
            places[-1][: int(tokens.batch_sizes[:n].sum())] = 0
        return torch.stack(places, 1)


def as_logits(log_odds: Tensor) -> Tensor:
    """[reviews, 2]: logits of negative and positive that differ by the log-odds of positive, [reviews]."""
    return torch.stack([-log_odds / 2, log_odds / 2], 1)
