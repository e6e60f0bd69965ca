"""Fitting a model's n-grams before its network, which then learns what they leave."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, vstack
from torch import Tensor
from tqdm import tqdm

from fitting.naive_bayes import log_count_ratio
from fitting.temperature import temperature
from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.ngrams import NgramModel, as_logits
from sentiment_rnn.network.packing import row_reviews

N_FOLDS = 5
BATCH_SIZE = 1000  # memory alone


def fit_ngrams(ngrams: NgramModel, reviews: EncodedReviews, C: float) -> Tensor:  # noqa: N803
    """Fit logistic regression on n-gram counts that are scaled by their naive-Bayes log-count ratios.

    That is the NB-SVM of Wang and Manning (2012) but for its loss, and for the root of a review's length, by which its
    counts are divided: the words of a review are not as many independent witnesses as they are words.

    Args:
        ngrams: on the CPU; its weights are set.
        reviews: to fit to.
        C: the inverse of the regularisation's strength.

    Returns:
        float32 [reviews, 2]: the logits of each review, answered by weights that were fitted without it and a fifth of
        the others (one that repeats another may have met its like there). So the network learns beside answers as
        good as those on reviews that nobody has seen (Wolpert, Stacked Generalization, 1992). They also tell how sure
        the weights should be.
    """
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415  # takes a second, for this alone

    is_positive = reviews.labels == 1
    n_folds = min(N_FOLDS, *np.bincount(is_positive, minlength=2))
    if n_folds < 2:  # nothing to learn from: the weights stay at zero
        return torch.zeros(len(reviews), 2)
    counts = _count(ngrams, reviews)
    places = np.unique(counts.indices)
    counts = counts[:, places]
    out_of_fold = np.zeros(len(reviews))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0).split(out_of_fold, is_positive)
    for others, fold in tqdm(folds, "fitting the n-grams", n_folds, disable=None, leave=False):
        weight, bias = _fit(counts[others], reviews.lengths[others], is_positive[others], C)
        out_of_fold[fold] = (counts[fold] @ weight) / np.sqrt(reviews.lengths[fold]) + bias
    weight, bias = _fit(counts, reviews.lengths, is_positive, C)
    scale = max(temperature(out_of_fold, is_positive), 0.0)  # 0: worse than nothing
    ngrams.weight[places] = torch.from_numpy(scale * weight).float()
    ngrams.bias.fill_(scale * bias)
    return as_logits(torch.from_numpy(scale * out_of_fold).float())


def _count(ngrams: NgramModel, reviews: EncodedReviews) -> csr_matrix:
    """[reviews, places]: how often each n-gram stands in each review."""
    parts, order = [], []
    for batch in ReviewTensors(reviews, torch.device("cpu")).by_length(BATCH_SIZE):
        columns = ngrams.places(batch.tokens)
        rows = row_reviews(batch.tokens.batch_sizes)[:, None].expand_as(columns)
        is_one = columns > 0
        ones = np.ones(int(is_one.sum()), dtype=np.float32)
        shape = (len(batch.indices), len(ngrams.weight))
        parts.append(csr_matrix((ones, (rows[is_one].numpy(), columns[is_one].numpy())), shape=shape))
        order.append(batch.indices.numpy())
    return vstack(parts, format="csr")[np.concatenate(order).argsort()]


def _fit(
    counts: csr_matrix,
    lengths: NDArray[np.int32],
    is_positive: NDArray[np.bool_],
    C: float,  # noqa: N803
) -> tuple[NDArray[np.float64], float]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    ratio = log_count_ratio(counts, is_positive)
    # liblinear's own default tolerance, as of the NB-SVM among the baselines
    classifier = LogisticRegression(C=C, solver="liblinear", tol=0.1, random_state=0)
    classifier.fit((diags(1 / np.sqrt(lengths)) @ counts @ diags(ratio)).tocsr(), is_positive)
    return ratio * classifier.coef_[0], float(classifier.intercept_[0])
