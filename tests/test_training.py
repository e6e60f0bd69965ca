"""The training loop against plain PyTorch and against references written out by hand; resuming it."""

import math
from itertools import count
from pathlib import Path

import pytest
import torch
from alternatives import CLASSIFIERS, padded_batches, shuffled, step
from alternatives import build_optimizer as plain_optimizer
from conftest import CPU, Log, hyperparameters, random_reviews

from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import build_model
from sentiment_rnn.study.params import Hyperparameters
from sentiment_rnn.training import loop
from sentiment_rnn.training.checkpoint import Checkpoint, Timer
from sentiment_rnn.training.fingerprint import generator_seeds
from sentiment_rnn.training.loop import (
    TrainResult,
    build_optimizer,
    loss_and_accuracy,
    train,
    train_epoch,
    warmup_lr,
)

VOCAB_SIZE, MAX_LENGTH = 40, 64
NUMBERS = count()  # no two trainings share a checkpoint, unless a test has them share one
SETTINGS = {  # of each optimizer
    "sgd": {"lr": 0.01, "momentum": 0.9},
    "adagrad": {"lr": 0.001, "eps": 1e-6},
    "rmsprop": {"lr": 0.001, "momentum": 0.9, "eps": 1e-6},
    "adam": {"lr": 0.001, "eps": 1e-6},
}
RATES = {"rmsprop": 0.001}  # of trajectories: with its momentum ten times as much diverges


def run(settings: Hyperparameters, checkpoint: Checkpoint | None = None, seed: int = 0) -> TrainResult:
    train_set, valid_set = (ReviewTensors(random_reviews(seed=number), CPU) for number in (0, 1))
    model = build_model(settings, VOCAB_SIZE, MAX_LENGTH, seed)
    order = torch.Generator().manual_seed(seed)
    checkpoint = checkpoint or Checkpoint(Path("new/0.pt"), str(next(NUMBERS)), Timer(), Log())
    return train(model, train_set, valid_set, settings, order, Log(), checkpoint)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(
    ("optimizer", "n_layers", "bidirectional"),
    [*((optimizer, 1, False) for optimizer in SETTINGS), ("adam", 1, True), ("adam", 3, False)],
)
def test_trajectory_is_that_of_plain_pytorch(cell: str, n_layers: int, bidirectional: bool, optimizer: str):
    """The losses of 50 steps, to a relative 1e-4: rounding differs, and each step builds on the one before."""
    changes = {"cell": cell, "n_layers": n_layers, "bidirectional": bidirectional, "optimizer": optimizer}
    settings = hyperparameters(**changes, **SETTINGS[optimizer] | {"lr": RATES.get(optimizer, 0.01)})
    reviews = random_reviews(n=25 * 50)
    model = build_model(settings, VOCAB_SIZE, MAX_LENGTH, seed=3)
    ours_optimizer = build_optimizer(model, settings)
    batches = ReviewTensors(reviews, CPU).shuffled(25, torch.Generator().manual_seed(5))
    ours = [train_epoch(model, ours_optimizer, [batch], settings)[0] for batch in batches]

    for kind, classifier in CLASSIFIERS.items():
        if kind == "padded" and bidirectional:
            continue  # backwards it would read the padding first
        plain = classifier(build_model(settings, VOCAB_SIZE, MAX_LENGTH, seed=3), MAX_LENGTH)
        theirs_optimizer = plain_optimizer(plain, settings)
        theirs = [step(plain, theirs_optimizer, batch) for batch in padded_batches(reviews, shuffled(reviews, 5), 25)]
        assert ours == pytest.approx(theirs, rel=1e-4), kind
    assert len(ours) == 50


