"""The report of what goes beyond the study. Reads both folders of evaluations, and writes below extensions/."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from catalogue import DATA, extended_catalogue
from findings import drawings, evaluated, gather, report_context
from schema import load_extensions

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.report.figures import draw_all
from sentiment_rnn.report.files import copy_results, write, write_json
from sentiment_rnn.report.page import markdown, web_page
from sentiment_rnn.report.results import read_results, row_figures
from sentiment_rnn.running.side_by_side import end_with_dvc
from sentiment_rnn.study.params import load_params

OUT = Path("extensions")
TEMPLATE = "extensions/report.md.j2"


def main() -> None:
    end_with_dvc()
    params, extensions = load_params(), load_extensions()
    catalogue = extended_catalogue(params, extensions)
    evaluations = {name: catalogue.evaluations(name) for name in evaluated(catalogue)}
    of_study = {name: variant.evaluations for name, variant in catalogue.study.variants.items()}
    trials = {trial: variant.models / str(variant.seeds[0]) for trial, variant in catalogue.trials.items()}
    split = json.loads(Path("data/split/summary.json").read_text("utf-8"))
    found = gather(
        params,
        extensions,
        catalogue,
        read_results(of_study | evaluations, guests=["experiment", *evaluations]),
        {
            trial: (json.loads((folder / "model.json").read_text("utf-8")), pd.read_csv(folder / "curves.csv"))
            for trial, folder in trials.items()
        },
        json.loads(Path("benchmarks/trainings.json").read_text("utf-8"))["cpu_seconds"],
        split["test"] / split["reviews"],
    )
    images = draw_all(drawings(found), params.plots.dpi)
    context = report_context(found)
    text = markdown(TEMPLATE, context, lambda name: f"{name}.png")
    html = web_page("Beyond the study", TEMPLATE, context, images)

    # all that could fail is behind us: now replace what an earlier run left
    copy_results(evaluations, DATA / "evaluations", OUT / "results")
    for trial, folder in trials.items():
        for file in ("model.json", "curves.csv"):
            write(OUT / "results/champion_trials" / trial / folder.name / file, (folder / file).read_bytes())
    write_json(
        OUT / "metrics.json",
        {
            "tables": row_figures(catalogue.tables, found.results, {}),
            "comparisons": [asdict(comparison) for comparison in found.comparisons],
            "champion_trials": found.trials.to_dict("records"),
        },
    )
    shutil.rmtree(OUT / "report", ignore_errors=True)
    for name, image in images.items():
        write(OUT / "report" / f"{name}.png", image)
    write(OUT / "report/report.md", text)
    write(OUT / "report/index.html", html)
    print("the report: extensions/report/index.html")


if __name__ == "__main__":
    exit_on_error(main)
