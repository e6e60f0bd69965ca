"""The committed state is whole: what dvc.lock names belongs to the parameters and the code, and to results/."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import PROJECT, Scratch
from statsmodels.stats.proportion import proportion_confint

from scripts import verify
from sentiment_rnn.extensions.networks import load_networks
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import Catalogue, study_catalogue


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """A clone of HEAD, without any data."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("this is not a git clone")
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(folder)], check=True)
    return Scratch(folder)


@pytest.fixture(scope="module")
def catalogue(fresh: Scratch) -> Catalogue:
    """The study."""
    return study_catalogue(load_params(fresh.folder / "params.yaml"))


def test_no_entry_of_a_lock_is_stale(fresh: Scratch, monkeypatch: pytest.MonkeyPatch):
    """Code and parameters are those of its last run, and what git has of its outputs is what it left."""
    monkeypatch.chdir(fresh.folder)
    verify.check_locks()


def test_results_are_complete(fresh: Scratch, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch):
    """Every variant of both pipelines has a training of its own in git for each of its seeds."""
    monkeypatch.chdir(fresh.folder)
    for variant in [*catalogue.variants.values(), *load_networks().variants.values()]:
        folders = sorted((fresh.folder / variant.results).iterdir(), key=lambda path: int(path.name))
        assert tuple(int(path.name) for path in folders) == variant.seeds
        models = [json.loads((folder / "model.json").read_text()) for folder in folders]
        assert len({model["sha256"]["weights.safetensors"] for model in models}) == len(models)
        for model, seed in zip(models, variant.seeds, strict=True):
            assert (model["variant"], model["seed"]) == (variant.name, seed)
            assert model["hyperparameters"] == variant.hyperparameters.model_dump()


def test_figures_are_those_of_the_grids(fresh: Scratch, catalogue: Catalogue):
    for study, rows in catalogue.tables.items():
        files = {path.stem for path in (fresh.folder / "metrics" / study).iterdir()}
        assert files == set(rows)
    kept = {path.name for path in (fresh.folder / "results").iterdir()}
    assert kept == {*catalogue.variants, "split", "vocab"}


def test_no_review_is_in_git(fresh: Scratch):
    files = subprocess.run(["git", "ls-files", "-z"], cwd=fresh.folder, capture_output=True, check=True).stdout.split(
        b"\0"
    )
    assert not [name for name in files if name.endswith((b".gz", b".zip", b".tar"))]
    assert [name for name in files if name.endswith(b"reviews.csv")] == [b"data/sample/reviews.csv"]