def by_hand(optimizer: str, gradients: list[float], lr: float, momentum: float, eps: float) -> list[float]:
    """A single weight, from 0, after each step: the textbook's formulas in PyTorch's variants."""
    weight = square = velocity = first = 0.0
    weights = []
    for t, gradient in enumerate(gradients, 1):
        if optimizer == "sgd":
            velocity = momentum * velocity + gradient
            weight -= lr * velocity
        elif optimizer == "adagrad":
            square += gradient**2
            weight -= lr * gradient / (math.sqrt(square) + eps)
        elif optimizer == "rmsprop":
            square = 0.99 * square + 0.01 * gradient**2
            velocity = momentum * velocity + gradient / (math.sqrt(square) + eps)
            weight -= lr * velocity
        else:
            first, square = 0.9 * first + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            weight -= lr * first / (1 - 0.9**t) / (math.sqrt(square / (1 - 0.999**t)) + eps)
        weights.append(weight)
    return weights


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_optimizers_have_their_settings(optimizer: str):
    """Gradients of the size of eps show it; those of one sign show the momentum."""
    given = {"lr": 0.01, "momentum": 0.0, "eps": 0.0} | SETTINGS[optimizer]
    gradients = [2e-6, 1e-6, 3e-6, -1e-6]
    layer = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.zeros_(layer.weight)
    built = build_optimizer(layer, hyperparameters(optimizer=optimizer, **SETTINGS[optimizer]))
    found = []
    for gradient in gradients:
        layer.weight.grad = torch.full_like(layer.weight, gradient)
        built.step()
        found.append(layer.weight.item())
    assert found == pytest.approx(by_hand(optimizer, gradients, **given), rel=1e-9)


def test_warmup():
    rates = [warmup_lr(0.01, step, 4) for step in range(1, 7)]
    assert rates == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01])
    assert [warmup_lr(0.01, step, 0) for step in (1, 2, 1000)] == [0.01] * 3


def test_warmup_goes_on_over_the_epochs():
    """150 reviews in batches of 32 are five steps an epoch: the seventh step is the second epoch's second."""
    settings = hyperparameters(warmup_steps=200, lr=0.01)
    model = build_model(settings, VOCAB_SIZE, MAX_LENGTH, seed=0)
    optimizer = build_optimizer(model, settings)
    rates: list[float] = []
    optimizer.register_step_post_hook(lambda *_: rates.append(optimizer.param_groups[0]["lr"]))
    tensors = ReviewTensors(random_reviews(), CPU)
    for epoch in range(2):
        train_epoch(model, optimizer, tensors.by_length(32), settings, n_steps_before=5 * epoch)
    assert rates == pytest.approx([0.01 * step / 200 for step in range(1, 11)])


def test_clipping_bounds_the_norm_of_all_gradients_together():
    settings = hyperparameters(optimizer="sgd", momentum=0.0, lr=1.0, clip_norm=0.001)
    model = build_model(settings, VOCAB_SIZE, MAX_LENGTH, seed=0)
    before = torch.nn.utils.parameters_to_vector(model.parameters()).clone()
    train_epoch(model, build_optimizer(model, settings), ReviewTensors(random_reviews(), CPU).by_length(150), settings)
    moved = torch.nn.utils.parameters_to_vector(model.parameters()) - before
    assert moved.norm().item() == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize("cell", ["lstm", "gru", "attention"])
def test_same_seed_same_bytes_other_seed_other_bytes(cell: str):
    layers = {} if cell == "attention" else {"n_layers": 2, "dropout": 0.3}
    settings = hyperparameters(cell=cell, **layers)
    once, again, other = run(settings), run(settings), run(settings, seed=1)
    assert once.epochs == again.epochs
    for name, weight in once.best_weights.items():
        assert torch.equal(weight, again.best_weights[name]), name
        if not name.startswith("attention.norm"):
            assert not torch.equal(weight, other.best_weights[name]), name


CHANGES = {  # of every hyperparameter, at a value that matters
    "cell": {"cell": "gru"},
    "optimizer": {"optimizer": "rmsprop", "momentum": 0.0},
    "embedding_dim": {"embedding_dim": 4},
    "hidden_dim": {"hidden_dim": 9},
    "n_layers": {"n_layers": 2},
    "bidirectional": {"bidirectional": True},
    "dropout": {"n_layers": 2, "dropout": 0.5},
    "warmup_steps": {"warmup_steps": 2},
    "clip_norm": {"clip_norm": 1e-3},
    "batch_size": {"batch_size": 31},
    "n_epochs": {"n_epochs": 7},
    "init": {"init": "pytorch"},
    "keep_epoch": {"keep_epoch": "last"},
    "lr": {"lr": 0.02},
    "momentum": {"optimizer": "sgd", "momentum": 0.9},
    "eps": {"eps": 1e-2},
}
BASES = {"dropout": {"n_layers": 2}, "momentum": {"optimizer": "sgd", "momentum": 0.0}}


