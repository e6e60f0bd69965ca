"""The report stage of the extensions."""

from pathlib import Path

from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.extensions.networks import FILE, RESULTS
from sentiment_rnn.extensions.params import Extensions, load_extensions
from sentiment_rnn.report.comparisons import Pair, compare_rows
from sentiment_rnn.report.figures import draw_all, forest_rows, plot_forest, table_drawings
from sentiment_rnn.report.page import page_files, replace_files
from sentiment_rnn.report.results import read_results
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.report.tables import Report
from sentiment_rnn.study.params import ParamsError, load_params
from sentiment_rnn.study.variants import study_catalogue

TITLE = "LSTM and GRU sentiment classifiers: beyond the study"


def report_stage() -> None:
    """Make extensions/report from the results of the extensions and of the study."""
    exit_with_dvc()
    report = extensions_report(load_extensions())
    plots = report.settings.plots
    rows = forest_rows(report, report.comparisons, {})
    drawings = {"findings": (plot_forest, (rows, report.settings.margin, plots.colors)), **table_drawings(report)}
    images = draw_all(drawings, plots.dpi)
    page = page_files(TITLE, report, images, lambda name: f"{name}.png", is_study=False)
    replace_files(Path("extensions/report"), page | {f"{name}.png": image for name, image in images.items()})
    print("the report: extensions/report/index.html")


def extensions_report(extensions: Extensions) -> Report:
    """Compare each entry with the row that it names.

    Raises:
        ParamsError: a table has a row that is not there.
        ResultsError: results are missing, or rows with different reviews are to be compared.
    """
    params = load_params()
    settings, study = report_settings(params), study_catalogue(params).variants
    folders = {variant.results: variant.seeds for name, variant in study.items() if name != "experiment"}
    if taken := sorted(extensions.entries.keys() & study.keys()):
        raise ParamsError(f"{FILE}: {taken[0]} is the name of a variant of the study")
    folders |= {RESULTS / name: tuple(extensions.seeds) for name in extensions.networks}
    folders |= {RESULTS / name: (0,) for name in extensions.baselines}
    tables = extensions.rows
    for table, rows in tables.items():
        if unknown := [row for row in rows if row not in {folder.name for folder in folders}]:
            raise ParamsError(f"{FILE}: tables.{table}.also: {unknown[0]!r} is no variant")
    results = read_results(folders, not_pooled=extensions.entries.keys())
    families: dict[str, list[Pair]] = {table: [] for table in tables}
    for name, entry in extensions.entries.items():
        if entry.compare_with is not None:
            families[entry.table].append((f"{entry.table}.{name}", f"{entry.table}.{entry.compare_with}"))
    shown = dict.fromkeys(row for rows in tables.values() for row in rows)
    stages = {name: f"train_{study[name].stage}" for name in shown if name in study}
    stages |= {name: f"extensions/dvc.yaml:train@{name}" for name in extensions.networks}
    stages |= {name: f"extensions/dvc.yaml:baseline@{name}" for name in extensions.baselines}
    return Report(
        settings=settings,
        tables=tables,
        titles={name: {"title": table.title, "text": table.text} for name, table in extensions.tables.items()},
        stages=stages,
        results={name: results[name] for name in shown},
        comparisons=compare_rows(families, tables, results, settings.margin),
        published={},
    )
