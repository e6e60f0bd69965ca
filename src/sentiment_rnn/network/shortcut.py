"""A linear model of words and pairs of words beside the recurrent layers.

It is fitted first, by itself; the network then learns what it leaves unsaid.
"""

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sentiment_rnn.dataset import EncodedReviews
from sentiment_rnn.naive_bayes import log_count_ratio
from sentiment_rnn.network.packing import padded_places, previous_rows

N_PAIRS = 1_048_573  # the largest prime below 2 ** 20
C = 0.1  # of the values 0.03, 0.1, 0.3 and 1 the one with the highest accuracy on the valid reviews
N_FOLDS = 5


class Shortcut(nn.Module):
    """Each word, and its pair with the word before, adds its weight to the log-odds of positive.

    A pair's place is its hash (Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009); pairs of
    the same hash share a weight. The weights are fitted, not trained: the optimizer leaves them as they are.

    Args:
        vocab_size: ids, <pad> and <unk> counted in.
    """

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.weight = nn.Parameter(torch.zeros(vocab_size + N_PAIRS), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, tokens: PackedSequence) -> Tensor:
        """[batch]: the log-odds of each review."""
        time, batch = len(tokens.batch_sizes), int(tokens.batch_sizes[0])
        review = (padded_places(tokens.batch_sizes) // time).to(tokens.data.device, non_blocking=True)
        words, pairs = self.terms(tokens)
        return self.bias + words.new_zeros(batch).index_add(0, review, words + pairs)

    def terms(self, tokens: PackedSequence) -> tuple[Tensor, Tensor]:
        """What each token adds by itself, and what its pair with the one before: [rows] each."""
        words = tokens.data.long()
        before = words[previous_rows(tokens.batch_sizes).to(words.device, non_blocking=True)]
        before[: int(tokens.batch_sizes[0])] = 0  # before the first stands <pad>
        return self.weight[words], self.weight[_pair_places(before, words, self.vocab_size)]

    def fit(self, reviews: EncodedReviews) -> Tensor:
        """Fit logistic regression on counts that are scaled by their naive-Bayes log-count ratios.

        Returns:
            float32 [reviews]: the log-odds of each review, answered by weights that were fitted without it and a fifth
            of the others. So the network learns beside answers as good as those on reviews that nobody has seen
            (Wolpert, Stacked Generalization, 1992). They also tell how sure the weights should be: one factor makes
            log-odds of them (Guo et al., On Calibration of Modern Neural Networks, 2017).
        """
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # takes a second, for this alone
        from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415

        features, is_positive = self._counts(reviews), reviews.labels == 1
        out_of_fold = np.zeros(len(reviews))
        n_folds = min(N_FOLDS, *np.bincount(is_positive, minlength=2))
        if n_folds < 2:  # nothing to learn from: the weights stay at zero
            return torch.zeros(len(reviews))
        for others, fold in StratifiedKFold(n_folds, shuffle=True, random_state=0).split(out_of_fold, is_positive):
            weight, bias = _fit(features[others], is_positive[others])
            out_of_fold[fold] = features[fold] @ weight + bias
        weight, bias = _fit(features, is_positive)
        scale = LogisticRegression(fit_intercept=False).fit(out_of_fold[:, None], is_positive).coef_[0, 0]
        scale = max(float(scale), 0.0)  # nothing, where the answers are worse than none
        self.weight.copy_(torch.from_numpy(scale * weight))
        self.bias.fill_(scale * bias)
        return torch.from_numpy(scale * out_of_fold).float()

    def _counts(self, reviews: EncodedReviews) -> csr_matrix:
        """[reviews, words and pairs]."""
        words, starts = reviews.tokens.astype(np.int64), np.cumsum(reviews.lengths) - reviews.lengths
        before = np.roll(words, 1)
        before[starts] = 0
        columns = np.stack([words, _pair_places(before, words, self.vocab_size)], axis=1)
        ends = 2 * np.concatenate([[0], np.cumsum(reviews.lengths)])
        shape = (len(reviews), len(self.weight))
        counts = csr_matrix((np.ones(columns.size), columns.ravel(), ends), shape=shape)
        counts.sum_duplicates()
        return counts


Ids = TypeVar("Ids", Tensor, NDArray[np.int64])


def _pair_places(before: Ids, words: Ids, vocab_size: int) -> Ids:
    """Where the weights of pairs stand, behind those of the words."""
    return vocab_size + (before * vocab_size + words) % N_PAIRS


def _fit(features: csr_matrix, is_positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    ratio = log_count_ratio(features, is_positive)
    # liblinear's own default tolerance, as of the NB-SVM among the baselines
    classifier = LogisticRegression(C=C, solver="liblinear", tol=0.1, random_state=0)
    classifier.fit(features.multiply(ratio).tocsr(), is_positive)
    return ratio * classifier.coef_[0], float(classifier.intercept_[0])
