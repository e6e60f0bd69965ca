"""The committed state is whole: lock, metrics and README belong to the committed parameters and code."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import PROJECT, Scratch

from sentiment_rnn.params import load_params
from sentiment_rnn.studies import study_rows


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """A clone of HEAD, without any data."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("this is not a git clone")
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(folder)], check=True)
    return Scratch(folder)


@pytest.fixture
def metrics(fresh: Scratch) -> dict[str, dict[str, dict[str, float]]]:
    if load_params(fresh.folder / "params.yaml").dataset != "imdb":
        pytest.skip("what is committed is not the study on the IMDB reviews")
    return json.loads((fresh.folder / "metrics/studies.json").read_text())


def test_nothing_is_left_to_run(fresh: Scratch):
    assert "Data and pipelines are up to date" in fresh.run("dvc", "repro", "--dry", "--allow-missing")


def test_metrics_are_those_of_the_grids(fresh: Scratch, metrics: dict[str, dict[str, dict[str, float]]]):
    params = load_params(fresh.folder / "params.yaml")
    assert {study: list(rows) for study, rows in metrics.items() if study != "data"} == {
        study: list(rows) for study, rows in study_rows(params).items()
    }
    assert all(
        row["n"] == len(params.seeds) for study, rows in metrics.items() if study != "data" for row in rows.values()
    )


def test_readme_tables_are_the_metrics(fresh: Scratch, metrics: dict[str, dict[str, dict[str, float]]]):
    """Every row `| study | row | ... |` of the README shows the committed loss and accuracy."""
    found = re.findall(
        r"^\| (\w+) \| (\w+) \| ([\d.]+) \| ([\d.]+) \|", Path(fresh.folder / "README.md").read_text(), re.M
    )
    expected = [
        (study, row, f"{figures['test_loss']:.3f}", f"{figures['test_accuracy']:.3f}")
        for study, rows in metrics.items()
        if study not in ("data", "experiment")
        for row, figures in rows.items()
    ]
    assert found == expected


def test_no_review_is_in_git(fresh: Scratch):
    files = subprocess.run(["git", "ls-files", "-z"], cwd=fresh.folder, capture_output=True, check=True).stdout.split(
        b"\0"
    )
    assert not [name for name in files if name.endswith((b".gz", b".zip", b".tar"))]
    assert [name for name in files if name.endswith(b"reviews.csv")] == [b"data/sample/reviews.csv"]


def test_readme_speeds_are_those_of_the_benchmark(fresh: Scratch):
    """Every row `| variant | plain | here | times | share | minutes |` of the README shows benchmarks/results.json."""
    results = json.loads((fresh.folder / "benchmarks/results.json").read_text())
    found = re.findall(
        r"^\| ([\w-]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| (\d+)% \| ([\d.]+) \|",
        (fresh.folder / "README.md").read_text(),
        re.M,
    )
    expected = [
        (
            name,
            f"{step['plain_seconds']:.2f}",
            f"{step['seconds']:.3f}",
            f"{step['ratio']:.1f}",
            f"{100 * step['share_of_gemm_limit']:.0f}",
            f"{results['grid_cpu_minutes'][name]['whole_training']:.1f}",
        )
        for name, step in results["training_step"].items()
    ]
    assert found == expected
