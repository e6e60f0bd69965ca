"""The model and its training against numeric references."""

import math

import numpy as np
import pytest
import torch
from alternatives import CLASSIFIERS, OPTIMIZERS, padded_batches, shuffled, step
from conftest import SILENT
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.network.batching import Batch, ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import RNNClassifier, build_model
from sentiment_rnn.study.params import Hyperparameters, KeepEpoch
from sentiment_rnn.training.loop import (
    build_optimizer,
    mean_loss_and_accuracy,
    train,
    train_epoch,
)

CPU = torch.device("cpu")
PUBLISHED_VOCAB_SIZE = 33_573


def small(**changes: object) -> Hyperparameters:
    values = {"cell": "lstm", "optimizer": "adam", "lr": 0.01, "embedding_dim": 3, "hidden_dim": 8, "n_layers": 1}
    return Hyperparameters.model_validate(values | {"bidirectional": False, "dropout": 0.0} | changes)


def random_reviews(n: int = 150, vocab_size: int = 40, seed: int = 0) -> EncodedReviews:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 60, n).astype(np.int32)
    tokens = rng.integers(1, vocab_size, lengths.sum()).astype(np.int32)
    return EncodedReviews(tokens, lengths, rng.integers(0, 2, n))


@pytest.mark.parametrize(
    ("cell", "embedding_dim", "hidden_dim", "n_layers", "count"),
    [("lstm", 1, 100, 1, 125_975), ("gru", 1, 100, 1, 115_675), ("lstm", 150, 150, 2, 5_475_152)],
)
def test_parameter_counts_are_the_published_ones(
    cell: str, embedding_dim: int, hidden_dim: int, n_layers: int, count: int
):
    hyperparameters = small(cell=cell, embedding_dim=embedding_dim, hidden_dim=hidden_dim, n_layers=n_layers)
    assert RNNClassifier(hyperparameters, PUBLISHED_VOCAB_SIZE, 256).n_parameters() == count


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(("n_layers", "bidirectional"), [(1, False), (2, True), (3, False), (4, False)])
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "adam"])
def test_trajectory_is_that_of_plain_pytorch(cell: str, n_layers: int, bidirectional: bool, optimizer: str):
    """The losses of 50 steps, to a relative 1e-4: rounding differs, and each step builds on the one before."""
    hyperparameters = small(cell=cell, n_layers=n_layers, bidirectional=bidirectional, optimizer=optimizer)
    reviews = random_reviews(n=25 * 50)
    model = build_model(hyperparameters, 40, 64, "study", seed=3)
    ours_optimizer = build_optimizer(model, optimizer, hyperparameters.lr)
    batches = ReviewTensors(reviews, CPU).shuffled(25, torch.Generator().manual_seed(5))
    ours = [train_epoch(model, ours_optimizer, [batch])[0] for batch in batches]

    for kind, classifier in CLASSIFIERS.items():
        if kind == "padded" and bidirectional:
            continue  # backwards it would read the padding first
        plain = classifier(build_model(hyperparameters, 40, 64, "study", seed=3), 64)
        theirs_optimizer = OPTIMIZERS[optimizer](plain.parameters(), lr=hyperparameters.lr)
        theirs = [step(plain, theirs_optimizer, batch) for batch in padded_batches(reviews, shuffled(reviews, 5), 25)]
        assert ours == pytest.approx(theirs, rel=1e-4), kind
    assert len(ours) == 50


def test_study_init():
    model = build_model(small(cell="gru", n_layers=2), 1000, 64, "study", seed=0)
    for name, parameter in model.rnn.named_parameters():
        if "bias" in name:
            assert not parameter.any(), name
        else:
            product = parameter.T @ parameter if len(parameter) >= parameter.shape[1] else parameter @ parameter.T
            torch.testing.assert_close(product, torch.eye(len(product)), atol=1e-5, rtol=0)
    assert model.embedding.weight[1:].std().item() == pytest.approx(math.sqrt(2 / 1003), rel=0.05)
    assert not model.embedding.weight[0].any()
    assert model.linear.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 8 + 2)), rel=0.05)
    assert not model.linear.bias.any()


def test_pytorch_init_is_left_alone():
    torch.manual_seed(0)
    expected = RNNClassifier(small(), 1000, 64).state_dict()
    for name, weight in build_model(small(), 1000, 64, "pytorch", seed=0).state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=0)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_logits_do_not_depend_on_the_other_reviews_of_a_batch(bidirectional: bool):
    reviews = random_reviews()
    model = build_model(small(bidirectional=bidirectional, n_layers=2), 40, 64, "pytorch", seed=0).eval()
    together = predict_logits(model, ReviewTensors(reviews, CPU))
    start = 0
    for number, length in enumerate(reviews.lengths[:10]):
        alone = model(pack_sequence([torch.from_numpy(reviews.tokens[start : start + length])]))
        torch.testing.assert_close(together[number], alone[0].detach(), rtol=1e-4, atol=1e-6)
        start += length


