"""The pipeline of the extensions: an entry of its params.yaml is trained, evaluated and shown."""

import json
from typing import Any

import pytest
from conftest import Scratch, committed, stages_run, yaml
from pydantic import ValidationError

from sentiment_rnn.extensions.params import Extensions
from sentiment_rnn.study.params import load_params

FILE = "extensions/params.yaml"
COMMITTED: dict[str, Any] = yaml.load(committed(FILE))["extensions"]


def shrink_extensions(content: dict[str, Any]) -> None:
    """One entry of each kind."""
    extensions = content["extensions"]
    on_fewer = "data/extensions/data/n_train-100"
    row = {"table": "all", "compare_with": "lstm-adam"}
    extensions |= {
        "seeds": [0, 1],
        "data": {"n_train-100": {"n_train": 100}},
        "networks": {
            "attention": {"changes": {"cell": "attention"}, "data": "data/encoded", **row},
            "fewer": {"changes": {}, "data": f"{on_fewer}/encoded", **row},
        },
        "baselines": {
            "nbsvm": {"baseline": "nbsvm", "grid": {"C": [1.0], "beta": [0.5]}, "data": "data/split", **row},
            "tokens": {"baseline": "tfidf", "grid": {"C": [1.0]}, "data": "data/encoded", **row},
        },
        "tables": {"all": {"title": "All of them", "text": "Why?", "also": ["lstm-adam"]}},
    }


@pytest.fixture
def extended(scratch: Scratch) -> Scratch:
    """The finished clone, with one entry of each kind."""
    scratch.edit(shrink_extensions, FILE)
    return scratch


def test_entries_are_trained_evaluated_and_shown(extended: Scratch):
    extended.run("dvc", "repro", "extensions/dvc.yaml:evaluate", "extensions/dvc.yaml:baseline")
    assert "the report: extensions/report/index.html" in extended.run("python", "-m", "extensions.report")
    rows = json.loads((extended.folder / "extensions/report/rows.json").read_text())["all"]
    assert list(rows) == ["lstm-adam", "attention", "fewer", "nbsvm", "tokens"]
    assert [rows[name]["accuracy"]["n"] for name in rows] == [1, 2, 2, 1, 1]
    summary = json.loads((extended.folder / "extensions/results/data/n_train-100/split/summary.json").read_text())
    assert (summary["train"], summary["test"]) == (100, 60)
    comparisons = json.loads((extended.folder / "extensions/report/comparisons.json").read_text())
    assert [(one["first"], one["second"]) for one in comparisons] == [
        (f"all.{name}", "all.lstm-adam") for name in ("attention", "fewer", "nbsvm", "tokens")
    ]
    page = (extended.folder / "extensions/report/report.md").read_text()
    assert "## All of them\n\nWhy?" in page
    assert "extensions/dvc.yaml:baseline@nbsvm" in page
    assert "Data and pipelines are up to date" in extended.run("dvc", "repro")

    # a changed entry trains itself alone; a new title trains nothing
    def change(content: dict[str, Any]) -> None:
        content["extensions"]["networks"]["fewer"]["changes"] = {"warmup_steps": 5}
        content["extensions"]["tables"]["all"]["title"] = "Some"

    extended.edit(change, FILE)
    targets = ["extensions/dvc.yaml:evaluate", "extensions/dvc.yaml:baseline"]
    ran = stages_run(extended.run("dvc", "repro", "--dry", *targets))
    assert ran == ["extensions/dvc.yaml:train@fewer"]


def test_other_test_reviews_are_not_compared(extended: Scratch):
    def change(content: dict[str, Any]) -> None:
        content["extensions"]["data"] = {"split_seed-1": {"split_seed": 1}}
        content["extensions"]["networks"] = {}
        content["extensions"]["baselines"] = {
            "nbsvm": content["extensions"]["baselines"]["nbsvm"] | {"data": "data/extensions/data/split_seed-1/split"}
        }

    extended.edit(change, FILE)
    extended.run("dvc", "repro", "extensions/dvc.yaml:baseline")
    output = extended.run("python", "-m", "extensions.report", fails=True)
    assert "the results of nbsvm and lstm-adam are of different reviews and cannot be compared" in output


def test_models_of_the_package_are_of_the_study(scratch: Scratch):
    output = scratch.run("python", "-m", "extensions.release", fails=True)
    assert "the package's models are of imdb, not of tiny.csv" in output


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("networks", {"x": {"changes": {}, "data": "d", "table": "no", "compare_with": None}}, "networks.x.table"),
        (
            "networks",
            {"x": {"changes": {}, "data": "d", "table": "splits", "compare_with": "x"}},
            "networks.x.compare_with: 'x' is no other row",
        ),
        ("networks", {"a.b": {}}, "String should match pattern"),
        ("baselines", {"x": {"baseline": "nbsvm", "grid": {"C": [1.0]}}}, "Field required"),
        ("seeds", [1, 1], "seeds: 1 is repeated"),
        ("nothing", {}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_entries_are_named(key: str, value: object, message: str):
    with pytest.raises(ValidationError, match=message):
        Extensions.model_validate(COMMITTED | {key: value})


def test_changes_of_an_entry_are_hyperparameters(scratch: Scratch):
    def change(content: dict[str, Any]) -> None:
        content["extensions"]["networks"]["attention"]["changes"] = {"hidden": 3}

    scratch.edit(change, FILE)
    output = scratch.run("python", "-m", "extensions.train", "attention", fails=True)
    assert "extensions/params.yaml: networks.attention.changes.hidden: unknown key" in output


def test_committed_entries_are_valid():
    extensions, params = Extensions.model_validate(COMMITTED), load_params(committed("params.yaml"))
    for entry in extensions.networks.values():
        params.with_changes(entry.changes, "")
