"""make verify in a clone as git brings it: with dvc.lock, results/, metrics/, plots/ and report/, without data."""

import json
import os
import shutil

import pytest
from conftest import Scratch

VERIFY = ("python", "scripts/verify.py")


@pytest.fixture
def fresh(scratch: Scratch) -> Scratch:
    """The finished clone without its data and its cache."""
    for name in ("raw", "split", "encoded", "models", "evaluations"):
        shutil.rmtree(scratch.folder / "data" / name)
    shutil.rmtree(scratch.folder / ".dvc/cache")
    return scratch


def test_report_is_made_again_without_models(fresh: Scratch):
    before = fresh.results()
    assert "metrics, plots, report: made again from results/ to the same bytes" in fresh.run(*VERIFY)
    assert fresh.results() == before
    fresh.edit(lambda params: params["plots"]["colors"].insert(0, "#000000"))
    assert "something is left to do: Running stage 'report'" in fresh.run(*VERIFY, fails=True)
    assert fresh.repro("--single-item", "report") == ["report"]
    after = fresh.results()
    assert {path.parts[0] for path in before if before[path] != after[path]} == {"dvc.lock", "plots", "report"}


def test_what_was_changed_is_named(fresh: Scratch):
    verdicts = fresh.folder / "metrics/verdicts.json"
    content = json.loads(verdicts.read_text())
    content["compound"]["verdict"] = "supported, of course"
    verdicts.write_text(json.dumps(content))
    assert "metrics/verdicts.json: changed since it was made" in fresh.run(*VERIFY, fails=True)
    fresh.run("dvc", "commit", "--force", "report")  # now dvc.lock agrees
    assert "made again, these differ in metrics/: verdicts.json" in fresh.run(*VERIFY, fails=True)


def test_predictions_that_were_changed(fresh: Scratch):
    predictions = fresh.folder / "results/evaluations/compound/0/predictions.csv"
    before = predictions.stat()
    predictions.write_text(predictions.read_text().replace("\n1,", "\n0,", 1))
    os.utime(predictions, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk's fault leaves it
    assert "results: changed since it was made" in fresh.run(*VERIFY, fails=True)