def test_every_hyperparameter_is_tried():
    assert CHANGES.keys() == Hyperparameters.model_fields.keys()


@pytest.mark.parametrize("name", CHANGES)
def test_every_hyperparameter_changes_the_weights(name: str):
    """With the same random numbers: what changes is the doing of the hyperparameter."""
    long = {"lr": 0.03, "n_epochs": 6}  # random labels are learnt by heart: the best epoch is not the last
    base = run(hyperparameters(**long | BASES.get(name, {})))
    changed = run(hyperparameters(**long | CHANGES[name]))
    assert name != "keep_epoch" or base.best_epoch < 6
    if name == "n_epochs":  # one more
        assert len(changed.epochs) == 7
        assert changed.epochs[:6] == base.epochs
    else:
        same = [
            torch.equal(weight, changed.best_weights.get(key, torch.zeros(0)))
            for key, weight in base.best_weights.items()
        ]
        assert not all(same)


def test_generators_are_independent_of_other_variants():
    """And the same for the same training."""
    settings, data = hyperparameters(), {"texts_hash": "a", "stop_words": "source"}
    others = [
        generator_seeds(settings, 1, data),
        generator_seeds(settings.model_copy(update={"n_epochs": 4}), 0, data),
        generator_seeds(settings, 0, data | {"texts_hash": "b"}),
    ]
    once = generator_seeds(settings, 0, data)
    assert once == generator_seeds(settings.model_copy(), 0, dict(data))
    assert len({*once, *(seed for pair in others for seed in pair)}) == 8


def test_epoch_with_the_lowest_validation_loss_is_kept():
    """Random labels are learnt by heart, so the validation loss rises; the weights are those of its lowest point."""
    settings = hyperparameters(lr=0.03, n_epochs=8)
    result = run(settings)
    losses = [epoch.valid_loss for epoch in result.epochs]
    assert result.best_epoch == losses.index(min(losses)) + 1 < 8
    assert loss_of(result, settings) == min(losses)


def test_last_epoch_is_kept_on_request():
    """The course of the training is the same."""
    settings = hyperparameters(lr=0.03, n_epochs=8, keep_epoch="last")
    best, last = run(settings.model_copy(update={"keep_epoch": "best"})), run(settings)
    assert last.epochs == best.epochs
    assert last.best_epoch == 8 > best.best_epoch
    assert loss_of(last, settings) == last.epochs[-1].valid_loss


def loss_of(result: TrainResult, settings: Hyperparameters) -> float:
    """The validation loss of the weights that were kept."""
    model, valid_set = build_model(settings, VOCAB_SIZE, MAX_LENGTH, 0), ReviewTensors(random_reviews(seed=1), CPU)
    model.load_state_dict(result.best_weights)
    return loss_and_accuracy(predict_logits(model, valid_set), valid_set.labels)[0]


def test_training_that_diverges_ends_with_weights():
    settings = hyperparameters(n_epochs=2)
    model = build_model(settings, VOCAB_SIZE, MAX_LENGTH, 0)
    torch.nn.init.constant_(model.linear.bias, math.nan)
    reviews, order = ReviewTensors(random_reviews(), CPU), torch.Generator().manual_seed(0)
    result = train(model, reviews, reviews, settings, order, Log(), Checkpoint(Path("0.pt"), "", Timer(), Log()))
    assert all(math.isnan(epoch.valid_loss) for epoch in result.epochs)
    assert result.best_epoch == 1
    assert result.best_weights.keys() == model.state_dict().keys()