def rows_of(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table's rows below this heading of the page."""
    table = page.read_text().partition(f"{heading} |\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def measured(fresh: Scratch, name: str) -> Any:
    """What a benchmark wrote."""
    return json.loads((fresh.folder / f"benchmarks/{name}.json").read_text())


def test_speeds_are_those_of_the_benchmark(fresh: Scratch):
    """In the tables of docs/speed.md, and in the README."""
    results, page = measured(fresh, "results"), fresh.folder / "docs/speed.md"
    steps = results["training_step"]
    for row, (name, step) in zip(
        rows_of(page, "ms per step | packed | padded | here | speedup"), steps.items(), strict=True
    ):
        ways = [f"{1000 * step['seconds'][way]:.0f}" for way in ("packed", "padded", "here")]
        assert row == [name, *ways, f"{step['times_faster_than_best']:.1f}"]
    for row, (name, answers) in zip(
        rows_of(page, "reviews per second | packed | padded | here | speedup"), results["answers"].items(), strict=True
    ):
        ways = [f"{answers['reviews_per_second'][way]:,}" for way in ("packed", "padded", "here")]
        assert row == [name, *ways, f"{answers['times_faster_than_best']:.2f}"]
    for row, stage in zip(rows_of(page, "seconds | MB"), results["stages"].values(), strict=True):
        assert row[1:] == [f"{stage['seconds']:.1f}", f"{stage['peak_mb']}"]
    best, packed = ([step[f"times_faster_than_{way}"] for step in steps.values()] for way in ("best", "packed"))
    text = " ".join(page.read_text().split())
    assert f"{min(best):.1f} to {max(best):.1f} times as fast as the best alternative" in text
    assert f"{min(packed):.1f} to {max(packed):.0f} times as fast as PyTorch's packed sequences" in text


def test_corpus_sizes_are_those_of_the_benchmark(fresh: Scratch):
    """In the table of docs/speed.md."""
    corpora = [stages for name, stages in measured(fresh, "corpus_sizes").items() if name != "machine"]
    rows = rows_of(fresh.folder / "docs/speed.md", "500,000 reviews")
    for row, stage in zip(rows, corpora[0], strict=True):
        found = [stages.get(stage) for stages in corpora]
        assert row == [stage, *(f"{at['seconds']:.1f} s, {at['peak_mb']:,} MB" if at else "" for at in found)]


def test_model_card_has_the_figures_of_the_models(fresh: Scratch):
    """Those that the release stages wrote."""
    sentences = pd.read_csv(fresh.folder / "extensions/release/sentences.csv")
    assert len(sentences) == 40
    rows = {row[0]: row[1:] for row in rows_of(fresh.folder / "docs/model-card.md", "sentences right")}
    pretrained = fresh.folder / "src/sentiment_rnn/pretrained"
    assert rows.keys() == {path.name for path in pretrained.iterdir()}
    for name, row in rows.items():
        accuracy = json.loads((pretrained / name / "metrics.json").read_text())["test_accuracy"]
        low, high = proportion_confint(round(10_000 * accuracy), 10_000, method="wilson")
        n_right = ((sentences[name] > 0) == (sentences["sentiment"] == "positive")).sum()
        assert row == [f"{accuracy:.4f} [{low:.4f}, {high:.4f}]", str(n_right)]


def test_ensemble_is_the_best_on_the_validation_reviews(fresh: Scratch):
    pretrained = fresh.folder / "src/sentiment_rnn/pretrained"
    accuracy = {
        name: json.loads((pretrained / name / "model.json").read_text())["valid_accuracy"]
        for name in ("nbsvm", "ensemble")
    }
    assert accuracy["ensemble"] >= accuracy["nbsvm"]


def in_points(statement: dict[str, float]) -> str:
    """A difference with its interval, as the README has it."""
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * statement[key] for key in ("difference", "ci_low", "ci_high")))


def test_readme_has_the_verdicts_and_their_numbers(fresh: Scratch):
    page = fresh.folder / "README.md"
    rows = rows_of(page, "verdict | differences in points [95% interval] | smallest margin")
    claims = json.loads((fresh.folder / "report/verdicts.json").read_text()).values()
    for row, claim in zip(rows, claims, strict=True):
        assert row[:2] == [claim["text"], f"**{claim['verdict'].split(':')[0]}**"]
        quoted = re.findall(r"[-+][\d.]+ \[.*?\]", row[2])
        assert quoted
        assert set(quoted) <= set(map(in_points, claim["statements"]))
        assert row[3] == f"{100 * claim['smallest_margin']:.1f}"
    report = (fresh.folder / "report/report.md").read_text()
    inside, of = re.findall(r"Inside: (\d+) of (\d+)\.", report)[0]
    mean, low, high = (
        100 * float(number) for number in re.findall(r"^([-+]0\.\d{4}) \[(.*), (.*)\]\.$", report, re.M)[0]
    )
    assert inside == of
    assert f"All {of} of them lie" in page.read_text()
    assert f"differ from them by {mean:+.1f} points on average [{low:+.1f}, {high:+.1f}]" in page.read_text()


def mean_accuracies(fresh: Scratch) -> dict[str, float]:
    """Of both pipelines, by TABLE.ROW."""
    reports = [json.loads((fresh.folder / f"{name}report/rows.json").read_text()) for name in ("", "extensions/")]
    tables = [(table, rows) for report in reports for table, rows in report.items()]
    return {f"{table}.{row}": of_row["accuracy"]["mean"] for table, rows in tables for row, of_row in rows.items()}


