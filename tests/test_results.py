"""From predictions to metrics, tables and the report, against figures worked out by hand."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PROJECT, Scratch
from torch.nn import functional as F

from sentiment_rnn.evaluation.calibration import Calibration
from sentiment_rnn.evaluation.predictions import Predictions, read_predictions, write_results
from sentiment_rnn.evaluation.predictions import test_metrics as metrics_of
from sentiment_rnn.model_json import ModelFolderError
from sentiment_rnn.network.model_io import load_model
from sentiment_rnn.report.analyses import averaged_seeds, best_threshold, by_length, with_threshold
from sentiment_rnn.report.figures import draw_all
from sentiment_rnn.report.page import page_files, replace_files
from sentiment_rnn.report.results import Result, Runs, is_inside, published_tables, row_figures, summarize
from sentiment_rnn.report.study_report import study_drawings, study_report
from sentiment_rnn.study.params import load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

PUBLISHED = published_tables(read_yaml(PROJECT / "data/published.yaml"))


def test_metrics_by_hand():
    log_odds = np.array([2.0, -1.0, 0.5, -3.0, 800.0])
    labels = np.array([1, 1, 0, 0, 0])
    logits = np.stack([np.zeros(5), log_odds], axis=1).astype(np.float32)
    metrics = metrics_of(Predictions.from_logits(logits, labels))
    losses = [
        math.log1p(math.exp(-2)),
        math.log1p(math.exp(1)),
        math.log1p(math.exp(0.5)),
        math.log1p(math.exp(-3)),
        800,
    ]
    # each in a bin of its own: 0.881 and 0.269 are positive, 0.622, 0.047 and 1.0 are negative
    sigmoid = [1 / (1 + math.exp(-value)) for value in log_odds.tolist()]
    calibration = (1 - sigmoid[0] + 1 - sigmoid[1] + sigmoid[2] + sigmoid[3] + sigmoid[4]) / 5
    assert metrics == {
        "test_loss": pytest.approx(sum(losses) / 5),
        "test_accuracy": 0.4,
        "test_calibration_error": pytest.approx(calibration),
        "true_positive": 1,
        "true_negative": 1,
        "false_positive": 2,
        "false_negative": 1,
    }


def test_metrics_are_those_of_pytorch_and_survive_the_csv(tmp_path: Path):
    logits = torch.randn(500, 2, generator=torch.Generator().manual_seed(0)) * 5
    labels = torch.randint(0, 2, (500,), generator=torch.Generator().manual_seed(1))
    predictions = Predictions.from_logits(logits.numpy(), labels.numpy())
    written = write_results({"test": predictions, "valid": predictions}, tmp_path)
    read = read_predictions([tmp_path])
    assert (read_predictions([tmp_path], "valid").log_odds == read.log_odds).all()
    assert written == json.loads((tmp_path / "metrics.json").read_text()) == metrics_of(read)
    for found, tolerance in ((predictions, 1e-12), (read, 5e-4)):
        loss = F.cross_entropy(logits.double(), labels).item()
        assert metrics_of(found)["test_loss"] == pytest.approx(loss, rel=tolerance)
        assert metrics_of(found)["test_accuracy"] == (logits.argmax(1) == labels).double().mean().item()
        probability = logits.double().softmax(1)[:, 1].numpy()
        np.testing.assert_allclose(found.probability[0], probability, rtol=0, atol=min(tolerance, 1e-4))


def test_predictions_keep_the_smallest_log_odds(tmp_path: Path):
    """Near zero as elsewhere the digits are four: nothing is rounded to the other label."""
    predictions = Predictions(np.array([1, 0, 1]), np.array([[3e-7, -2e-9, -1.23456e-5]]))
    assert write_results({"test": predictions}, tmp_path)["test_accuracy"] == 2 / 3
    assert read_predictions([tmp_path]).log_odds[0, 2] == -1.235e-5


def test_prediction_that_is_not_a_number_is_wrong(tmp_path: Path):
    """In the accuracy and in the confusion counts, for both labels."""
    predictions = Predictions(np.array([1, 0, 1, 0]), np.array([[np.nan, np.nan, 1.0, -1.0]]))
    metrics = write_results({"test": predictions}, tmp_path)
    assert metrics["test_accuracy"] == 0.5
    counts = [metrics[f"{kind}_{label}"] for kind in ("true", "false") for label in ("positive", "negative")]
    assert counts == [1, 1, 1, 1]
    assert read_predictions([tmp_path]).correct.tolist() == [[0, 0, 1, 1]]


def test_published_tables():
    assert PUBLISHED["n_layers"]["2"] == {"test_loss": 0.275, "test_accuracy": 0.887}
    assert PUBLISHED["compound"]["compound"] == {"test_loss": 0.303, "test_accuracy": 0.875}
    assert list(PUBLISHED["embedding_dim"]) == ["1"]
    assert list(PUBLISHED["gru_optimizers"]) == ["sgd", "adagrad", "rmsprop", "adam"]


def results_of(**log_odds: list[list[float]]) -> dict[str, Result]:
    """By variant, of reviews that are positive, then negative, in turn; a list for each seed."""
    labels = {name: np.arange(len(rows[0])) % 2 ^ 1 for name, rows in log_odds.items()}
    predictions = {name: Predictions(labels[name], np.array(rows)) for name, rows in log_odds.items()}
    return summarize({name: Runs([{}], pd.DataFrame(), of_variant) for name, of_variant in predictions.items()})


def test_seeds_are_summarized():
    """Right on 4, 2 and 3 of 4 reviews."""
    results = results_of(a=[[1, -1, 1, -1], [1, 1, -1, -1], [1, -1, 1, 1]])
    right, wrong = math.log1p(math.exp(-1)), math.log1p(math.exp(1))
    row = row_figures({"n_layers": {"2": "a"}}, results, PUBLISHED)["n_layers"]["2"]
    accuracy, loss = row["accuracy"], row["loss"]
    assert loss["mean"] == pytest.approx((9 * right + 3 * wrong) / 12)
    assert (loss["std"], accuracy["std"]) == (pytest.approx((wrong - right) / 4), 0.25)
    assert (row["variant"], accuracy["mean"], accuracy["n"], accuracy["n_reviews"]) == ("a", 0.75, 3, 4)
    assert row["published"] == {"test_loss": 0.275, "test_accuracy": 0.887}
    assert accuracy["ci_low"] < 0.75 < accuracy["ci_high"]


def test_one_seed_without_others_of_its_kind_has_the_largest_variance():
    runs = {}
    for name, rates, model in (
        ("narrow", (0.5, 0.51), {"hyperparameters": {"optimizer": "sgd"}}),
        ("wide", (0.5, 0.7), {"hyperparameters": {"optimizer": "adam"}}),
        ("one", (0.6,), {"hyperparameters": {"optimizer": "adam", "n_epochs": 1}}),
        ("bag", (0.6,), {"baseline": "nbsvm"}),
    ):
        table = np.array([np.where(np.arange(100) < 100 * rate, 1.0, -1.0) for rate in rates])
        runs[name] = Runs([model] * len(rates), pd.DataFrame(), Predictions(np.ones(100, dtype=int), table))
    results = summarize(runs)
    assert results["one"].variance is results["wide"].variance
    assert results["narrow"].variance.value < results["wide"].variance.value
    assert results["bag"].variance is None


def test_one_seed_has_no_spread():
    results = results_of(a=[[1, -1, 1, 1]])
    row = row_figures({"n_layers": {"2": "a"}}, results, {})["n_layers"]["2"]
    assert row["loss"]["std"] is None
    assert row["accuracy"]["std"] is None


def test_published_value_is_inside_or_outside_of_the_interval_for_one_run():
    """Of 900 reviews 780 right, 0.867 ± 0.032 with other reviews, against the published 0.887; 750 against 0.885.

    The mean's own interval, ± 0.022, has 0.887, too; of 765 right, 0.850, it has not 0.880, which one run might.
    """
    rights = {"a": 780, "b": 750, "c": 765}
    answers = {
        name: [[(1.0 if number % 2 == 0 else -1.0) * (1 if number < n else -1) for number in range(900)]]
        for name, n in rights.items()
    }
    results = results_of(**answers)
    published = [PUBLISHED["n_layers"][row]["test_accuracy"] for row in ("2", "3", "4")]
    inside = [is_inside(value, results[name].accuracy) for name, value in zip("abc", published, strict=True)]
    assert inside == [True, False, True]
    assert results["c"].accuracy.ci_high < 0.88 - 0.0005
    half = 1.9626 * math.sqrt(0.85 * 0.15 / 899)
    assert results["c"].accuracy.prediction_high == pytest.approx(0.85 + math.sqrt(2) * half, abs=1e-4)


def calibration(labels: np.ndarray, log_odds: np.ndarray) -> Calibration:
    return Calibration.from_predictions(Predictions(labels, log_odds).probability, labels)


def test_calibration_by_hand():
    """Four answers of 0.75 of which two are right, four of 0.25 of which one is positive."""
    log_odds = np.array([[math.log(3)] * 4 + [-math.log(3)] * 4])
    found = calibration(np.array([1, 1, 0, 0, 1, 0, 0, 0]), log_odds)
    assert found.probability.tolist() == pytest.approx([0.25, 0.75])
    assert found.positive.tolist() == [0.25, 0.5]
    assert found.share.tolist() == [0.5, 0.5]
    assert found.errors.tolist() == pytest.approx([0.25 / 2])


def test_calibration_leaves_out_a_run_that_diverged():
    log_odds, labels = np.array([[1.0, -1.0], [np.nan, np.nan]]), np.array([1, 0])
    found, alone = calibration(labels, log_odds), calibration(labels, log_odds[:1])
    assert found.positive.tolist() == alone.positive.tolist()
    assert found.share.tolist() == alone.share.tolist()
    assert (found.errors[0], np.isnan(found.errors[1])) == (alone.errors[0], True)


def test_calibration_of_what_was_drawn_from_the_probabilities_is_by_chance():
    """Ten corpora: about one in twenty errors lies outside; that of overconfident answers does, far."""
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(10):
        log_odds = random.normal(size=(1, 5000)) * 2
        labels = (random.random(5000) < 1 / (1 + np.exp(-log_odds[0]))).astype(int)
        found = calibration(labels, log_odds)
        inside += found.by_chance[0] <= found.errors[0] <= found.by_chance[1]
    assert inside >= 8
    overconfident = calibration(labels, 3 * log_odds)
    assert overconfident.errors[0] > 0.1 > 5 * overconfident.by_chance[1]


def test_calibration_errors_are_those_of_each_run():
    """One run says too much, the other too little: together they would seem right."""
    labels = np.array([1, 1, 0, 0] * 50)
    found = calibration(labels, np.array([[2.0] * 200, [-2.0] * 200]))
    assert found.errors.tolist() == pytest.approx([1 / (1 + math.exp(-2)) - 0.5] * 2)


def test_every_stage_named_in_the_report_is_there(finished: Scratch):
    variants = study_catalogue(load_params(finished.folder / "params.yaml")).variants.values()
    stages = {f"{kind}_{variant.stage}" for variant in variants for kind in ("train", "evaluate")}
    assert stages <= set(finished.run("dvc", "stage", "list", "--name-only", "dvc.yaml").split())
    text = (finished.folder / "report/report.md").read_text()
    assert all(f"| train_{variant.stage} |" in text for variant in variants)


def test_report_of_another_corpus_leaves_the_published_figures_out(finished: Scratch):
    text = (finished.folder / "report/report.md").read_text()
    assert "claims are about the 50,000 IMDB reviews" in text
    assert "| published |" not in text
    assert "published" not in (finished.folder / "report/rows.json").read_text()


def test_page_needs_no_other_file(finished: Scratch):
    page = (finished.folder / "report/index.html").read_text()
    images = list((finished.folder / "plots/figures").iterdir())
    assert page.count('src="data:image/png;base64,') == page.count("<img") == len(images)
    text = re.sub('src="data:image/png;base64,[^"]*"', "", page)  # in which any four letters may stand
    assert "http" not in text.replace("http-equiv", "")


def test_tables_in_the_report_are_the_metrics(finished: Scratch):
    text = (finished.folder / "report/report.md").read_text()
    for study, rows in json.loads((finished.folder / "report/rows.json").read_text()).items():
        for name, row in rows.items():
            of_accuracy, of_loss = row["accuracy"], row["loss"]
            low, high = (min(max(of_accuracy[f"ci_{end}"], 0), 1) for end in ("low", "high"))
            accuracy = f"{of_accuracy['mean']:.3f} [{low:.3f}, {high:.3f}]"
            loss = f"{of_loss['mean']:.3f} [{max(of_loss['ci_low'], 0):.3f}, {of_loss['ci_high']:.3f}]"
            lines = [line for line in text.splitlines() if line.startswith(f"| {name} | {accuracy} |")]
            assert any(f"| {loss} |" in line for line in lines), (study, name)
            metrics = json.loads((finished.folder / f"metrics/{study}/{name}.json").read_text())
            assert metrics == {"test_loss": of_loss["mean"], "test_accuracy": of_accuracy["mean"]}


def test_metrics_can_be_rederived_from_the_predictions(finished: Scratch):
    predicted = pd.read_csv(finished.folder / "results/compound/0/predictions.csv")
    accuracy = ((predicted["log_odds"] > 0) == (predicted["label"] == 1)).mean()
    metrics = json.loads((finished.folder / "metrics/compound/compound.json").read_text())
    assert metrics["test_accuracy"] == pytest.approx(accuracy)


def test_results_are_whole(finished: Scratch):
    """What later questions need: the validation predictions, the learning curves, the seconds."""
    folder = finished.folder / "results/compound/0"
    names = "curves.csv metrics.json model.json predictions.csv timing.json validation_predictions.csv"
    assert sorted(path.name for path in folder.iterdir()) == names.split()
    curves = pd.read_csv(folder / "curves.csv")
    valid = read_predictions([folder], "valid")
    model = json.loads((folder / "model.json").read_text())
    assert valid.correct.mean() == pytest.approx(curves["valid_accuracy"][model["best_epoch"] - 1])
    assert json.loads((folder / "timing.json").read_text()).keys() == {"seconds", "cpu_seconds"}


def test_model_folder(finished: Scratch, tmp_path: Path):
    folder = shutil.copytree(finished.folder / "data/models/n_layers-2/0", tmp_path / "0")
    metadata = json.loads((folder / "model.json").read_text())
    assert metadata["hyperparameters"]["n_layers"] == 2
    assert sum(weight.numel() for weight in load_model(folder).parameters()) == metadata["n_parameters"]
    with pytest.raises(ModelFolderError, match="no model there, or a damaged one"):
        load_model(tmp_path)
    for changes, message in (({"format": 99}, "its format is 99"), ({"max_length": 10**15}, "sizes that its weights")):
        (folder / "model.json").write_text(json.dumps(metadata | changes))
        with pytest.raises(ModelFolderError, match=message):
            load_model(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "vocabulary.txt"])
def test_flipped_bit_of_a_model_is_noticed(name: str, finished: Scratch, tmp_path: Path):
    folder = shutil.copytree(finished.folder / "data/models/n_layers-2/0", tmp_path / "0")
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelFolderError, match=f"{name} is not the file that model.json describes"):
        load_model(folder)


def test_files_of_a_report_are_json_that_every_reader_takes(tmp_path: Path):
    """A training that diverged has a loss that is not a number, for which JSON has no word."""
    replace_files(tmp_path / "metrics", {"a/b.json": {"loss": math.nan, "accuracy": 0.1 + 0.2}, "c.csv": "x\n"})
    content = json.loads((tmp_path / "metrics/a/b.json").read_text(), parse_constant=pytest.fail)
    assert content == {"loss": "NaN", "accuracy": 0.3}
    assert (tmp_path / "metrics/c.csv").read_bytes() == b"x\n"
    with pytest.raises(TypeError):
        replace_files(tmp_path / "metrics", {"c.csv": "y\n", "d.json": object()})
    assert (tmp_path / "metrics/c.csv").read_bytes() == b"x\n"  # not half of each


def test_averaged_seeds_by_hand():
    """Two runs that err on different reviews are right together; a NaN makes its averages wrong."""
    predictions = Predictions(
        np.array([1, 1, 0]), np.array([[3.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [1.0, 1.0, math.nan]])
    )
    assert averaged_seeds(predictions) == pytest.approx([2 / 3, (3 + 1 + 1) / 9, 2 / 3])


@pytest.mark.parametrize("n", [1, 2, 10, 200])
@pytest.mark.parametrize("seed", range(20))
def test_best_threshold_is_that_of_all_thresholds(n: int, seed: int):
    random = np.random.default_rng(seed)
    is_positive = random.random(n) < 0.5
    log_odds = (random.normal(size=n) + is_positive + 1).round(1)  # with ties
    accuracies = [((log_odds > cut) == is_positive).mean() for cut in np.arange(-5, 8, 0.1) + 0.05]
    found = best_threshold(log_odds, is_positive)
    assert ((log_odds > found) == is_positive).mean() == max(accuracies)
    with_nan = np.append(log_odds, math.nan), np.append(is_positive, True)
    assert best_threshold(*with_nan) == found


def test_threshold_is_zero_if_that_is_as_good():
    assert best_threshold(np.array([-0.1, 5.0]), np.array([False, True])) == 0
    assert best_threshold(np.array([3.0, 4.0]), np.array([True, True])) == 0
    assert best_threshold(np.array([0.0, 1.0]), np.array([False, True])) == 0
    assert best_threshold(np.array([1.0, 2.0]), np.array([False, True])) == 1.5
    assert best_threshold(np.array([math.nan]), np.array([True])) == 0


def test_threshold_is_chosen_on_the_validation_reviews():
    valid = Predictions(np.array([0, 0, 1, 1]), np.array([[1.0, 2.0, 3.0, 4.0], [-4.0, -3.0, -2.0, -1.0]]))
    test = Predictions(np.array([0, 1]), np.array([[2.0, 3.0], [-3.0, -2.0]]))
    assert test.correct.mean(axis=1).tolist() == [0.5, 0.5]
    assert with_threshold(test, valid).correct.mean(axis=1).tolist() == [1.0, 1.0]


def test_accuracy_by_length_by_hand():
    predictions = {"a": Predictions(np.array([1, 1, 1, 0]), np.array([[1.0, 1.0, -1.0, -1.0]]))}
    groups = by_length(np.array([0, 64, 65, 257]), 256, predictions)
    assert groups == {
        (-1, 64): {"reviews": 2, "a": 1.0},
        (64, 128): {"reviews": 1, "a": 0.0},
        (256, math.inf): {"reviews": 1, "a": 1.0},
    }


@pytest.mark.parametrize("logs", [["compound", "lstm_sgd", "gru_sgd"], ["compound"], []])
def test_page_beside_the_published_figures(logs: list[str], finished: Scratch, monkeypatch: pytest.MonkeyPatch):
    """The tiny clone has other reviews, so the page of its own study has no such part."""
    monkeypatch.chdir(finished.folder)
    source = read_yaml(PROJECT / "data/published.yaml")
    source["logs"] = {name.replace("lstm_sgd", "lstm_adam"): source["logs"][name] for name in logs}
    report = replace(study_report(load_params()), source=source, published=PUBLISHED)
    assert report.published_accuracy == {"lstm-adam": 0.885, "n_layers-2": 0.887, "compound": 0.875}
    images = draw_all(study_drawings(report), dpi=50)
    assert ("training_log" in images) == bool(logs)
    text = page_files("Title", report, images, lambda name: f"{name}.png", is_study=True)["report.md"]
    assert f"Inside: {report.n_inside} of 3." in text
    assert "| compound | 0.875 |" in text
    assert f"{report.shift.difference:+.4f}" in text
    assert text.count("](training_log.png)") == bool(logs)
