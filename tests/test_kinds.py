"""Every kind of variant that goes beyond the study trains and is evaluated: other settings, other data."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Log, hyperparameters
from generate import generate

from sentiment_rnn.corpus.split import official_split, random_split, sample_train, write_split
from sentiment_rnn.dvc_stage import InputHashes
from sentiment_rnn.encoding.splits import encode_splits
from sentiment_rnn.evaluation.predictions import write_results
from sentiment_rnn.evaluation.stage import predict
from sentiment_rnn.model_json import read_metadata
from sentiment_rnn.study.variants import Variant
from sentiment_rnn.training.training import run_training

SETTINGS: dict[str, dict[str, Any]] = {
    "no warm-up": {"warmup_steps": 0},
    "SGD without momentum": {"optimizer": "sgd", "momentum": 0.0},
    "RMSProp without momentum": {"optimizer": "rmsprop", "momentum": 0.0},
    "another learning rate": {"lr": 0.003},
    "PyTorch's initialisation": {"init": "pytorch"},
    "last epoch": {"keep_epoch": "last"},
    "clipping": {"clip_norm": 1.0},
    "self-attention": {"cell": "attention"},
    "bidirectional": {"bidirectional": True},
    "two layers and directions": {"bidirectional": True, "n_layers": 2, "dropout": 0.2},
}
REVIEWS = generate(300, seed=1)
IS_OFFICIAL_TEST = np.arange(300) % 2 == 1
DATA: dict[str, dict[str, Any]] = {
    "random split": {},
    "another random split": {"seed": 13},
    "official split": {"official": True},
    "fewer training reviews": {"n_train": 50},
    "stop words dropped": {"stop_words": "drop"},
    "stop words kept": {"stop_words": "keep"},
}


def encode(seed: int = 12, n_train: int | None = None, stop_words: str = "source", official: bool = False) -> None:
    parts = official_split(REVIEWS, IS_OFFICIAL_TEST, seed) if official else random_split(REVIEWS, seed)
    if n_train:
        parts = sample_train(parts, n_train, seed)
    write_split(parts, 300, Path("split"), Path("summary"))
    encode_splits(Path("split"), stop_words, 2, 32, Path("encoded"), Path("summary"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def train_and_evaluate(**settings: Any) -> dict[str, Any]:
    """The metadata and the metrics of the model."""
    chosen = hyperparameters(**{"n_epochs": 2, "lr": 0.01} | settings)
    models = Path("data/checkpoints/name")
    variant = Variant("name", chosen, (12,), "stage", Path("encoded"), models, Path("results"))
    folder = run_training((variant, 12), Log(), inputs=InputHashes(variant.training_files), cached={}, force=False)
    assert folder == models / "12"
    Path("results").mkdir()
    return read_metadata(folder) | write_results(predict((variant, 12), Log()), Path("results"))


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str):
    encode()
    metadata = train_and_evaluate(**SETTINGS[name])
    assert metadata["hyperparameters"].items() >= SETTINGS[name].items()
    assert 0.2 < metadata["test_accuracy"] <= 1


@pytest.mark.parametrize("name", DATA)
def test_data(name: str):
    encode(**DATA[name])
    metadata = train_and_evaluate()
    assert metadata["stop_words"] == DATA[name].get("stop_words", "source")
    sizes = {part: len(pd.read_csv(f"split/{part}.csv")) for part in ("train", "valid", "test")}
    official = {"train": 135, "valid": 15, "test": 150}
    expected = official if DATA[name].get("official") else {"train": 210, "valid": 30, "test": 60}
    assert sizes == expected | ({"train": 50} if "n_train" in DATA[name] else {})
    counts = sum(metadata[f"{kind}_{label}"] for kind in ("true", "false") for label in ("positive", "negative"))
    assert counts == sizes["test"]


def test_smaller_training_sets_are_of_the_same_split():
    """A learning curve compares them on the same test reviews."""
    parts = random_split(REVIEWS, 12)
    fewer = sample_train(parts, 50, 12)
    assert fewer["test"].equals(parts["test"])
    assert fewer["valid"].equals(parts["valid"])
    assert set(fewer["train"].index) < set(parts["train"].index)
    assert sample_train(parts, len(parts["train"]), 12)["train"].equals(parts["train"])
