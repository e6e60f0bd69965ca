"""make verify in a clone as git brings it: with lock files, results/, metrics/, plots/ and report/, without data."""

import json
import os
import re
import shutil

import pytest
from conftest import Scratch

REPORT = "verify.check_report('report', verify.REPORTS['report'])"


def asked(*checks: str) -> tuple[str, ...]:
    """Some of what make verify asks; the clone has no report of the extensions."""
    calls = "; ".join(checks)
    return ("python", "-c", f"import sys; sys.path.insert(0, 'scripts'); import verify; {calls}")


@pytest.fixture
def fresh(scratch: Scratch) -> Scratch:
    """The finished clone with its results in git, without its data and its cache."""
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    for name in ("raw", "split", "encoded", "models", "evaluations", "extensions"):
        shutil.rmtree(scratch.folder / "data" / name)
    shutil.rmtree(scratch.folder / ".dvc/cache")
    return scratch


def test_report_is_made_again_without_models(fresh: Scratch):
    """Also after the README's way back: `dvc checkout` leaves empty folders where models would be."""
    before = fresh.results()
    fresh.run("dvc", "checkout", "--allow-missing", "dvc.yaml")
    fresh.run("find", "data", "-type", "d", "-empty", "-delete")
    output = fresh.run(*asked("verify.check_stored_files()", REPORT))
    assert "results, metrics, plots, report: made again from what git keeps to the same bytes" in output
    assert "Data and pipelines are up to date" in fresh.run("dvc", "repro", "--dry", "--allow-missing")
    assert fresh.results() == before
    verdicts = fresh.folder / "metrics/verdicts.json"
    content = json.loads(verdicts.read_text())
    content["compound"]["verdict"] = "supported, of course"
    verdicts.write_text(json.dumps(content))
    output = fresh.run(*asked(REPORT), fails=True)
    assert "metrics/verdicts.json" in output
    assert "metrics is another when it is made again" in output


def test_edited_figures_and_stale_locks_are_named(fresh: Scratch):
    predictions = fresh.folder / "results/compound/0/predictions.csv"
    before, text = predictions.stat(), predictions.read_text()
    predictions.write_text(text.replace("\n1,", "\n0,", 1))
    os.utime(predictions, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk's fault leaves it
    output = fresh.run(*asked("verify.check_stored_files()", "verify.check_locks('dvc.yaml')"), fails=True)
    assert re.search("something is left to do: (.|\n)*'report'", output)
    predictions.write_text(text)
    fresh.edit(lambda params: params["plots"]["colors"].insert(0, "#000000"))
    assert "failed to reproduce 'report'" in fresh.run(*asked("verify.check_locks('dvc.yaml')"), fails=True)
