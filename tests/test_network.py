"""The model against numeric references: PyTorch's own packed layers, formulas, published sizes."""

import math

import numpy as np
import pytest
import torch
from alternatives import PackedClassifier, PaddedBatch, one_module
from conftest import CPU, hyperparameters, random_reviews
from torch import nn
from torch.nn import functional as F

from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.network.attention import SelfAttention
from sentiment_rnn.network.batching import Batch, ReviewTensors
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import BLOCK, RNNClassifier, build_model

VOCAB_SIZE, MAX_LENGTH = 40, 140


def padded(batch: Batch) -> PaddedBatch:
    return PaddedBatch(batch.ids, batch.lengths, batch.labels)


@pytest.mark.parametrize(
    ("cell", "embedding_dim", "hidden_dim", "n_layers", "count"),
    [("lstm", 1, 100, 1, 125_975), ("gru", 1, 100, 1, 115_675), ("lstm", 150, 150, 2, 5_475_152)],
)
def test_parameter_counts_are_the_published_ones(cell, embedding_dim, hidden_dim, n_layers, count):
    settings = {"cell": cell, "embedding_dim": embedding_dim, "hidden_dim": hidden_dim, "n_layers": n_layers}
    model = RNNClassifier(hyperparameters(**settings), 33_573, 256)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(("n_layers", "bidirectional"), [(1, False), (1, True), (2, False), (3, False)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("lengths", [(1, MAX_LENGTH), (1, 2), (BLOCK, BLOCK + 1), (70, 71)])
def test_logits_and_gradients_are_those_of_packed_pytorch(cell, n_layers, bidirectional, dtype, lengths):
    """In double precision a wrong formula cannot hide behind rounding."""
    settings = hyperparameters(cell=cell, n_layers=n_layers, bidirectional=bidirectional)
    model = build_model(settings, VOCAB_SIZE, MAX_LENGTH, seed=0).to(dtype)
    packed = PackedClassifier(model, MAX_LENGTH)
    batch = next(ReviewTensors(random_reviews(17, lengths=lengths), CPU).by_length(17))

    ours = model(batch.ids, batch.lengths)
    F.cross_entropy(ours, batch.labels).backward()
    ours_gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    theirs = packed(batch.ids, batch.lengths)
    F.cross_entropy(theirs, batch.labels).backward()

    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)
    theirs_gradients = dict(packed.named_parameters())
    for name, gradient in ours_gradients.items():
        backwards = name.startswith("rnns.1.")
        other = name.replace("rnns.0.", "rnn.").replace("rnns.1.", "rnn.") + ("_reverse" if backwards else "")
        expected = theirs_gradients[other].grad
        torch.testing.assert_close(gradient, expected, rtol=0, atol=tolerance * max(1.0, float(expected.abs().max())))


def test_two_directions_have_a_stack_of_layers_each():
    """With several layers, each direction is what a model of that direction alone is."""
    model = build_model(hyperparameters(bidirectional=True, n_layers=2), VOCAB_SIZE, MAX_LENGTH, seed=0).double()
    batch = next(ReviewTensors(random_reviews(9), CPU).by_length(9))
    ((_, states),) = model.hidden_states(batch.ids, batch.lengths)
    for number, length in enumerate(batch.lengths.tolist()):
        embedded = model.embedding(batch.ids[number, :length])[:, None]
        forth, back = model.rnns[0](embedded)[0][:, 0], model.rnns[1](embedded.flip(0))[0][:, 0].flip(0)
        torch.testing.assert_close(states[number, :length], torch.cat([forth, back], 1))
        assert not states[number, length:].any()


def by_the_formulas(layer: SelfAttention, x: torch.Tensor) -> torch.Tensor:
    """k_i = K x_i, q_i = Q x_i, v_i = V x_i; s_ij = q_i . k_j; a_ij = exp s_ij / sum_j' exp s_ij'; sum_j a_ij v_j."""
    k, q, v = ([weight @ x_i for x_i in x] for weight in (layer.key.weight, layer.query.weight, layer.value.weight))
    outputs = []
    for q_i in q:
        powers = [math.exp(float(q_i @ k_j)) for k_j in k]
        attended = sum(power / sum(powers) * v_j for power, v_j in zip(powers, v, strict=True))
        deviation = attended - attended.mean()
        normalized = deviation / torch.sqrt((deviation**2).mean() + layer.norm.eps)
        outputs.append(layer.norm.weight * normalized + layer.norm.bias)
    return torch.stack(outputs)


@torch.no_grad()
def test_attention_is_that_of_the_formulas():
    """For reviews of several lengths in one batch, none of which sees another's tokens or any padding."""
    model = build_model(hyperparameters(cell="attention"), VOCAB_SIZE, MAX_LENGTH, seed=0).double()
    model.attention.norm.weight.uniform_()
    model.attention.norm.bias.uniform_()
    batch = next(ReviewTensors(random_reviews(5, lengths=(1, 9)), CPU).by_length(5))
    ((_, states),) = model.hidden_states(batch.ids, batch.lengths)
    for number, length in enumerate(batch.lengths.tolist()):
        expected = by_the_formulas(model.attention, model.embedding(batch.ids[number, :length]))
        torch.testing.assert_close(states[number, :length], expected)
        assert not states[number, length:].any()


def test_source_init():
    model = build_model(hyperparameters(cell="gru", n_layers=2), 1000, 64, seed=0)
    for name, parameter in model.rnns.named_parameters():
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
    expected = RNNClassifier(hyperparameters(), 1000, 64).state_dict()
    for name, weight in build_model(hyperparameters(init="pytorch"), 1000, 64, seed=0).state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=0)


