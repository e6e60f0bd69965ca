"""Embeddings from co-occurrence against the formulas, word by word."""

import numpy as np
import pytest
import torch
from fitting.cooccurrence import WINDOW, start_from_cooccurrence

from sentiment_rnn.encoding.dataset import EncodedReviews

SIZE = 12
STD = 0.3


@pytest.fixture
def reviews() -> EncodedReviews:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 15, 30).astype(np.int32)
    tokens = random.choice(np.arange(1, SIZE, dtype=np.int32), lengths.sum(), p=np.arange(1, SIZE) / 66)
    return EncodedReviews(tokens, lengths, np.zeros(30, dtype=np.int64))


def embeddings_of(reviews: EncodedReviews, dim: int) -> torch.Tensor:
    embedding = torch.nn.Embedding(SIZE, dim)
    start_from_cooccurrence(embedding, reviews, STD)
    return embedding.weight.detach()


def plain_information(reviews: EncodedReviews) -> np.ndarray:
    counts = np.zeros((SIZE, SIZE))
    ends = np.cumsum(reviews.lengths)
    for start, end in zip(ends - reviews.lengths, ends, strict=True):
        for at in range(start, end):
            for near in range(start, end):
                if 0 < abs(at - near) <= WINDOW:
                    counts[reviews.tokens[at], reviews.tokens[near]] += 1 / abs(at - near)
    total = counts.sum()
    word = counts.sum(axis=1) / total
    context = counts.sum(axis=0) ** 0.75
    context /= context.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(counts / total / (word[:, None] * context))
    return np.where(information > 0, information, 0)


def test_vectors_are_those_of_the_formulas(reviews: EncodedReviews):
    """With as many dimensions as words their products are the root of the matrix times itself, but for one factor."""
    found = embeddings_of(reviews, SIZE).double().numpy()
    information = plain_information(reviews)
    values, vectors = np.linalg.eigh(information @ information.T)
    expected = vectors * np.sqrt(values.clip(0)) @ vectors.T
    products = (found @ found.T)[2:, 2:]
    np.testing.assert_allclose(products / np.trace(products), expected[2:, 2:] / np.trace(expected[2:, 2:]), atol=1e-4)
    assert not found[:2].any()


def test_vocabulary_of_no_words_starts_at_zero():
    reviews = EncodedReviews(np.ones(6, np.int32), np.full(2, 3, np.int32), np.arange(2))
    embedding = torch.nn.Embedding(2, 3)
    start_from_cooccurrence(embedding, reviews, STD)
    assert not embedding.weight.any()


def test_scale_and_sameness(reviews: EncodedReviews):
    first = embeddings_of(reviews, 4)
    assert first.shape == (SIZE, 4)
    assert first.dtype == torch.float32
    assert STD / 2 < float(first[2:].std()) < STD * 2
    assert torch.equal(first, embeddings_of(reviews, 4))
    wide = embeddings_of(reviews, SIZE + 3)  # more dimensions than words: the last stay at zero
    assert wide.shape == (SIZE, SIZE + 3)
    assert not wide[:, SIZE:].any()
