"""Real runs of the pipeline in scratch clones: what reruns when, and what is said of bad input."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from conftest import Scratch, stages_run

from sentiment_rnn.split import write_division

TRAININGS = ["optimizers@lstm-adam-0", "n_layers@2-0", "compound@0", "attention@0", "champion@0", "experiment@0"]
BASELINES = ["baselines@tfidf", "baselines@nbsvm"]
VOCABULARIES = [f"vocab@random-{stop_words}" for stop_words in ("drop", "literal", "keep")]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_second_repro_runs_nothing(finished: Scratch):
    assert "Data and pipelines are up to date" in finished.run("dvc", "repro")


def test_experiment_trains_one_model(scratch: Scratch):
    before = (scratch.folder / "metrics/studies.json").read_text()
    output = scratch.run("dvc", "exp", "run", "-S", "hidden_dim=7")
    assert stages_run(output) == ["experiment@0", "evaluate_experiment@0", "collect", "report"]
    after = read_json(scratch.folder / "metrics/studies.json")
    changed = {study for study, rows in json.loads(before).items() if rows != after[study]}
    assert changed == {"experiment"}
    assert "experiment.experiment.test_loss" in scratch.run("dvc", "metrics", "diff")


def test_checkout_leads_back(scratch: Scratch):
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    scratch.run("dvc", "exp", "run", "-S", "hidden_dim=7", "-S", "dataset=sample", "evaluate_experiment@0")
    scratch.run("git", "checkout", ".")
    scratch.run("dvc", "checkout")
    assert "Data and pipelines are up to date" in scratch.run("dvc", "repro")


def test_grid_value_added_trains_one_and_removed_trains_none(scratch: Scratch):
    scratch.edit(lambda params: params["study"]["grids"]["n_layers"].append(3))
    assert scratch.repro() == ["n_layers@3-0", "evaluate_n_layers@3-0", "collect", "report"]
    studies = read_json(scratch.folder / "metrics/studies.json")
    assert list(studies["n_layers"]) == ["1", "2", "3"]
    scratch.edit(lambda params: params["study"]["grids"]["n_layers"].remove(2))
    assert scratch.repro() == ["collect", "report"]
    for folder, left in (
        ("metrics/tables", ["n_layers.1.json", "n_layers.3.json"]),
        ("results/models", ["n_layers-3"]),
        ("results/evaluations", ["n_layers-3"]),
    ):
        assert sorted(path.name for path in (scratch.folder / folder).glob("n_layers*")) == left


def test_seed_added_trains_only_it(scratch: Scratch):
    scratch.edit(lambda params: params["seeds"].append(1))
    ran = set(scratch.repro())
    new = {name.removesuffix("0") + "1" for name in TRAININGS}
    assert ran == new | {f"evaluate_{name}" for name in new} | {"collect", "report"}
    studies = read_json(scratch.folder / "metrics/studies.json")
    assert studies["n_layers"]["2"]["n"] == 2
    assert studies["n_layers"]["2"]["test_loss_std"] > 0


def test_alternatives_and_tuning_train_what_is_new(scratch: Scratch):
    """Every kind of study beyond the grids, on a corpus that has a division of its own."""
    sample = scratch.folder / "data/sample"
    shutil.copy(scratch.folder / "data/tiny.csv", sample / "reviews.csv")
    write_division(np.arange(300) % 3 == 0, sample)
    scratch.edit(lambda params: params.update(dataset="sample", n_epochs=1))
    scratch.edit(lambda params: params["study"]["grids"].update(n_layers=[]))
    scratch.edit(
        lambda params: params["study"]["alternatives"].update(
            init=["pytorch"], keep_epoch=["last"], stop_words=["literal"], split=["official"]
        )
    )
    rates = {"second": {"adam": 0.1}, "third": {"adam": 1e-9}}
    scratch.edit(
        lambda params: params["study"]["tuning"].update(seeds=[0], trials=["second", "third"], learning_rates=rates)
    )
    scratch.edit(lambda params: params["study"]["champion_trials"].update(names=["flat"]))
    ran = set(scratch.repro())
    assert "champion_trials@flat" in ran
    assert {"other_split@official", "other_vocab@official-drop", "other_baselines@official-nbsvm"} <= ran
    models, evaluations = (scratch.folder / "data" / name for name in ("models", "evaluations"))
    for name, key, value in (
        ("init-pytorch-lstm", "init", "pytorch"),
        ("keep_epoch-last-lstm", "best_epoch", 1),
        ("stop_words-literal-lstm", "stop_words", "literal"),
    ):
        assert read_json(models / name / "0/model.json")[key] == value
        assert f"evaluate_{name.partition('-')[0]}@{name.partition('-')[2]}-0" in ran
    assert read_json(evaluations / "split-official-lstm/0/metrics.json").keys() >= {"test_accuracy"}
    assert len((evaluations / "split-official-tfidf/predictions.csv").read_text().splitlines()) == 101
    trials = read_json(models / "tuned-lstm-adam/0/trials.json")
    best = min(trials, key=lambda trial: trial["valid_loss"])
    assert [trial["lr"] for trial in trials] == [0.001, 0.1, 1e-9]
    assert [trial for trial in trials if trial["kept"]] == [best]
    assert read_json(models / "tuned-lstm-adam/0/model.json")["hyperparameters"]["lr"] == best["lr"]
    # trials that were not chosen meet no test review
    assert not (evaluations / "tuning-lstm-adam").exists()
    assert not (evaluations / "champion_trials").exists()
    text = (scratch.folder / "report/report.md").read_text()
    flat = pd.read_csv(models / "champion_trials/0/flat/curves.csv", index_col="epoch")
    assert f"| flat | head flatten | {flat['valid_accuracy'][1]:.4f} |" in text
    assert (
        f"| its n-grams alone |  | {read_json(models / 'champion/0/model.json')['ngrams_valid_accuracy']:.4f} |" in text
    )
    for title in ("Initialisation", "The epoch that is kept", "Stop words", "The corpus's own division", "LSTM: tuned"):
        assert f"## {title}" in text


def test_corpus_without_a_division_of_its_own(scratch: Scratch):
    scratch.edit(lambda params: params.update(split="official"))
    output = scratch.run("dvc", "repro", fails=True)
    assert "error: tiny.csv has no train and test reviews of its own" in output
    assert "-S split=random" in output


def test_min_freq_reruns_from_vocab_on(scratch: Scratch):
    scratch.edit(lambda params: params.update(min_freq=30))  # some words fewer
    changed = json.loads(scratch.run("dvc", "status", "--json"))
    assert changed.keys() == {*VOCABULARIES, "champion_vocab", "report"}  # params.yaml as a whole stands in the report
    assert scratch.repro("evaluate_compound@0") == ["vocab@random-drop", "compound@0", "evaluate_compound@0"]
    assert "experiment@0" in scratch.run("dvc", "status")


def test_plot_color_reruns_the_report_alone(scratch: Scratch):
    scratch.edit(lambda params: params["plots"]["colors"].insert(0, "#000000"))
    assert scratch.repro() == ["report"]


def test_study_does_not_move_with_the_experiment(finished: Scratch):
    """The graph: no training of the study reads the top level's hyperparameters."""
    lock = finished.run("cat", "dvc.lock")
    optimizers = lock[lock.index("  optimizers@lstm-adam-0:") : lock.index("  n_layers@2-0:")]
    assert "study.base.hidden_dim: 4" in optimizers
    assert "      hidden_dim:" not in optimizers


