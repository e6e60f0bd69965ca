"""A training that is cut short and goes on from its checkpoint, against one that nothing disturbs."""

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import SILENT
from test_model import random_reviews, small

from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.model import build_model
from sentiment_rnn.running.side_by_side import Reporter
from sentiment_rnn.study.params import Hyperparameters
from sentiment_rnn.training import loop
from sentiment_rnn.training.checkpoint import Checkpoint, Saved
from sentiment_rnn.training.loop import Training, train
from sentiment_rnn.training.stopwatch import Stopwatch

N_EPOCHS = 4
CHAMPION = {"cell": "gru", "bidirectional": True, "head": "mean_max", "ngrams": 2}
VARIANTS = {name: {"optimizer": name} for name in ("sgd", "momentum", "adagrad", "rmsprop", "adam")}
VARIANTS |= {"dropout": {"n_layers": 2, "dropout": 0.5}, "attention": {"cell": "attention"}, "champion": CHAMPION}


def run(hyperparameters: Hyperparameters, checkpoint: Checkpoint | None) -> Training:
    train_set, valid_set = (ReviewTensors(random_reviews(seed=seed), torch.device("cpu")) for seed in (0, 1))
    model = build_model(hyperparameters, 40, 64, "study", seed=0)
    offsets = torch.linspace(-1, 1, 300).view(150, 2) if model.ngrams is not None else None
    settings = {"batch_size": 32, "n_epochs": N_EPOCHS, "keep_epoch": "best", "seed": 0, "reporter": SILENT}
    saved = checkpoint and checkpoint.load()
    if saved is not None and offsets is not None:
        offsets = saved.tensors["offsets"]
    return train(
        model, train_set, valid_set, hyperparameters, offsets=offsets, checkpoint=checkpoint, saved=saved, **settings
    )


def checkpoint_in(folder: Path, key: str = "key", told: list[Any] | None = None) -> Checkpoint:
    reporter = SILENT if told is None else Reporter(told.append)
    return Checkpoint(folder / "0.safetensors", key, Stopwatch(), reporter)


def cut_short(monkeypatch: pytest.MonkeyPatch, during: int) -> list[int]:
    """The epoch of that number, counted from one, ends in an exception; the list grows with those that are begun."""
    begun: list[int] = []
    real = loop.train_epoch

    def train_epoch(*arguments: object) -> tuple[float, float]:
        begun.append(len(begun) + 1)
        if len(begun) == during:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "train_epoch", train_epoch)
    return begun


def same(first: Training, second: Training) -> bool:
    weights = [torch.equal(weight, second.best_weights[name]) for name, weight in first.best_weights.items()]
    return (first.epochs, first.best_epoch) == (second.epochs, second.best_epoch) and all(weights)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("during", [2, 4])
def test_resumed_training_gives_the_same_bytes(name: str, during: int, tmp_path: Path, monkeypatch):
    hyperparameters = small(**VARIANTS[name])
    undisturbed = run(hyperparameters, None)
    checkpoint = checkpoint_in(tmp_path)
    begun = cut_short(monkeypatch, during)
    with pytest.raises(KeyboardInterrupt):
        run(hyperparameters, checkpoint)
    assert checkpoint.path.exists()
    resumed = run(hyperparameters, checkpoint_in(tmp_path))
    assert len(begun) == N_EPOCHS + 1  # the epoch that was cut short twice, no other
    assert same(resumed, undisturbed)
    checkpoint.remove()
    assert not list(tmp_path.iterdir())


def test_best_epoch_before_the_interruption_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hyperparameters = small(lr=0.03)  # learns by heart: the valid loss rises from the start
    undisturbed = run(hyperparameters, None)
    assert undisturbed.best_epoch < 3
    cut_short(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        run(hyperparameters, checkpoint_in(tmp_path))
    assert same(run(hyperparameters, checkpoint_in(tmp_path)), undisturbed)


def test_checkpoint_of_another_training_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of the same name, but of other parameters, code or inputs."""
    cut_short(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run(small(), checkpoint_in(tmp_path, "before"))
    assert checkpoint_in(tmp_path, "now").load() is None
    assert checkpoint_in(tmp_path, "before").load() is not None


@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_damaged_checkpoint_costs_the_resumption_alone(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    undisturbed = run(small(), None)
    checkpoint = checkpoint_in(tmp_path)
    cut_short(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run(small(), checkpoint)
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "other": b"{" * 100}[damage])
    told: list[Any] = []
    assert same(run(small(), checkpoint_in(tmp_path, told=told)), undisturbed)
    assert f"{checkpoint.path}: cannot be read, so the training begins anew" in told[0][1]


def test_checkpoint_that_cannot_be_written_costs_no_training(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    told: list[Any] = []
    assert same(run(small(), checkpoint_in(tmp_path / "file", told=told)), run(small(), None))
    assert any(
        "cannot be written, so an interruption would begin anew" in text for kind, text in told if kind == "line"
    )


def test_stopwatch_goes_on(tmp_path: Path):
    path = tmp_path / "0.safetensors"
    first = Checkpoint(path, "key", stopwatch := Stopwatch(), SILENT)
    stopwatch.go_on_from((100.0, 50.0))
    first.save(Saved({"a": torch.zeros(1)}, {}))
    other = Stopwatch()
    assert Checkpoint(path, "key", other, SILENT).load() == Saved({"a": torch.zeros(1)}, {})
    other.stop()
    assert 100 < other.seconds < 110
    assert 50 < other.cpu_seconds < 60
