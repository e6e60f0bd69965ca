"""The committed state is whole: locks, results, metrics, reports and README belong to parameters and code."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import verify
from catalogue import extended_catalogue
from conftest import PROJECT, Scratch, stages_run
from findings import evaluated
from ruamel.yaml import YAML
from schema import load_extensions

import sentiment_rnn
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue

Tables = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """A clone of HEAD, without any data."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("this is not a git clone")
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(folder)], check=True)
    return Scratch(folder)


@pytest.fixture
def tables(fresh: Scratch) -> Tables:
    """The figures of all rows, of the study and beyond it."""
    if load_params(fresh.folder / "params.yaml").dataset != "imdb":
        pytest.skip("what is committed is not the study on the IMDB reviews")
    study: Tables = {}
    for name, rows in json.loads((fresh.folder / "metrics/studies.json").read_text()).items():
        if name != "data":
            files = {row: fresh.folder / f"metrics/tables/{name}.{row}.json" for row in rows}
            study[name] = {row: json.loads(file.read_text()) for row, file in files.items()}
    return study | json.loads((fresh.folder / "extensions/metrics.json").read_text())["tables"]


def test_no_entry_of_a_lock_is_stale(fresh: Scratch):
    """Code and parameters are those of its last run, and what git has of its outputs is what it left."""
    locks = [fresh.folder / name for name in ("dvc.lock", "extensions/dvc.lock")]
    for lock in filter(Path.exists, locks):
        names = [f"{lock.with_suffix('.yaml')}:{name}" for name in YAML(typ="safe").load(lock)["stages"]]
        output = fresh.run("dvc", "repro", "--dry", "--allow-missing", "--single-item", *names)
        assert not stages_run(output)
        assert verify.UP_TO_DATE in output


def test_figures_are_those_of_the_grids(fresh: Scratch, tables: Tables):
    params, extensions = (
        load_params(fresh.folder / "params.yaml"),
        load_extensions(fresh.folder / "extensions/params.yaml"),
    )
    catalogue = extended_catalogue(params, extensions)
    expected = catalogue.study.tables | catalogue.tables
    assert {study: list(rows) for study, rows in tables.items()} == {
        study: list(rows) for study, rows in expected.items()
    }
    for folder, names in (("results", list(catalogue.study.variants)), ("extensions/results", evaluated(catalogue))):
        files = (fresh.folder / folder).rglob("predictions.csv")
        kept = {path.parents[1].relative_to(fresh.folder / folder).as_posix() for path in files}
        assert kept == set(names)
    for variant in (catalogue.study.variants | catalogue.variants).values():
        for folder in (fresh.folder / "results" / variant.name, fresh.folder / "extensions/results" / variant.name):
            if folder.exists():
                assert {int(path.name) for path in folder.iterdir()} == set(variant.seeds), variant.name


