"""Embeddings that start from which words stand near each other in the train reviews."""

import numpy as np
import torch
from scipy.sparse import coo_matrix, csr_matrix
from torch import nn

from sentiment_rnn.encoding.dataset import EncodedReviews

WINDOW = 5


def start_from_cooccurrence(embedding: nn.Embedding, reviews: EncodedReviews, std: float) -> None:
    """Set the embeddings to the singular vectors of the words' positive pointwise mutual information.

    Levy, Goldberg and Dagan (Improving Distributional Similarity with Lessons Learned from Word Embeddings, 2015):
    neighbours count by the inverse of their distance, contexts are smoothed by the power 0.75, and the vectors are
    weighted by the roots of their singular values.

    Args:
        embedding: of the ids, <pad> and <unk> counted in; these two start at zero.
        reviews: to count in; their labels are not read.
        std: of an embedding's numbers; the larger, the less training moves the words.
    """
    vocab_size, dim = embedding.weight.shape
    from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415  # takes a second, for this alone
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    counts = _count(reviews, vocab_size).tocoo()
    totals = np.bincount(counts.row, counts.data, vocab_size)
    contexts = totals**0.75 / max((totals**0.75).sum(), 1.0)
    information = np.log(counts.data / (totals[counts.row] * contexts[counts.col]))
    positive = information > 0
    places = (counts.row[positive], counts.col[positive])
    matrix = csr_matrix((information[positive], places), shape=(vocab_size, vocab_size))
    with threadpool_limits(1, user_api="blas"):  # several threads add in another order, to other bytes
        left, values, _ = randomized_svd(matrix, min(dim, vocab_size), n_iter=3, random_state=0)
    vectors = left * np.sqrt(values)
    vectors[:2] = 0
    if spread := np.std(vectors[2:]) if len(vectors) > 2 else 0.0:  # no word stands beside another: all stay at zero
        vectors *= std / spread
    # a small vocabulary has no more dimensions than words
    start = torch.from_numpy(np.pad(vectors, ((0, 0), (0, dim - vectors.shape[1]))))
    embedding.load_state_dict({"weight": start})


def _count(reviews: EncodedReviews, vocab_size: int) -> csr_matrix:
    """[vocab_size, vocab_size], symmetric: how often two words stand within the window, nearer ones counting more."""
    words, review = reviews.tokens, np.repeat(np.arange(len(reviews)), reviews.lengths)
    counts = csr_matrix((vocab_size, vocab_size))
    for distance in range(1, WINDOW + 1):
        is_inside = review[distance:] == review[:-distance]
        pair = (words[:-distance][is_inside], words[distance:][is_inside])
        counts += coo_matrix((np.full(len(pair[0]), 1 / distance), pair), shape=counts.shape).tocsr()
    return counts + counts.T