def test_batches_hold_every_review_once():
    reviews = random_reviews()
    tensors = ReviewTensors(reviews, CPU)
    offsets = np.cumsum(reviews.lengths) - reviews.lengths
    for batches in (tensors.by_length(32), tensors.shuffled(32, torch.Generator().manual_seed(1))):
        seen: list[int] = []
        batch: Batch
        for batch in batches:
            rows = unpack_sequence(batch.tokens)
            for row, label, index in zip(rows, batch.labels, batch.indices, strict=True):
                start, length = offsets[index], reviews.lengths[index]
                assert row.tolist() == reviews.tokens[start : start + length].tolist()
                assert label == reviews.labels[index]
            seen += batch.indices.tolist()
        assert sorted(seen) == list(range(len(reviews)))


def run_training(hyperparameters: Hyperparameters, seed: int, n_epochs: int = 3, keep_epoch: KeepEpoch = "best"):
    train_set, valid_set = (ReviewTensors(random_reviews(seed=number), CPU) for number in (0, 1))
    model = build_model(hyperparameters, 40, 64, "pytorch", seed)
    settings = {"batch_size": 32, "n_epochs": n_epochs, "keep_epoch": keep_epoch, "seed": seed, "reporter": SILENT}
    return model, valid_set, train(model, train_set, valid_set, hyperparameters, **settings)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_same_seed_same_bytes_other_seed_other_bytes(cell: str):
    hyperparameters = small(cell=cell, n_layers=2, dropout=0.3)
    _, _, once = run_training(hyperparameters, seed=0)
    _, _, again = run_training(hyperparameters, seed=0)
    _, _, other = run_training(hyperparameters, seed=1)
    assert once.epochs == again.epochs
    for name, weight in once.best_weights.items():
        assert torch.equal(weight, again.best_weights[name]), name
        assert not torch.equal(weight, other.best_weights[name]), name


def test_epoch_with_the_lowest_valid_loss_is_kept():
    """Random labels are learnt by heart, so the valid loss rises; the weights are those of its lowest point."""
    model, valid_set, training = run_training(small(lr=0.03), seed=0, n_epochs=8)
    losses = [epoch.valid_loss for epoch in training.epochs]
    assert training.best_epoch == losses.index(min(losses)) + 1 < 8
    model.load_state_dict(training.best_weights)
    loss, _ = mean_loss_and_accuracy(predict_logits(model, valid_set), valid_set.labels)
    assert loss == min(losses)


def test_last_epoch_is_kept_on_request():
    """The course of the training is the same."""
    _, _, best = run_training(small(lr=0.03), seed=0, n_epochs=8)
    model, valid_set, last = run_training(small(lr=0.03), seed=0, n_epochs=8, keep_epoch="last")
    assert last.epochs == best.epochs
    assert last.best_epoch == 8 > best.best_epoch
    model.load_state_dict(last.best_weights)
    loss, _ = mean_loss_and_accuracy(predict_logits(model, valid_set), valid_set.labels)
    assert loss == last.epochs[-1].valid_loss


def test_training_that_diverges_ends_with_weights():
    reviews = ReviewTensors(random_reviews(), CPU)
    model = build_model(small(), 40, 64, "pytorch", seed=0)
    torch.nn.init.constant_(model.linear.bias, math.nan)
    settings = {"batch_size": 32, "n_epochs": 2, "keep_epoch": "best", "seed": 0, "reporter": SILENT}
    training = train(model, reviews, reviews, small(), **settings)
    assert all(math.isnan(epoch.valid_loss) for epoch in training.epochs)
    assert training.best_epoch == 1
    assert training.best_weights.keys() == model.state_dict().keys()


def test_dropout_acts_between_layers_in_training_alone():
    reviews = ReviewTensors(random_reviews(), CPU)
    batch = next(reviews.by_length(16))
    model = build_model(small(n_layers=2, dropout=0.5), 40, 64, "pytorch", seed=0)
    assert not torch.equal(model(batch.tokens), model(batch.tokens))
    model.eval()
    assert torch.equal(model(batch.tokens), model(batch.tokens))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_cuda_agrees_with_the_cpu(cell: str):
    """The losses of 50 steps, to a relative 1e-3."""
    use_deterministic_device()
    hyperparameters = small(cell=cell, n_layers=2)
    losses = []
    for device in (CPU, torch.device("cuda")):
        model = build_model(hyperparameters, 40, 64, "study", seed=3).to(device)
        optimizer = build_optimizer(model, "adam", hyperparameters.lr)
        batches = ReviewTensors(random_reviews(n=25 * 50), device).shuffled(25, torch.Generator().manual_seed(5))
        losses.append([train_epoch(model, optimizer, [batch])[0] for batch in batches])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_accuracy_and_loss_are_over_reviews_not_over_batches():
    reviews = random_reviews(n=33)  # a full batch and one of a single review
    model = build_model(small(), 40, 64, "pytorch", seed=0)
    tensors = ReviewTensors(reviews, CPU)
    expected = mean_loss_and_accuracy(predict_logits(model, tensors), tensors.labels)
    frozen = torch.optim.SGD(model.parameters(), lr=0.0)
    found = train_epoch(model, frozen, tensors.shuffled(32, torch.Generator().manual_seed(0)))
    assert found == pytest.approx(expected, rel=1e-6)