@pytest.mark.parametrize("settings", [{}, {"bidirectional": True}, {"cell": "attention"}, {"n_layers": 2}])
def test_logits_do_not_depend_on_the_other_reviews_of_a_batch(settings: dict[str, object]):
    reviews = random_reviews()
    model = build_model(hyperparameters(init="pytorch", **settings), VOCAB_SIZE, MAX_LENGTH, seed=0).eval()
    together = predict_logits(model, ReviewTensors(reviews, CPU))
    start = 0
    for number, length in enumerate(reviews.lengths[:10]):
        ids = torch.from_numpy(reviews.tokens[start : start + length])[None]
        alone = model(ids, torch.tensor([length]))
        torch.testing.assert_close(together[number], alone[0].detach(), rtol=1e-4, atol=1e-6)
        start += length


@pytest.mark.parametrize("settings", [{}, {"bidirectional": True}, {"cell": "attention"}, {"n_layers": 2}])
@torch.no_grad()
def test_contributions_add_up(settings: dict[str, object]):
    model = build_model(hyperparameters(init="pytorch", **settings), VOCAB_SIZE, MAX_LENGTH, seed=0).eval()
    for length in (1, BLOCK, 2 * BLOCK + 1):
        ids = torch.randint(1, VOCAB_SIZE, (1, length))
        terms, bias = model.contributions(ids)
        logits = model(ids, torch.tensor([length]))[0]
        assert len(terms) == length
        torch.testing.assert_close(terms.sum() + bias, logits[1] - logits[0])


def test_dropout_is_between_layers_in_training_alone():
    batch = next(ReviewTensors(random_reviews(), CPU).by_length(16))
    model = build_model(hyperparameters(n_layers=2, dropout=0.5), VOCAB_SIZE, MAX_LENGTH, seed=0)
    assert not torch.equal(model(batch.ids, batch.lengths), model(batch.ids, batch.lengths))
    model.eval()
    assert torch.equal(model(batch.ids, batch.lengths), model(batch.ids, batch.lengths))


def test_one_module_is_both_directions():
    """The reference of the bidirectional model has all of its weights."""
    model = build_model(hyperparameters(bidirectional=True), VOCAB_SIZE, MAX_LENGTH, seed=0)
    assert isinstance(one_module(model), nn.LSTM)
    assert sum(weight.numel() for weight in one_module(model).parameters()) == sum(
        weight.numel() for weight in model.rnns.parameters()
    )


def test_batches_have_every_review_once():
    reviews = random_reviews()
    tensors = ReviewTensors(reviews, CPU)
    starts = np.cumsum(reviews.lengths) - reviews.lengths
    for batches in (tensors.by_length(32), tensors.shuffled(32, torch.Generator().manual_seed(1))):
        seen: list[int] = []
        for batch in batches:
            assert batch.lengths.tolist() == sorted(batch.lengths.tolist(), reverse=True)
            assert batch.ids.shape == (len(batch.labels), batch.lengths[0])
            for row, length, label, index in zip(batch.ids, batch.lengths, batch.labels, batch.indices, strict=True):
                start = starts[index]
                assert row[:length].tolist() == reviews.tokens[start : start + reviews.lengths[index]].tolist()
                assert not row[length:].any()
                assert label == reviews.labels[index]
            seen += batch.indices.tolist()
        assert sorted(seen) == list(range(len(reviews)))


def test_last_review_may_be_the_shortest():
    """Its padding would be read behind the end of the array."""
    reviews = EncodedReviews(np.array([3, 4, 5], np.int32), np.array([2, 1], np.int32), np.array([0, 1]))
    assert next(ReviewTensors(reviews, CPU).by_length(2)).ids.tolist() == [[3, 4], [5, 0]]
