"""The linear model beside the network, and the heads over mean and maximum, against plain ways to the same."""

from collections import Counter

import numpy as np
import pytest
import torch
from conftest import SILENT
from fitting.naive_bayes import log_count_ratio
from fitting.stacking import fit_ngrams
from sklearn.linear_model import LogisticRegression
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import build_model
from sentiment_rnn.network.ngrams import NgramModel, as_logits
from sentiment_rnn.study.params import Hyperparameters
from sentiment_rnn.training.loop import train

VOCAB_SIZE, ORDER, C = 30, 3, 20.0


def reviews_of(n: int = 200) -> EncodedReviews:
    """Random ones; a 2 says positive, a 3 negative, and a 4 before either turns it round."""
    random = np.random.default_rng(0)
    tokens, lengths, labels = [], [], []
    for _ in range(n):
        words = random.integers(5, VOCAB_SIZE, random.integers(3, 12)).tolist()
        label, turned = random.integers(0, 2), random.random() < 0.3
        at = random.integers(0, len(words))
        words[at:at] = [4, 3 if label else 2] if turned else [2 if label else 3]
        tokens += words
        lengths.append(len(words))
        labels.append(label)
    return EncodedReviews(np.array(tokens, dtype=np.int32), np.array(lengths, dtype=np.int32), np.array(labels))


def plain_counts(reviews: EncodedReviews) -> list[Counter[tuple[int, ...]]]:
    """Review by review, n-gram by n-gram, unhashed."""
    texts = np.split(reviews.tokens, np.cumsum(reviews.lengths)[:-1])
    return [
        Counter(tuple(text[end - n : end].tolist()) for n in range(1, ORDER + 1) for end in range(n, len(text) + 1))
        for text in texts
    ]


def test_fit_is_that_of_scikit_learn_on_plain_counts():
    reviews = reviews_of(60)
    columns: dict[tuple[int, ...], int] = {}
    counts = np.zeros((len(reviews), 3000))
    for row, grams in enumerate(plain_counts(reviews)):
        for gram, count in grams.items():
            counts[row, columns.setdefault(gram, len(columns))] = count
    counts, is_positive = counts[:, : len(columns)], reviews.labels == 1
    positive, negative = 1 + counts[is_positive].sum(axis=0), 1 + counts[~is_positive].sum(axis=0)
    ratio = np.log(positive / positive.sum() / (negative / negative.sum()))
    features = counts * ratio / np.sqrt(reviews.lengths)[:, None]
    plain = LogisticRegression(C=C, solver="liblinear", tol=0.1, random_state=0).fit(features, is_positive)
    expected = plain.decision_function(features)

    ngrams = NgramModel(VOCAB_SIZE, ORDER)
    fit_ngrams(ngrams, reviews, C)
    found = log_odds(predict_logits(ngrams, ReviewTensors(reviews, torch.device("cpu"))))
    # the same but for the factor that makes log-odds of it
    factor = found[0] / expected[0]
    assert factor > 0
    np.testing.assert_allclose(found, factor * expected, rtol=1e-3, atol=1e-4)


def log_odds(logits: torch.Tensor) -> np.ndarray:
    return (logits[:, 1] - logits[:, 0]).numpy()


def test_out_of_fold_answers_know_nothing_of_their_review():
    """Labels without any sense: fitted ones are known by heart, and out of fold there is nothing to know."""
    reviews = reviews_of(400)
    labels = np.random.default_rng(1).permutation(reviews.labels)
    senseless = EncodedReviews(reviews.tokens, reviews.lengths, labels)
    out_of_fold = log_odds(fit_ngrams(NgramModel(VOCAB_SIZE, ORDER), senseless, C))
    assert abs(((out_of_fold > 0) == labels).mean() - 0.5) < 0.1
    assert np.abs(out_of_fold).mean() < 0.5  # and the factor says so
    with_sense = log_odds(fit_ngrams(NgramModel(VOCAB_SIZE, ORDER), reviews, C))
    assert ((with_sense > 0) == reviews.labels).mean() > 0.9


def test_out_of_fold_answers_are_as_sure_as_they_should_be():
    """With every fifth label wrong: one factor more or less has no lower loss."""
    reviews = reviews_of(400)
    labels = np.where(np.random.default_rng(1).random(400) < 0.2, 1 - reviews.labels, reviews.labels)
    noisy = EncodedReviews(reviews.tokens, reviews.lengths, labels)
    answers = log_odds(fit_ngrams(NgramModel(VOCAB_SIZE, ORDER), noisy, C))
    losses = [np.logaddexp(0, -factor * answers * (2 * labels - 1)).mean() for factor in (0.7, 1, 1.4)]
    assert losses[1] == min(losses)


