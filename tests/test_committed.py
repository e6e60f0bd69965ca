"""The committed state is whole: lock, metrics and README belong to the committed parameters and code."""

import json
import re
import shutil
import subprocess

import pytest
from conftest import PROJECT, Scratch

from sentiment_rnn.params import load_params
from sentiment_rnn.results.rows import run_folders, study_rows, trial_folders


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
    folders = run_folders(params, study_rows(params))
    for study, rows in study_rows(params).items():
        assert {row: metrics[study][row]["n"] for row in rows} == {
            row: len(folders[name]) for row, name in rows.items()
        }


def test_predictions_are_those_of_the_grids(fresh: Scratch):
    params = load_params(fresh.folder / "params.yaml")
    runs = {run for runs in run_folders(params, study_rows(params)).values() for run in runs}
    for kind, name, others in (("models", "model.json", trial_folders(params)), ("evaluations", "predictions.csv", {})):
        folder = fresh.folder / "results" / kind
        kept = {str(path.parent.relative_to(folder)) for path in folder.rglob(name)}
        assert kept == runs | set(others.values())


def test_readme_tables_are_the_metrics(fresh: Scratch, metrics: dict[str, dict[str, dict[str, float]]]):
    """Every row `| study | row | ... |` of the README shows the committed figures with their intervals."""
    found = re.findall(
        r"^\| (\w+) \| ([\w-]+) \| ([^|]+) \| ([\d.]*) \| (\d+) \| ([\d.*]*) \| ([^|]+) \| ([\d.*]*) \|$",
        (fresh.folder / "README.md").read_text(),
        re.M,
    )
    expected = []
    for study, rows in metrics.items():
        if study in ("data", "experiment"):
            continue
        for row in ["champion"] if study == "champion" else rows:  # beside it stand the baselines once more
            figures = json.loads((fresh.folder / f"metrics/tables/{study}.{row}.json").read_text())
            spread = f"{figures['accuracy_std']:.4f}" if "accuracy_std" in figures else ""
            expected.append(
                (
                    *(study, row, interval(figures, "accuracy"), spread, str(figures["n"])),
                    *(published(figures, "accuracy"), interval(figures, "loss"), published(figures, "loss")),
                )
            )
    assert found == expected


def interval(figures: dict[str, float], name: str) -> str:
    return f"{figures[f'test_{name}']:.3f} [{figures[f'{name}_low']:.3f}, {figures[f'{name}_high']:.3f}]"


def published(figures: dict[str, float], name: str) -> str:
    if f"published_{name}" not in figures:
        return ""
    value = f"{figures[f'published_{name}']:.3f}"
    return value if figures[f"published_{name}_inside"] else f"**{value}**"


def test_readme_verdicts_are_the_computed_ones(fresh: Scratch):
    readme = (fresh.folder / "README.md").read_text()
    for claim in json.loads((fresh.folder / "metrics/verdicts.json").read_text()).values():
        (line,) = (line for line in readme.splitlines() if line.startswith(f"| {claim['says']} |"))
        evidence = re.fullmatch(r"\| .* \| \*\*(.*)\*\* \| (\S+) vs (\S+): (\S+) \[(\S+), (\S+)\], (.*) \|", line)
        verdict, first, second, *figures, p_value = evidence.groups()
        assert verdict == claim["verdict"]
        (part,) = (part for part in claim["statements"] if (part["first"], part["second"]) == (first, second))
        assert figures == [f"{part[name]:+.4f}" for name in ("difference", "low", "high")]
        assert p_value == ("< 0.0001" if part["p_holm"] < 0.0001 else f"{part['p_holm']:.4f}")


def test_readme_models_are_the_metrics(fresh: Scratch):
    """And the bags of words lie above every recurrent network of the study, the champion above them, as it says."""
    tables = {path.stem: json.loads(path.read_text()) for path in (fresh.folder / "metrics/tables").iterdir()}
    seconds = json.loads((fresh.folder / "benchmarks/trainings.json").read_text())["cpu_seconds"]
    found = re.findall(
        r"^\| [^|]+ \| ([^|]+) \| (\d+) \| [\d,]+ \| ([\d,]+) \|$", (fresh.folder / "README.md").read_text(), re.M
    )
    models = [tables[f"baselines.{name}"] for name in ("lstm", "gru", "tfidf", "nbsvm")]
    models.append(tables["champion.champion"])
    assert found == [
        (interval(model, "accuracy"), str(model["n"]), f"{seconds[model['variant']]:.0f}") for model in models
    ]
    networks = {row["variant"]: row["test_accuracy"] for row in tables.values()}
    bags = {networks.pop("tfidf"), networks.pop("nbsvm")}
    assert networks.pop("champion") > max(bags)
    assert min(bags) > max(accuracy for variant, accuracy in networks.items() if not variant.startswith("split-"))


def test_no_review_is_in_git(fresh: Scratch):
    files = subprocess.run(["git", "ls-files", "-z"], cwd=fresh.folder, capture_output=True, check=True).stdout.split(
        b"\0"
    )
    assert not [name for name in files if name.endswith((b".gz", b".zip", b".tar"))]
    assert [name for name in files if name.endswith(b"reviews.csv")] == [b"data/sample/reviews.csv"]


def test_readme_speeds_are_those_of_the_benchmark(fresh: Scratch):
    """Every row `| variant | plain | here | times | share | minutes |` of the README shows the files of benchmarks/."""
    results = json.loads((fresh.folder / "benchmarks/results.json").read_text())
    seconds = json.loads((fresh.folder / "benchmarks/trainings.json").read_text())["cpu_seconds"]
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
            f"{seconds[name] / 60:.1f}",
        )
        for name, step in results["training_step"].items()
    ]
    assert found == expected