def test_parameter_that_is_wrong_is_named_before_anything_runs(scratch: Scratch):
    metrics = scratch.folder / "metrics/studies.json"
    before = metrics.read_bytes()
    scratch.edit(lambda params: params.update(hiden_dim=150))
    assert "hiden_dim: unknown key" in scratch.run("dvc", "repro", fails=True)
    assert "hiden_dim: unknown key" in scratch.run("python", "scripts/parallel_repro.py", "2", fails=True)
    scratch.edit(lambda params: params.pop("hiden_dim"))
    scratch.edit(lambda params: params.update(optimizer="adamm"))
    assert "optimizer: input should be 'sgd'" in scratch.run("dvc", "repro", fails=True)
    assert metrics.read_bytes() == before


def test_bad_csv_leaves_the_reviews_that_are_there(scratch: Scratch):
    raw = scratch.folder / "data/raw/reviews.csv"
    before = raw.read_bytes()
    (scratch.folder / "data/bad.csv").write_text("review,sentiment\nfine,positive\nso so,neutral\n")
    output = scratch.run("dvc", "exp", "run", "-S", "dataset=bad.csv", fails=True)
    assert "bad.csv: row 2, with the label 'neutral': unknown label" in output
    assert raw.read_bytes() == before


def test_placed_file_that_is_not_the_imdb_reviews(scratch: Scratch):
    """Its hash is wrong; a truncated one is damaged; either way the reviews of before stay."""
    raw = scratch.folder / "data/raw/reviews.csv"
    before = raw.read_bytes()
    scratch.edit(lambda params: params.update(dataset="imdb"))
    placed = scratch.folder / "data/IMDB Dataset.csv.gz"
    placed.write_bytes(gzip.compress((scratch.folder / "data/tiny.csv").read_bytes()))
    assert "not the 50,000 IMDB reviews: the sha256 of its 300 reviews is" in scratch.run("dvc", "repro", fails=True)
    placed.write_bytes(placed.read_bytes()[:-100])
    assert "IMDB Dataset.csv.gz: damaged" in scratch.run("dvc", "repro", fails=True)
    assert raw.read_bytes() == before


def test_without_reviews_and_network_one_line_says_what_to_do(scratch: Scratch):
    scratch.environment |= dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")  # nobody listens
    scratch.edit(lambda params: params.update(dataset="imdb"))
    errors = [line for line in scratch.run("dvc", "repro", fails=True).splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "into data/" in errors[0]
    assert "dvc exp run -S dataset=sample" in errors[0]


def test_published_figures_as_a_revision(scratch: Scratch):
    scratch.run("python", "scripts/tag_published.py")
    difference = json.loads(scratch.run("dvc", "metrics", "diff", "published", "--json"))
    change = difference["metrics/studies.json"]["n_layers.2.test_accuracy"]
    assert change["old"] == 0.887


def test_plots_show_works_without_network(scratch: Scratch):
    scratch.run("dvc", "plots", "show")
    shown = {path.name for path in (scratch.folder / "dvc_plots/static").iterdir()}
    assert "workspace_plots_figures_summary.png" in shown
    assert "plots/curves/n_layers.csv" in (scratch.folder / "dvc_plots/index.html").read_text()


def test_trained_twice_is_the_same_bytes_and_another_seed_is_not(scratch: Scratch):
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    output = scratch.run("python", "scripts/train_twice.py")
    assert stages_run(output).count("experiment@0") == 2
    assert "the same bytes twice with seed 0, others with seed 1" in output
    assert "they are those of dvc.lock" in output
