"""Make metrics, comparisons, verdicts, figures and the report from results/: `python -m stages.report`."""

from dataclasses import asdict
from pathlib import Path

from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.report.figures import draw_all
from sentiment_rnn.report.page import page_files, replace_files
from sentiment_rnn.report.results import study_curves
from sentiment_rnn.report.study_report import study_drawings, study_report
from sentiment_rnn.study.params import load_params

COST = Path("benchmarks/cost.png")  # of the committed models of both pipelines, by make bench on an idle machine
TITLE = "LSTM and GRU sentiment classifiers"


def main() -> None:
    exit_with_dvc()
    report = study_report(load_params())
    images = draw_all(study_drawings(report), report.settings.plots.dpi)
    if report.source:
        images["cost"] = COST.read_bytes()
    names = {name: f"{number:02}_{name}.png" for number, name in enumerate(images, 1)}  # DVC sorts the figures by name
    page = page_files(TITLE, report, images, lambda name: f"../plots/figures/{names[name]}", is_study=True)
    page["verdicts.json"] = {claim.name: asdict(claim) for claim in report.claims}
    curves = {
        f"{study}.csv": study_curves(rows, report.results).to_csv(index=False, lineterminator="\n")
        for study, rows in report.tables.items()
    }
    metrics = {
        f"{study}/{row}.json": {"test_loss": of_row["loss"]["mean"], "test_accuracy": of_row["accuracy"]["mean"]}
        for study, rows in page["rows.json"].items()
        for row, of_row in rows.items()
    }
    # everything is computed; now replace the outputs
    replace_files(Path("metrics"), metrics)
    replace_files(Path("plots/curves"), curves)
    replace_files(Path("plots/figures"), {names[name]: image for name, image in images.items()})
    replace_files(Path("report"), page)
    print("the report: report/index.html")


if __name__ == "__main__":
    exit_on_error(main)