def test_takeaways_have_the_numbers_of_the_results(fresh: Scratch):
    """They are in the README and in the report, and were written by hand."""
    text = (fresh.folder / "src/sentiment_rnn/report/templates/takeaways.md").read_text()
    assert text in (fresh.folder / "README.md").read_text()
    assert text in (fresh.folder / "report/report.md").read_text()
    study, accuracy = json.loads((fresh.folder / "report/rows.json").read_text()), mean_accuracies(fresh)
    base = accuracy["lstm_optimizers.adam"]
    points = {name: f"{100 * (value - base):.1f}" for name, value in accuracy.items()}
    behind = {
        cell: 100 * (accuracy[f"{cell}_optimizers.adam"] - accuracy[f"{cell}_optimizers.adagrad"])
        for cell in ("lstm", "gru")
    }
    sizes = [name for name in study if name in ("n_layers", "hidden_dim", "embedding_dim", "compound")]
    changes = [accuracy[f"{table}.{row}"] - base for table in sizes for row in study[table]]
    comparisons = json.loads((fresh.folder / "report/comparisons.json").read_text())
    (cells,) = [one for one in comparisons if one["first"] == "lstm_optimizers.adam" and one["family"] == "cells"]
    model = json.loads((fresh.folder / "results/compound/12/model.json").read_text())
    base_model = json.loads((fresh.folder / "results/lstm-adam/12/model.json").read_text())
    seeds = rows_of(fresh.folder / "report/report.md", "seeds | lstm | gru | compound")
    difference, _, interval = in_points(cells).partition(" ")
    for quoted in (
        f"({accuracy['lstm_optimizers.sgd']:.3f} and {accuracy['gru_optimizers.sgd']:.3f})",
        f"Adagrad is {behind['lstm']:.1f} points below Adam with the LSTM and {behind['gru']:.1f} with the GRU",
        f"reaches {accuracy['learning_rates.adagrad-lr-1e-2']:.3f} with the LSTM",
        f"undecided: {difference} points {interval}",
        f"by {100 * min(changes):+.1f} to {100 * max(changes):+.1f} points",
        f"up to {model['n_parameters'] / base_model['n_parameters']:.0f} times as many parameters",
        f"reaches {accuracy['baselines.nbsvm']:.3f}, {points['baselines.nbsvm']} points more",
        f"and {accuracy['baselines.nbsvm-tokens']:.3f} on the same 256 tokens",
        f"of five LSTMs reaches {float(seeds[-1][1]):.3f}. A single one has {float(seeds[0][1]):.3f}",
    ):
        assert quoted in " ".join(text.split())


def test_results_page_has_the_numbers_of_what_goes_beyond_the_study(fresh: Scratch):
    text = " ".join((fresh.folder / "docs/results.md").read_text().split())
    accuracy = {name.partition(".")[2]: f"{value:.3f}" for name, value in mean_accuracies(fresh).items()}
    comparisons = json.loads((fresh.folder / "extensions/report/comparisons.json").read_text())
    points = {one["first"].partition(".")[2]: in_points(one).replace(" ", " points ", 1) for one in comparisons}
    splits = sorted(accuracy[f"split_seed-{number}"] for number in (1, 2, 3, 4))
    for quoted in (
        f"the base reaches {splits[0]} to {splits[-1]}",
        f"PyTorch's defaults reach {accuracy['init-pytorch']}, {points['init-pytorch']}",
        f"Without warm-up the LSTM has {accuracy['warmup_steps-0']}, as with it",
        f"instead of the best gives {accuracy['keep_epoch-last']}",
        f"Without stop words it has {accuracy['stop_words-drop']}, with all of them {accuracy['stop_words-keep']}",
        f"Adagrad reaches {accuracy['adagrad-lr-1e-2']} and {accuracy['adagrad-lr-1e-1']}",
        f"with one of three seeds ({accuracy['sgd-lr-1']}, sd",
        f"NB-SVM reaches {accuracy['nbsvm']} and TF-IDF {accuracy['tfidf']}",
        f"it is {accuracy['nbsvm-tokens']} and {accuracy['tfidf-tokens']}",
        f"the LSTM has {accuracy['lstm-n_train-22500']}, with 9,000 {accuracy['lstm-n_train-9000']}",
        f"the NB-SVM reaches {accuracy['nbsvm-n_train-2000']}",
        f"the LSTM has {accuracy['lstm-official']}, the GRU {accuracy['gru-official']}",
        f"and the NB-SVM {accuracy['nbsvm-official']}",
        f"study's 0.880 of {points['lstm-n_train-22500']}",
        f"the LSTM has {accuracy['lstm-bidirectional']}, the GRU {accuracy['gru-bidirectional']}",
        f"Self-attention in the place of the LSTM has {accuracy['attention']}",
    ):
        assert quoted in text
