"""Real runs of the study in scratch clones: what reruns when, and what is said of bad input."""

import gzip
import json
import re
import shutil
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from conftest import Scratch, committed, stages_run, yaml
from dvc.utils.hydra import apply_overrides

from scripts import demo
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue

EXPERIMENT = ["train_experiment@experiment", "evaluate_experiment@experiment"]
NEW_AXIS = """\
  train_bidirectional:
    <<: *train
    matrix: &bidirectional {axis: [bidirectional], value: "${study.grids.bidirectional}"}
    params: [study.base, "optimizers.${study.base.optimizer}"]
  evaluate_bidirectional: {<<: *evaluate, matrix: *bidirectional}

  report:
"""


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def figures(scratch: Scratch) -> dict[str, Any]:
    """The metrics by STUDY/ROW."""
    folder = scratch.folder / "metrics"
    return {str(path.relative_to(folder).with_suffix("")): read_json(path) for path in folder.rglob("*.json")}


def test_second_repro_runs_nothing(finished: Scratch):
    output = finished.run("python", "-m", "scripts.repro")
    assert "Data and pipelines are up to date" in output


def test_experiment_trains_one_model_and_leads_back(scratch: Scratch):
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    before = figures(scratch)
    output = scratch.run("dvc", "exp", "run", "-S", "hidden_dim=7")
    assert stages_run(output) == [*EXPERIMENT, "report"]
    assert {row for row, value in figures(scratch).items() if value != before[row]} == {"experiment/experiment"}
    difference = json.loads(scratch.run("dvc", "metrics", "diff", "--json"))
    (changed,) = difference.values()
    assert set(changed) == {"test_loss", "test_accuracy"}
    scratch.run("git", "checkout", ".")
    scratch.run("dvc", "checkout", "dvc.yaml")
    assert "Data and pipelines are up to date" in scratch.run("dvc", "repro")


def test_metrics_are_the_tables(finished: Scratch):
    """A line a row, with two figures."""
    lines = finished.run("dvc", "metrics", "show").splitlines()
    assert re.fullmatch(r"Path +test_accuracy +test_loss", lines[0])
    assert len(lines) - 1 == len(figures(finished)) == 9
    assert all(re.fullmatch(r"metrics/\w+/\w+\.json +0\.\d+ +\d\.\d+", line) for line in lines[1:])


def test_fresh_clone_answers_without_a_cache(scratch: Scratch, tmp_path: Path):
    """Nothing to do; then the experiment alone is trained, and the whole report made."""
    scratch.run("git", "add", "-A")
    scratch.run("git", "add", "--force", "data/tiny.csv")
    scratch.run("git", "commit", "-qm", "results")
    fresh = Scratch(tmp_path / "fresh")
    scratch.run("git", "clone", "-q", ".", str(fresh.folder))
    for key, value in (("name", "test"), ("email", "test@localhost")):
        fresh.run("git", "config", f"user.{key}", value)
    assert "Data and pipelines are up to date" in fresh.run("dvc", "repro", "--allow-missing")
    fresh.run("dvc", "repro", "vocab")
    before = figures(fresh)
    output = fresh.run("dvc", "exp", "run", "--allow-missing", "-S", "hidden_dim=7")
    assert stages_run(output) == [*EXPERIMENT, "report"]
    assert {row for row, value in figures(fresh).items() if value != before[row]} == {"experiment/experiment"}
    fresh.run("git", "checkout", ".")
    output = fresh.run("dvc", "repro", "train_n_layers")
    assert "dvc.lock has this training and nothing changed, but its weights are not in the cache" in output


def test_missing_results_are_named(scratch: Scratch):
    shutil.rmtree(scratch.folder / "results/compound/0")
    output = scratch.run("dvc", "repro", "--single-item", "report", fails=True)
    assert "results/compound/0: these results are missing; `git checkout HEAD results/compound`" in output


@pytest.mark.parametrize("override", ["n_epochs=1", "batch_size=32", "seeds=[1]", "optimizer=rmsprop", "lr=0.5"])
def test_experiment_moves_alone(override: str, scratch: Scratch):
    apply_overrides(scratch.folder / "params.yaml", [override])
    changed = json.loads(scratch.run("dvc", "status", "--json"))
    assert {name for name in changed if name.startswith("train_")} == {"train_experiment@experiment"}