def test_reviews_in_the_order_of_their_texts():
    """As they stand in the train split: five kinds, each with words of its own, that fill a fifth of the order each.

    Folds in that order would leave a whole kind out at a time, of whose words the others know nothing.
    """
    random = np.random.default_rng(0)
    labels = np.concatenate([np.arange(60) % 2] * 5)
    words = np.array([2 + 5 * kind + label for kind in range(5) for label in np.arange(60) % 2])
    texts = np.stack([words, random.integers(27, VOCAB_SIZE, 300)], axis=1).astype(np.int32)
    reviews = EncodedReviews(texts.ravel(), np.full(300, 2, np.int32), labels)
    answers = log_odds(fit_ngrams(NgramModel(VOCAB_SIZE, ORDER), reviews, C))
    assert ((answers > 0) == labels).mean() > 0.95


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 1, 1]])
def test_too_few_reviews_of_a_label_leave_the_weights_at_zero(labels: list[int]):
    reviews = EncodedReviews(np.array([2, 3, 4], np.int32), np.ones(3, np.int32), np.array(labels))
    ngrams = NgramModel(VOCAB_SIZE, ORDER)
    assert not fit_ngrams(ngrams, reviews, C).any()
    assert not ngrams.weight.any()


def test_log_count_ratio_by_hand():
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    counts = csr_matrix(np.array([[2.0, 0.0], [1.0, 3.0]]))
    expected = np.log([(3 / 4) / (2 / 6), (1 / 4) / (4 / 6)])
    np.testing.assert_allclose(log_count_ratio(counts, np.array([True, False])), expected)


def hyperparameters(**changes: object) -> Hyperparameters:
    values = {"cell": "gru", "optimizer": "adam", "lr": 0.01, "embedding_dim": 3, "hidden_dim": 4, "n_layers": 1}
    return Hyperparameters.model_validate(values | {"bidirectional": True, "dropout": 0.0} | changes)


def test_mean_and_max_are_those_of_each_review():
    model = build_model(hyperparameters(head="mean_max"), VOCAB_SIZE, 20, "study", seed=0).eval()
    batch = pack_sequence([torch.randint(1, VOCAB_SIZE, (length,)) for length in (9, 4, 1)])
    states = unpack_sequence(model._states(batch))
    pooled = torch.stack([torch.cat([state.mean(0), state.max(0).values]) for state in states])
    torch.testing.assert_close(model(batch), model.linear(pooled))


def test_head_and_ngrams_are_differentiated_rightly():
    model = build_model(hyperparameters(head="mean_max", ngrams=ORDER), VOCAB_SIZE, 20, "study", seed=0).double()
    batch = pack_sequence([torch.randint(1, VOCAB_SIZE, (length,)) for length in (5, 3)])

    def loss(weight: torch.Tensor) -> torch.Tensor:
        parameters = dict(model.named_parameters()) | {"rnn.weight_ih_l0": weight}
        return torch.func.functional_call(model, parameters, (batch,)).square().sum()

    torch.autograd.gradcheck(loss, model.rnn.weight_ih_l0)


def test_network_learns_what_the_ngrams_leave():
    """Beside n-grams that know the labels it learns nothing; beside ones that know nothing, it does."""
    reviews = reviews_of()
    known = as_logits(torch.from_numpy(40.0 * (2 * reviews.labels - 1)).float())
    losses = []
    settings = hyperparameters(head="mean_max", ngrams=ORDER, lr=0.03)
    for offsets in (known, torch.zeros_like(known)):
        model = build_model(settings, VOCAB_SIZE, 20, "study", seed=0)
        start = {name: weight.clone() for name, weight in model.state_dict().items()}
        tensors = ReviewTensors(reviews, torch.device("cpu"))
        protocol = {"batch_size": 20, "n_epochs": 10, "keep_epoch": "last", "seed": 0, "reporter": SILENT}
        train(model, tensors, tensors, settings, offsets=offsets, **protocol)
        changed = [name for name, weight in model.state_dict().items() if not torch.equal(weight, start[name])]
        assert not [name for name in changed if name.startswith("ngrams")]
        losses.append(torch.nn.functional.cross_entropy(predict_logits(model, tensors), tensors.labels).item())
    assert losses[0] == pytest.approx(np.log(2), abs=0.01)
    assert losses[1] < 0.5
