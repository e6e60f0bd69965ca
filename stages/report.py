"""Gather what all variants gave: metrics, comparisons, verdicts, curve tables, figures and the report."""

import json
import shutil
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.params import load_params
from sentiment_rnn.results.comparisons import read_meanings
from sentiment_rnn.results.figures import draw_all
from sentiment_rnn.results.findings import gather
from sentiment_rnn.results.report import markdown, page, report_context
from sentiment_rnn.results.runs import environments
from sentiment_rnn.results.studies import read_published, row_files, summarize


def main() -> None:
    arguments = parse_arguments()
    timed = json.loads(arguments.seconds.read_text(encoding="utf-8"))
    found = gather(
        load_params(),
        arguments.models,
        arguments.evaluations,
        data={name: value for path in arguments.data for name, value in json.loads(path.read_text()).items()},
        published=read_published(arguments.published),
        meanings=read_meanings(arguments.claims),
        also_in_train=pd.read_csv(arguments.also_in_train)["also_in_train"].to_numpy(),
        cpu_seconds=timed["cpu_seconds"],
    )
    images = draw_all(found)
    context = report_context(found)
    text = markdown(context, lambda name: f"../{arguments.plots}/figures/{name}.png")
    html = page(context, images)

    # all that could fail is behind us: now replace what an earlier run left
    metrics = arguments.metrics
    write_json(metrics / "studies.json", {"data": found.data, **summarize(found.results, found.rows)})
    write_json(metrics / "comparisons.json", [asdict(comparison) for comparison in found.comparisons])
    write_json(metrics / "verdicts.json", {claim.name: asdict(claim) for claim in found.claims})
    machine = {"machine": timed["machine"]} if found.cpu_seconds else {}
    write_json(metrics / "environment.json", machine | environments(found.runs))
    shutil.rmtree(metrics / "tables", ignore_errors=True)
    for name, figures in row_files(found.rows, found.results, found.published).items():
        write_json(metrics / "tables" / f"{name}.json", figures)
    shutil.rmtree(arguments.plots, ignore_errors=True)
    for name, table in found.curves.items():
        write(arguments.plots / "curves" / f"{name}.csv", table.to_csv(index=False))
    for name, image in images.items():
        write(arguments.plots / "figures" / f"{name}.png", image)
    write(arguments.report / "report.md", text)
    write(arguments.report / "index.html", html)
    print(f"the report: {arguments.report / 'index.html'}")


def write_json(path: Path, content: Any) -> None:
    """Ten digits: the last of a double's seventeen are the processor's."""
    rounded = json.loads(json.dumps(content), parse_float=lambda text: float(f"{float(text):.10g}"))
    write(path, json.dumps(rounded, indent=2) + "\n")


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--models", required=True, type=Path, help="folder of the trained models")
    parser.add_argument("--evaluations", required=True, type=Path, help="folder of their evaluations")
    parser.add_argument("--data", required=True, type=Path, nargs="+", help="summaries of the split and the vocabulary")
    parser.add_argument("--also-in-train", required=True, type=Path, help="CSV: which test reviews stand in train too")
    parser.add_argument("--published", required=True, type=Path, help="YAML with the source's figures")
    parser.add_argument("--claims", required=True, type=Path, help="YAML with the reading of its claims")
    parser.add_argument("--seconds", required=True, type=Path, help="JSON with what the committed trainings took")
    parser.add_argument("--metrics", required=True, type=Path, help="folder to write into")
    parser.add_argument("--plots", required=True, type=Path, help="folder to write into")
    parser.add_argument("--report", required=True, type=Path, help="folder to write into")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
