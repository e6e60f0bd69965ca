"""What the committed trainings took: writes benchmarks/trainings.json; run it after `make repro`.

From data/timings, where each training leaves its seconds. DVC does not track these, since they differ from run to run;
this file is in git, so that the report can show them.
"""

import json
from pathlib import Path
from typing import Any

from machine import machine

from sentiment_rnn.params import load_params
from sentiment_rnn.results.rows import Folders, run_folders, study_rows

PROJECT = Path(__file__).parents[1]


def main() -> None:
    params = load_params(PROJECT / "params.yaml")
    content = {
        "machine": machine(),
        "cpu_seconds": mean_seconds(PROJECT / "data/timings", run_folders(params, study_rows(params))),
    }
    (PROJECT / "benchmarks/trainings.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def mean_seconds(timings: Path, folders: Folders) -> dict[str, Any]:
    """By variant, CPU seconds of one training: the mean over those runs whose seconds are there."""
    means = {}
    for variant, runs in folders.items():
        files = [timings / f"{run.replace('/', '-')}.json" for run in runs]
        seconds = [json.loads(file.read_text())["cpu_seconds"] for file in files if file.exists()]
        if seconds:
            means[variant] = round(sum(seconds) / len(seconds), 1)
    return means


if __name__ == "__main__":
    main()