def test_accuracy_and_loss_are_over_reviews_not_over_batches():
    settings = hyperparameters(optimizer="sgd", momentum=0.0, lr=1e-30)
    model = build_model(settings, VOCAB_SIZE, MAX_LENGTH, seed=0)
    tensors = ReviewTensors(random_reviews(n=33), CPU)  # a full batch and one of a single review
    expected = loss_and_accuracy(predict_logits(model, tensors), tensors.labels)
    batches = tensors.shuffled(32, torch.Generator().manual_seed(0))
    assert train_epoch(model, build_optimizer(model, settings), batches, settings) == pytest.approx(expected, rel=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("settings", [{"n_layers": 2}, {"cell": "gru"}, {"bidirectional": True}, {"cell": "attention"}])
def test_cuda_agrees_with_the_cpu(settings: dict[str, object]):
    """The losses of 50 steps, to a relative 1e-3."""
    use_deterministic_device()
    chosen = hyperparameters(**settings)
    losses = []
    for device in (CPU, torch.device("cuda")):
        model = build_model(chosen, VOCAB_SIZE, MAX_LENGTH, seed=3).to(device)
        optimizer = build_optimizer(model, chosen)
        batches = ReviewTensors(random_reviews(n=25 * 50), device).shuffled(25, torch.Generator().manual_seed(5))
        losses.append([train_epoch(model, optimizer, [batch], chosen)[0] for batch in batches])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


RESUMED = {name: {"optimizer": name, **settings} for name, settings in SETTINGS.items()}
RESUMED |= {"dropout": {"n_layers": 2, "dropout": 0.5}, "attention": {"cell": "attention"}}
RESUMED |= {"bidirectional": {"bidirectional": True}, "warmup": {"warmup_steps": 12}, "last": {"keep_epoch": "last"}}


def checkpoint(fingerprint: str = "one", log: Log | None = None) -> Checkpoint:
    return Checkpoint(Path("folder/0.pt"), fingerprint, Timer(), log or Log())


def interrupt(monkeypatch: pytest.MonkeyPatch, during: int) -> list[int]:
    """Have an epoch end in an exception, counted from one; the list grows with those that are begun."""
    begun: list[int] = []
    real = loop.train_epoch

    def interrupted(*arguments: object) -> tuple[float, float]:
        begun.append(len(begun) + 1)
        if len(begun) == during:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "train_epoch", interrupted)
    return begun


def same(first: TrainResult, second: TrainResult) -> bool:
    weights = [torch.equal(weight, second.best_weights[name]) for name, weight in first.best_weights.items()]
    return (first.epochs, first.best_epoch) == (second.epochs, second.best_epoch) and all(weights)


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.parametrize("during", [2, 4])
def test_resumed_training_gives_the_same_bytes(name: str, during: int, monkeypatch: pytest.MonkeyPatch):
    settings = hyperparameters(n_epochs=4, **RESUMED[name])
    undisturbed = run(settings)
    begun = interrupt(monkeypatch, during)
    with pytest.raises(KeyboardInterrupt):
        run(settings, checkpoint())
    resumed = run(settings, checkpoint())
    assert len(begun) == 5  # the epoch that was interrupted twice, no other
    assert same(resumed, undisturbed)
    checkpoint().remove()
    assert not list(Path("folder").iterdir())


def test_best_epoch_before_the_interruption_is_not_lost(monkeypatch: pytest.MonkeyPatch):
    settings = hyperparameters(lr=0.03, n_epochs=6)  # learns by heart: the validation loss rises early
    undisturbed = run(settings)
    assert undisturbed.best_epoch < 5
    interrupt(monkeypatch, 6)
    with pytest.raises(KeyboardInterrupt):
        run(settings, checkpoint())
    assert same(run(settings, checkpoint()), undisturbed)


def test_checkpoint_of_another_training_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    interrupt(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run(hyperparameters(), checkpoint("before"))
    assert checkpoint("now").load() is None
    assert checkpoint("before").load() is not None


@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_damaged_checkpoint_costs_the_resumption_alone(damage: str, monkeypatch: pytest.MonkeyPatch):
    undisturbed = run(hyperparameters())
    interrupt(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run(hyperparameters(), checkpoint())
    path = checkpoint().path
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "other": b"{" * 100}[damage])
    log = Log()
    assert same(run(hyperparameters(), checkpoint(log=log)), undisturbed)
    assert f"{path}: cannot be read: the training starts from the beginning" in log.lines[0]


def test_checkpoint_that_cannot_be_written_costs_no_training():
    Path("folder").write_text("not a folder")
    log = Log()
    assert same(run(hyperparameters(), checkpoint(log=log)), run(hyperparameters()))
    assert any("cannot be written, so an interruption would lose this epoch" in line for line in log.lines)


def test_timer_goes_on():
    first = checkpoint()
    first._timer.add({"seconds": 100.0, "cpu_seconds": 50.0})
    first.save({"model": {}})
    timer = Timer()
    state = Checkpoint(first.path, "one", timer, Log()).load()
    assert state is not None
    assert 100 <= timer.elapsed()["seconds"] < 110
    assert 50 <= timer.elapsed()["cpu_seconds"] < 60
