"""Gather what all variants of the study gave: results for git, metrics, comparisons, verdicts, figures, the report.

Reads data/evaluations, and writes results/, metrics/, plots/ and report/.
"""

import json
import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.report.figures import draw_all
from sentiment_rnn.report.files import copy_results, write, write_json
from sentiment_rnn.report.findings import gather
from sentiment_rnn.report.page import markdown, web_page
from sentiment_rnn.report.results import Result, means, read_results, row_figures, study_curves
from sentiment_rnn.report.study_report import drawings, report_context
from sentiment_rnn.running.side_by_side import end_with_dvc
from sentiment_rnn.study.params import load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

DATA = Path("data")
SUMMARIES = ("split/summary.json", "encoded/summary.json")
ALSO_IN_TRAIN = "split/test_also_in_train.csv"
TITLE = "LSTM and GRU sentiment classifiers"
TEMPLATE = "report.md.j2"


def main() -> None:
    end_with_dvc()
    params = load_params()
    catalogue = study_catalogue(params)
    timed = read_json(Path("benchmarks/trainings.json"))
    evaluations = {name: variant.evaluations for name, variant in catalogue.variants.items()}
    results = read_results(evaluations, guests=["experiment"])
    found = gather(
        params,
        catalogue,
        results,
        published=read_yaml(DATA / "published.yaml"),
        meanings=read_yaml(DATA / "claims.yaml"),
        data={name: value for file in SUMMARIES for name, value in read_json(DATA / file).items()},
        also_in_train=pd.read_csv(DATA / ALSO_IN_TRAIN)["also_in_train"].to_numpy(),
        cpu_seconds=timed["cpu_seconds"],
    )
    images = draw_all(drawings(found), params.plots.dpi)
    context = report_context(found)
    text = markdown(TEMPLATE, context, lambda name: f"../plots/figures/{figure_file(name, images)}")
    html = web_page(TITLE, TEMPLATE, context, images)

    # all that could fail is behind us: now replace what an earlier run left
    copy_results(evaluations, DATA / "evaluations", Path("results"))
    for file in (*SUMMARIES, ALSO_IN_TRAIN):
        write(Path("results") / file, (DATA / file).read_bytes())
    tables, metrics = catalogue.tables, Path("metrics")
    write_json(metrics / "studies.json", {"data": found.data, **means(results, tables)})
    write_json(metrics / "comparisons.json", [asdict(comparison) for comparison in found.comparisons])
    write_json(metrics / "verdicts.json", {claim.name: asdict(claim) for claim in found.claims})
    machine = {"machine": timed["machine"]} if found.cpu_seconds else {}
    write_json(metrics / "environment.json", machine | environments(results))
    for folder in (metrics / "tables", Path("plots")):
        shutil.rmtree(folder, ignore_errors=True)
    for study, rows in row_figures(tables, results, found.published).items():
        for row, figures in rows.items():
            write_json(metrics / "tables" / f"{study}.{row}.json", figures)
        write(Path("plots/curves") / f"{study}.csv", study_curves(tables[study], results).to_csv(index=False))
    for name, image in images.items():
        write(Path("plots/figures") / figure_file(name, images), image)
    write(Path("report/report.md"), text)
    write(Path("report/index.html"), html)
    print("the report: report/index.html")


def figure_file(name: str, images: dict[str, bytes]) -> str:
    """The figures are shown in the order of their files' names."""
    return f"{list(images).index(name) + 1:02}_{name}.png"


def environments(results: dict[str, Result]) -> dict[str, Any]:
    """What the runs were trained on, with the number of runs, and the versions of what evaluated and compared them."""
    texts = pd.Series([json.dumps(model["trained_on"]) for result in results.values() for model in result.models])
    packages = ("numpy", "pandas", "safetensors", "scikit-learn", "scipy", "statsmodels", "torch")
    return {
        "trained_on": [
            json.loads(str(text)) | {"runs": int(number)} for text, number in texts.value_counts(sort=False).items()
        ],
        # torch names its build behind a plus, where it is not PyPI's
        "packages": {name: version(name).partition("+")[0] for name in packages},
    }


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    exit_on_error(main)