def test_values_and_axes_added_train_what_is_new_and_removed_train_nothing(scratch: Scratch):
    """A new axis is a list of values and two entries in dvc.yaml: its table, its curves and its row are in the report.

    And a value of the base that a grid overrides reruns nothing there.
    """
    scratch.edit(lambda params: params["study"]["grids"].update(n_layers=[3], bidirectional=[True]))
    file = scratch.folder / "dvc.yaml"
    text = file.read_text()
    assert text.count("\n  report:\n") == 1
    file.write_text(text.replace("\n  report:\n", "\n" + NEW_AXIS))
    names = ["n_layers@n_layers-3", "bidirectional@bidirectional-True"]
    assert set(scratch.repro()) == {f"{kind}_{name}" for kind in ("train", "evaluate") for name in names} | {"report"}
    rows = sorted(row for row in figures(scratch) if row.startswith(("n_layers/", "bidirectional/")))
    assert rows == ["bidirectional/false", "bidirectional/true", "n_layers/1", "n_layers/3"]
    curves = (scratch.folder / "plots/curves/bidirectional.csv").read_text()
    assert "\nfalse,0,1,train," in curves
    assert "\ntrue,0,1,train," in curves
    text = (scratch.folder / "report/report.md").read_text()
    assert "\n## bidirectional\n" in text
    assert re.search(r"\n\| true \| 0\.\d", text)
    assert "| bidirectional-true | bidirectional.true | train_bidirectional@bidirectional-True | 0 |" in text
    scratch.edit(lambda params: params["study"]["base"].update(n_layers=4))
    changed = json.loads(scratch.run("dvc", "status", "--json"))
    assert {name for name in changed if name.startswith("train_")} == {
        "train_optimizers@lstm-adam",
        "train_bidirectional@bidirectional-True",
        "train_compound@compound",  # it may take any hyperparameter from the base
    }


def test_what_reruns_when(scratch: Scratch):
    """Asked of DVC: an edit that reaches a stage makes it change, and no other one."""

    def changed() -> set[str]:
        return {name for name in json.loads(scratch.run("dvc", "status", "--json")) if name.partition(":")[2] == ""}

    scratch.edit(lambda params: params.update(min_freq=30))
    assert changed() == {"vocab", "report"}  # params.yaml as a whole stands in the report
    scratch.edit(lambda params: params.update(min_freq=2, hidden_dim=9))
    assert changed() == {"train_experiment@experiment", "report"}
    scratch.edit(lambda params: params.update(hidden_dim=6))
    scratch.edit(lambda params: params["plots"]["colors"].insert(0, "#000000"))
    assert changed() == {"report"}
    scratch.edit(lambda params: params["plots"]["colors"].remove("#000000"))
    assert changed() == set()


def test_models_of_other_hyperparameters_are_not_evaluated(scratch: Scratch):
    """As after `git checkout HEAD .`, which leaves those of an experiment where they are."""
    scratch.edit(lambda params: params.update(hidden_dim=9))
    output = scratch.run("python", "-m", "stages.evaluate", "experiment", fails=True)
    assert "data/models/experiment/0: trained with other hyperparameters; rm -r data/models/experiment" in output


def test_demo_settings_lead_to_valid_parameters(tmp_path: Path):
    """As DVC writes them into params.yaml, which it reformats."""
    shutil.copy(committed("params.yaml"), tmp_path / "params.yaml")
    apply_overrides(tmp_path / "params.yaml", demo.SETTINGS)
    params = load_params(tmp_path / "params.yaml")
    assert (params.dataset, params.seeds, params.study.base.seeds) == ("sample", [0, 1], [0, 1])
    variants = study_catalogue(params).variants
    assert {"lstm-sgd", "gru-adam", "n_layers-2", "compound", "experiment"} <= variants.keys()


