"""What the committed trainings took: writes benchmarks/trainings.json; run it after both pipelines have run.

From data/timings, where each training leaves its seconds. DVC does not track these, since they differ from run to run;
this file is in git, so that the reports can show them.
"""

import json
from pathlib import Path
from typing import Any

from catalogue import BASELINES, extended_catalogue
from machine import machine
from schema import load_extensions

from sentiment_rnn.study.params import load_params

PROJECT = Path(__file__).parents[1]


def main() -> None:
    params, extensions = load_params(PROJECT / "params.yaml"), load_extensions(PROJECT / "extensions/params.yaml")
    catalogue = extended_catalogue(params, extensions)
    files = {name: [f"{name}.json"] for name in BASELINES}
    # the experiment is whatever was tried last
    of_study = [variant for variant in catalogue.study.variants.values() if variant.name != "experiment"]
    for variant in (*of_study, *catalogue.variants.values()):
        files[variant.name] = [f"{variant.name}-{seed}.json" for seed in variant.seeds]
    content = {"machine": machine(), "cpu_seconds": mean_seconds(PROJECT / "data/timings", files)}
    (PROJECT / "benchmarks/trainings.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def mean_seconds(timings: Path, files: dict[str, list[str]]) -> dict[str, Any]:
    """By variant, CPU seconds of one training: the mean over those runs whose seconds are there."""
    means = {}
    for variant, names in files.items():
        found = [timings / name for name in names if (timings / name).exists()]
        seconds = [json.loads(file.read_text())["cpu_seconds"] for file in found]
        if seconds:
            means[variant] = round(sum(seconds) / len(seconds), 1)
    return means


if __name__ == "__main__":
    main()