@pytest.mark.parametrize("stage", ["report", pytest.param("extensions/dvc.yaml:report", marks=pytest.mark.long)])
def test_report_is_made_again_to_the_same_bytes(stage: str, fresh: Scratch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(fresh.folder)
    verify.check_report(stage, verify.REPORTS[stage])


def interval(figures: dict[str, Any], name: str) -> str:
    return f"{figures[f'test_{name}']:.3f} [{figures[f'{name}_low']:.3f}, {figures[f'{name}_high']:.3f}]"


def test_readme_findings_are_the_computed_ones(fresh: Scratch):
    """The verdict and the sentence on each claim, and what to take away."""
    readme = (fresh.folder / "README.md").read_text()
    for claim in json.loads((fresh.folder / "metrics/verdicts.json").read_text()).values():
        assert f"\n| {claim['says']} | **{claim['verdict']}** | {claim['finding']} |\n" in readme
    taken = re.findall(r"^- \*\*(?:Optimizer|Cell|Width and depth)\.\*\* .*$", readme, re.M)
    report = (fresh.folder / "report/report.md").read_text()
    assert len(taken) == 3
    assert all(f"\n{line}\n" in report for line in taken)


def test_readme_models_are_the_metrics(fresh: Scratch, tables: Tables):
    """And the bags of words lie above every recurrent network of the study, the champion above them, as it says."""
    seconds = json.loads((fresh.folder / "benchmarks/trainings.json").read_text())["cpu_seconds"]
    found = re.findall(
        r"^\| [^|]+ \| ([^|]+) \| (\d+) \| [\d,]+ \| ([\d,]+) \|$", (fresh.folder / "README.md").read_text(), re.M
    )
    models = [*tables["baselines"].values(), tables["champion"]["champion"]]
    assert found == [
        (interval(model, "accuracy"), str(model["n"]), f"{seconds[model['variant']]:.0f}") for model in models
    ]
    study = study_catalogue(load_params(fresh.folder / "params.yaml")).tables
    networks = [row["test_accuracy"] for name in study for row in tables[name].values()]
    bags = [tables["baselines"][name]["test_accuracy"] for name in ("tfidf", "nbsvm")]
    assert models[-1]["test_accuracy"] > max(bags) > min(bags) > max(networks)


def test_clone_has_a_model_that_answers(fresh: Scratch):
    """Without data, training or a network; and its card says what half precision costs."""
    packed = fresh.folder / "src/sentiment_rnn/pretrained/champion"
    assert sum(file.stat().st_size for file in packed.iterdir()) < 16_000_000
    output = fresh.run("sentiment", "predict", "A wonderful film, every minute of it.", "I want my money back.")
    assert re.search("^positive  (1.000|0.99).*^negative  0.0", output, re.M | re.S)
    assert "model pretrained/champion" in fresh.run("sentiment", "predict", "--model", "champion", "A film.")
    card = (fresh.folder / "docs/model-card.md").read_text()
    costs = json.loads((fresh.folder / "extensions/packed.json").read_text())
    assert (
        f"| before packing | {costs['test_accuracy']:.4f} |\n| packed | {costs['test_accuracy_packed']:.4f} |" in card
    )
    assert f"{costs['labels_changed']} get another label" in card
    assert f"change of a probability is {costs['largest_change_of_probability']:.4f}." in card
    assert costs["largest_change_of_probability"] < 0.001
    assert abs(costs["test_accuracy"] - costs["test_accuracy_packed"]) <= 0.0002


@pytest.mark.skipif(not (PROJECT / "data/split/test.csv").exists(), reason="the IMDB reviews are not split here")
def test_packed_model_answers_as_before_it_was_packed(fresh: Scratch):
    """On 500 of the test reviews, beside what git has of the model before."""
    reviews = pd.read_csv(PROJECT / "data/split/test.csv", keep_default_na=False)["review"][:500]
    packed = fresh.folder / "src/sentiment_rnn/pretrained/champion"
    seed = json.loads((packed / "model.json").read_text())["seed"]
    before = pd.read_csv(fresh.folder / f"extensions/results/champion/{seed}/predictions.csv")["log_odds"][:500]
    found = [answer.probability for answer in sentiment_rnn.load(packed).predict(reviews.tolist())]
    assert np.abs(np.array(found) - 1 / (1 + np.exp(-before))).max() < 0.001


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
    steps, minutes = results["training_step"], measured(fresh, "trainings")["cpu_seconds"]
    for row, (name, step) in zip(rows_of(page, "CPU minutes"), steps.items(), strict=True):
        ways = [f"{1000 * step['seconds'][way]:.0f}" for way in ("packed", "padded", "jax", "here")]
        shares = [f"{step['times_faster_than_best']:.1f}", f"{step['share_of_gemm']:.0%}"]
        assert row == [name, *ways, *shares, f"{minutes[name] / 60:.1f}"]
    for row, (name, answers) in zip(rows_of(page, "here | speedup"), results["answers"].items(), strict=True):
        ways = [f"{answers['reviews_per_second'][way]:,}" for way in ("packed", "padded", "here")]
        assert row == [name, *ways, f"{answers['times_faster_than_best']:.2f}"]
    for row, stage in zip(rows_of(page, "seconds | MB"), results["stages"].values(), strict=True):
        assert row[1:] == [f"{stage['seconds']:.1f}", f"{stage['peak_mb']}"]
    best, packed = ([step[f"times_faster_than_{way}"] for step in steps.values()] for way in ("best", "packed"))
    readme = " ".join((fresh.folder / "README.md").read_text().split())
    assert f"{min(best):.1f} to {max(best):.1f} times as fast as the best alternative" in readme
    assert f"{min(packed):.1f} to {max(packed):.0f} times as fast as PyTorch's packed sequences" in readme


def test_scales_are_those_of_the_benchmarks(fresh: Scratch):
    """In the tables of docs/speed.md and docs/cluster.md."""
    corpora = [stages for name, stages in measured(fresh, "corpus_sizes").items() if name != "machine"]
    rows = rows_of(fresh.folder / "docs/speed.md", "5,000,000 reviews")
    for row, stage in zip(rows, corpora[0], strict=True):
        found = [stages.get(stage) for stages in corpora]
        assert row == [stage, *(f"{at['seconds']:.1f} s, {at['peak_mb']:,} MB" if at else "" for at in found)]
    rows = rows_of(fresh.folder / "docs/cluster.md", "start | keep | end")
    for row, run in zip(rows, measured(fresh, "cluster_scale")["runs"], strict=True):
        assert row[:3] == [f"{run['stages']:,}", f"{run['workers']}", "a twentieth" if run["slept"] else "not at all"]
        assert row[3:5] == [f"{run['stages_a_minute']:,.0f}", f"{run['cpu_seconds_a_stage']:.2f}"]
        seconds = [f"{run[when]:.0f}" for when in ("seconds_before", "of_these_keeping", "seconds_after")]
        assert row[5:] == [f"{run['share_of_a_core']:.0%}", *seconds]
