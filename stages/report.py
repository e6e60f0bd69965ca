"""Make metrics, comparisons, verdicts, figures and the report from results/: `python -m stages.report`."""

import json
import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.report.figures import draw_all
from sentiment_rnn.report.files import write, write_json
from sentiment_rnn.report.page import markdown, web_page
from sentiment_rnn.report.report_data import build_report_data
from sentiment_rnn.report.results import Result, means, read_results, row_figures, study_curves
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.report.study_report import drawings, report_context
from sentiment_rnn.study.params import load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

RESULTS, METRICS, PLOTS, REPORT = Path("results"), Path("metrics"), Path("plots"), Path("report")
TITLE = "LSTM and GRU sentiment classifiers"
TEMPLATE = "report.md.j2"


def main() -> None:
    exit_with_dvc()
    params = load_params()
    settings, catalogue = report_settings(params), study_catalogue(params)
    results = read_results(list(catalogue.variants.values()), not_pooled=["experiment"])
    report = build_report_data(
        params,
        settings,
        catalogue,
        results,
        published=read_yaml(Path("data/published.yaml")),
        claim_specs=read_yaml(Path("data/claims.yaml")),
        data=read_json(RESULTS / "split/summary.json") | read_json(RESULTS / "vocab/summary.json"),
        also_in_train=pd.read_csv(RESULTS / "split/test_also_in_train.csv")["also_in_train"].to_numpy(),
    )
    images = draw_all(drawings(report), settings.plots.dpi)
    context = report_context(report)
    text = markdown(TEMPLATE, context, lambda name: f"../plots/figures/{figure_file(name, images)}")
    html = web_page(TITLE, TEMPLATE, context, images)

    # everything is computed; now replace the outputs
    for folder in (METRICS, PLOTS, REPORT):
        shutil.rmtree(folder, ignore_errors=True)
    for study, rows in means(results, catalogue.tables).items():
        for row, figures in rows.items():
            write_json(METRICS / study / f"{row}.json", figures)
        curves = study_curves(catalogue.tables[study], results)
        write(PLOTS / "curves" / f"{study}.csv", curves.to_csv(index=False, lineterminator="\n"))
    for name, image in images.items():
        write(PLOTS / "figures" / figure_file(name, images), image)
    write_json(REPORT / "rows.json", row_figures(catalogue.tables, results, report.published))
    write_json(REPORT / "comparisons.json", [asdict(comparison) for comparison in report.comparisons])
    write_json(REPORT / "verdicts.json", {claim.name: asdict(claim) for claim in report.claims})
    write_json(REPORT / "environment.json", environments(results))
    write(REPORT / "report.md", text)
    write(REPORT / "index.html", html)
    print("the report: report/index.html")


def figure_file(name: str, images: dict[str, bytes]) -> str:
    """The figures are shown in the order of their files' names."""
    return f"{list(images).index(name) + 1:02}_{name}.png"


def environments(results: dict[str, Result]) -> dict[str, Any]:
    """Where the models were trained, with the number of runs, and the versions of the packages of the report."""
    texts = pd.Series([json.dumps(model["trained_on"]) for result in results.values() for model in result.models])
    packages = ("numpy", "pandas", "safetensors", "scikit-learn", "scipy", "statsmodels", "torch")
    return {
        "trained_on": [
            json.loads(str(text)) | {"runs": int(number)} for text, number in texts.value_counts(sort=False).items()
        ],
        # torch names its build after a plus, where it is not PyPI's
        "packages": {name: version(name).partition("+")[0] for name in packages},
    }


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    exit_on_error(main)
