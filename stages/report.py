"""Make metrics, comparisons, verdicts, figures and the report from results/: `python -m stages.report`."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation.calibration import Calibration
from sentiment_rnn.evaluation.predictions import read_predictions
from sentiment_rnn.report.analyses import averaged_seeds, by_length, with_threshold
from sentiment_rnn.report.claims import evaluate_claims
from sentiment_rnn.report.comparisons import compare_rows, study_families
from sentiment_rnn.report.figures import draw_all
from sentiment_rnn.report.page import page_files, replace_files
from sentiment_rnn.report.results import published_tables, read_results, study_curves
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.report.study_report import StudyReport, selected_variants, study_drawings
from sentiment_rnn.report.tables import TITLES
from sentiment_rnn.study.params import Params, load_params, read_yaml
from sentiment_rnn.study.variants import study_catalogue

RESULTS = Path("results")
TITLE = "LSTM and GRU sentiment classifiers"


def main() -> None:
    exit_with_dvc()
    report = study_report(load_params())
    images = draw_all(study_drawings(report), report.settings.plots.dpi)
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


def study_report(params: Params) -> StudyReport:
    """Compare the rows of the study, and evaluate the claims."""
    settings, catalogue = report_settings(params), study_catalogue(params)
    variants, tables = catalogue.variants.values(), catalogue.tables
    results = read_results({variant.results: variant.seeds for variant in variants}, not_pooled=["experiment"])
    published, is_comparable = read_yaml(Path("data/published.yaml")), params.dataset == "imdb"
    claim_specs, n_tokens = read_yaml(Path("data/claims.yaml")), pd.read_csv(RESULTS / "vocab/test_tokens.csv")
    selected, seeds = selected_variants(params), sorted(params.study.base.seeds)
    predictions = {name: results[variant].predictions for name, variant in selected.items()}
    validation = {
        name: read_predictions([RESULTS / variant / str(seed) for seed in seeds], "valid")
        for name, variant in selected.items()
    }
    at_threshold = {name: with_threshold(predictions[name], of) for name, of in validation.items()}
    both = predictions | {f"{name}, threshold": of for name, of in at_threshold.items()}
    return StudyReport(
        settings=settings,
        tables=tables,
        titles=read_yaml(TITLES),
        stages={variant.name: f"train_{variant.stage}" for variant in variants},
        results=results,
        comparisons=compare_rows(study_families(tables), tables, results, settings.margin),
        published=published_tables(published) if is_comparable else {},
        params=params,
        claims=evaluate_claims(published["claims"], claim_specs, tables, results, settings.margin),
        source=published if is_comparable else None,
        data=read_yaml(RESULTS / "split/summary.json") | read_yaml(RESULTS / "vocab/summary.json"),  # JSON is YAML
        also_in_train=pd.read_csv(RESULTS / "split/test_also_in_train.csv")["also_in_train"].to_numpy(),
        selected=selected,
        with_threshold=at_threshold,
        calibrations={name: Calibration.from_predictions(of.probability, of.labels) for name, of in both.items()},
        averaged_seeds=list(zip(*map(averaged_seeds, predictions.values()), strict=True)),
        by_length=by_length(n_tokens["n_tokens"].to_numpy(), params.max_length, predictions),
    )


if __name__ == "__main__":
    exit_on_error(main)