def test_parameter_that_is_wrong_is_named_before_anything_runs(scratch: Scratch):
    metrics = scratch.folder / "metrics/n_layers/2.json"
    before = metrics.read_bytes()
    scratch.edit(lambda params: params["study"]["grids"].update(n_layers=[-2]))
    output = scratch.run("python", "-m", "scripts.repro", fails=True)
    assert "params.yaml: study.grids.n_layers: input should be greater than 0, not -2" in output
    assert "Running stage" not in output
    assert metrics.read_bytes() == before


def test_bad_row_is_named_and_nothing_is_overwritten(scratch: Scratch):
    raw = scratch.folder / "data/raw/reviews.csv"
    before = raw.read_bytes()
    (scratch.folder / "data/bad.csv").write_text("review,sentiment\nfine,positive\nso so,neutral\n")
    output = scratch.run("dvc", "exp", "run", "-S", "dataset=bad.csv", fails=True)
    assert "bad.csv: row 2, with the label 'neutral': unknown label" in output
    assert raw.read_bytes() == before


def test_placed_file_that_is_not_the_imdb_reviews(scratch: Scratch):
    """Its hash is wrong; a truncated one is damaged; without one and without a network a line says what to do."""
    raw = scratch.folder / "data/raw/reviews.csv"
    before = raw.read_bytes()
    scratch.edit(lambda params: params.update(dataset="imdb"))
    placed = scratch.folder / "data/IMDB Dataset.csv.gz"
    placed.write_bytes(gzip.compress((scratch.folder / "data/tiny.csv").read_bytes()))
    assert "not the 50,000 IMDB reviews: the sha256 of its 300 reviews is" in scratch.run("dvc", "repro", fails=True)
    placed.write_bytes(placed.read_bytes()[:-100])
    assert "IMDB Dataset.csv.gz: damaged" in scratch.run("dvc", "repro", fails=True)
    placed.unlink()
    scratch.environment |= dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")  # nobody listens
    errors = [line for line in scratch.run("dvc", "repro", fails=True).splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "into data/" in errors[0]
    assert "make demo" in errors[0]
    assert raw.read_bytes() == before


def test_published_figures_as_a_revision(scratch: Scratch):
    scratch.run("python", "-m", "scripts.published")
    difference = json.loads(scratch.run("dvc", "metrics", "diff", "published", "--json"))
    assert difference["metrics/n_layers/2.json"]["test_accuracy"]["old"] == 0.887


def test_plots_show_works_without_network(scratch: Scratch):
    """The findings are the first, then one picture for each study."""
    scratch.run("dvc", "plots", "show")
    shown = sorted(path.name for path in (scratch.folder / "dvc_plots/static").iterdir())
    assert shown[0] == "workspace_plots_figures_01_findings.png"
    assert len(shown) <= 15
    assert "plots/curves/experiment.csv" in (scratch.folder / "dvc_plots/index.html").read_text()


@pytest.mark.parametrize(
    "override",
    [
        *("hidden_dim=150", "seeds=[0,1]", "seeds=[]", "dataset=sample", "margin=0.02", "study.base.hidden_dim=90"),
        *("lr=0.01", "momentum=null", "clip_norm=1.0", "optimizers.adam.eps=0.1"),
        *("study.grids.n_layers=[2]", "study.grids.embedding_dim=[]", "plots.dpi=90", "plots.colors=['#000000']"),
    ],
)
def test_params_keep_their_comments_where_dvc_changes_them(override: str, tmp_path: Path):
    """`dvc exp run -S` drops a comment that stands directly behind the last item of a list: there is none."""
    before = committed("params.yaml").read_text()
    shutil.copy(committed("params.yaml"), tmp_path / "params.yaml")
    apply_overrides(tmp_path / "params.yaml", [override])
    after = (tmp_path / "params.yaml").read_text()
    path, _, text = override.partition("=")
    assert reduce(getitem, path.split("."), yaml.load(after)) == yaml.load(text)
    comments = [line.partition("#")[2].strip() for line in before.splitlines() if "#" in line and "'#" not in line]
    assert [comment for comment in comments if comment not in after] == []
    changed = set(before.splitlines()) ^ set(after.splitlines())
    key = path.rpartition(".")[2]
    assert all(re.match(rf" *({key}:|- )", line) for line in changed), changed
