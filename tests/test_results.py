"""From predictions to metrics, tables and the report, against figures worked out by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PROJECT, Scratch
from torch.nn import functional as F

from sentiment_rnn.evaluation import predictions
from sentiment_rnn.evaluation import test_metrics as metrics_of
from sentiment_rnn.model_folder import ModelFolderError, load_model
from sentiment_rnn.report import agreement
from sentiment_rnn.studies import beside_published, published_tables, read_published, summarize

PUBLISHED = published_tables(read_published(PROJECT / "data/published.yaml"))


def test_metrics_by_hand():
    log_odds = np.array([2.0, -1.0, 0.5, -3.0, 800.0])
    labels = np.array([1, 1, 0, 0, 0])
    logits = np.stack([np.zeros(5), log_odds], axis=1).astype(np.float32)
    metrics = metrics_of(predictions(logits, labels))
    losses = [
        math.log1p(math.exp(-2)),
        math.log1p(math.exp(1)),
        math.log1p(math.exp(0.5)),
        math.log1p(math.exp(-3)),
        800,
    ]
    assert metrics == {
        "test_loss": pytest.approx(sum(losses) / 5),
        "test_accuracy": 0.4,
        "true_positive": 1,
        "true_negative": 1,
        "false_positive": 2,
        "false_negative": 1,
    }


def test_metrics_are_those_of_pytorch_and_survive_the_csv(tmp_path: Path):
    logits = torch.randn(500, 2, generator=torch.Generator().manual_seed(0)) * 5
    labels = torch.randint(0, 2, (500,), generator=torch.Generator().manual_seed(1))
    predicted = predictions(logits.numpy(), labels.numpy())
    predicted.to_csv(tmp_path / "predictions.csv", index=False)
    metrics = metrics_of(predicted)
    assert metrics == metrics_of(pd.read_csv(tmp_path / "predictions.csv"))
    assert metrics["test_loss"] == pytest.approx(F.cross_entropy(logits.double(), labels).item(), rel=1e-12)
    assert metrics["test_accuracy"] == (logits.argmax(1) == labels).double().mean().item()
    np.testing.assert_allclose(predicted["probability"], logits.double().softmax(1)[:, 1].numpy(), rtol=1e-12)


def test_published_tables():
    assert PUBLISHED["n_layers"]["2"] == {"test_loss": 0.275, "test_accuracy": 0.887}
    assert PUBLISHED["compound"]["compound"] == {"test_loss": 0.303, "test_accuracy": 0.875}
    assert list(PUBLISHED["embedding_dim"]) == ["1", "None"]
    assert list(PUBLISHED["gru_optimizers"]) == ["sgd", "adagrad", "rmsprop", "adam"]


def test_seeds_are_summarized():
    runs = pd.DataFrame(
        {"variant": ["a", "a", "a"], "seed": [0, 1, 2], "test_loss": [1.0, 2.0, 3.0], "test_accuracy": [0.5, 0.5, 0.8]}
    )
    tables = summarize(runs, {"n_layers": {"2": "a"}})
    assert tables["n_layers"]["2"] == {
        "test_loss": 2.0,
        "test_loss_std": 1.0,
        "test_accuracy": pytest.approx(0.6),
        "test_accuracy_std": pytest.approx(math.sqrt(0.03)),
        "n": 3,
    }
    assert "test_loss_std" not in summarize(runs[:1], {"n_layers": {"2": "a"}})["n_layers"]["2"]
    row = beside_published(tables, PUBLISHED)["n_layers.2"]
    assert (row["test_loss"], row["published_loss"], row["published_accuracy"]) == (2.0, 0.275, 0.887)


def test_agreement_is_within_0_015():
    tables = {"n_layers": {"2": {"test_accuracy": 0.887 + 0.015}, "3": {"test_accuracy": 0.885 - 0.0151}, "7": {}}}
    assert [(row["name"], row["agrees"]) for row in agreement(tables, PUBLISHED)] == [("2", True), ("3", False)]


def test_report_of_another_corpus_leaves_the_published_figures_out(finished: Scratch):
    text = (finished.folder / "report/report.md").read_text()
    assert "they do not compare" in text
    assert "published accuracy" not in text
    tables = finished.folder / "metrics/tables"
    assert not any("published" in path.read_text() for path in tables.iterdir())


def test_page_needs_no_other_file(finished: Scratch):
    page = (finished.folder / "report/index.html").read_text()
    images = sorted(path.name for path in (finished.folder / "plots/figures").iterdir())
    assert page.count('src="data:image/png;base64,') == page.count("<img") == len(images)
    assert "http" not in page.replace("http-equiv", "")


def test_tables_in_the_report_are_the_metrics(finished: Scratch):
    metrics = json.loads((finished.folder / "metrics/studies.json").read_text())
    text = (finished.folder / "report/report.md").read_text()
    for rows in (rows for study, rows in metrics.items() if study != "data"):
        for row, figures in rows.items():
            line = next(line for line in text.splitlines() if line.startswith(f"| {row} |"))
            assert f"| {figures['test_accuracy']:.3f} | {figures['test_loss']:.3f} |" in line


def test_metrics_can_be_rederived_from_the_predictions(finished: Scratch):
    predicted = pd.read_csv(finished.folder / "data/evaluations/compound/0/predictions.csv")
    accuracy = ((predicted["probability"] > 0.5) == (predicted["label"] == 1)).mean()
    metrics = json.loads((finished.folder / "metrics/studies.json").read_text())
    assert metrics["compound"]["compound"]["test_accuracy"] == pytest.approx(accuracy)
    assert metrics["data"]["test"] == len(predicted)


def test_model_folder(finished: Scratch, tmp_path: Path):
    folder = finished.folder / "data/models/n_layers-2/0"
    description = json.loads((folder / "model.json").read_text())
    assert description["hyperparameters"]["n_layers"] == 2
    assert load_model(folder).n_parameters() == description["n_parameters"]
    with pytest.raises(ModelFolderError, match="no model there, or a damaged one"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(description | {"format": 99}))
    with pytest.raises(ModelFolderError, match="its format is 99"):
        load_model(tmp_path)
