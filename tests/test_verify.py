"""make verify in a clone as git brings it: with dvc.lock, results/, metrics/, plots/ and report/, without data."""

import json
import os
import re
import shutil

import pytest
from conftest import Scratch


def call(*checks: str) -> tuple[str, ...]:
    """Some of the checks of make verify, for the study alone: the clone has no extensions."""
    of_study = "verify.PIPELINES, verify.REPORTS = verify.PIPELINES[:1], verify.REPORTS[:1]"
    return ("python", "-c", "; ".join(["from scripts import verify", of_study, *checks]))


@pytest.fixture
def fresh(scratch: Scratch) -> Scratch:
    """The finished clone with its results in git, without its data and its cache."""
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    for name in ("raw", "split", "encoded", "models", "extensions", "checkpoints"):
        shutil.rmtree(scratch.folder / "data" / name)
    shutil.rmtree(scratch.folder / ".dvc/cache")
    return scratch


def test_report_is_made_again_without_models(fresh: Scratch):
    before = fresh.results()
    output = fresh.run(*call("verify.main()"))
    assert "reports: made again from git to the same bytes" in output
    assert fresh.results() == before
    verdicts = fresh.folder / "report/verdicts.json"
    content = json.loads(verdicts.read_text())
    content["compound"]["verdict"] = "supported, of course"
    verdicts.write_text(json.dumps(content))
    fresh.run("git", "commit", "-qam", "another verdict")
    output = fresh.run(*call("verify.check_reports()"), fails=True)
    assert "M report/verdicts.json" in output


def test_edited_figures_and_stale_locks_are_named(fresh: Scratch):
    predictions = fresh.folder / "results/compound/0/predictions.csv"
    before, text = predictions.stat(), predictions.read_text()
    predictions.write_text(text.replace("\n1,", "\n0,", 1))
    os.utime(predictions, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk's fault leaves it
    output = fresh.run(*call("verify.check_stored_files()", "verify.check_locks()"), fails=True)
    assert re.search("something is left to do: (.|\n)*'(report|evaluate_compound)", output)
    predictions.write_text(text)
    fresh.edit(lambda params: params["plots"]["colors"].insert(0, "#000000"))
    assert "something is left to do: Running stage 'report'" in fresh.run(*call("verify.check_locks()"), fails=True)
