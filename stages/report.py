"""Gather what all variants gave: metrics, curve tables, figures and the report."""

import json
import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.figures import draw_all
from sentiment_rnn.params import load_params
from sentiment_rnn.report import markdown, page, report_context
from sentiment_rnn.studies import (
    beside_published,
    published_tables,
    read_curves,
    read_published,
    read_runs,
    study_rows,
    summarize,
)


def main() -> None:
    arguments = parse_arguments()
    params = load_params()
    variants = study_rows(params)
    runs = read_runs(arguments.models, arguments.evaluations, list(params.variants()), params.seeds)
    curves = {study: read_curves(arguments.models, rows, params.seeds) for study, rows in variants.items()}
    tables = summarize(runs, variants)
    data = {name: value for path in arguments.data for name, value in json.loads(path.read_text()).items()}
    # the source's figures compare with no other corpus
    source = read_published(arguments.published) if params.dataset == "imdb" else None
    published = published_tables(source) if source else {}
    images = draw_all(params.plots, tables, published, curves, runs)
    context = report_context(params, data, runs, variants, tables, source, published)
    text = markdown(context, lambda name: f"../{arguments.plots}/figures/{name}.png")
    html = page(context, images)

    # all that could fail is behind us: now replace what an earlier run left
    write(arguments.metrics / "studies.json", json.dumps({"data": data, **tables}, indent=2) + "\n")
    shutil.rmtree(arguments.metrics / "tables", ignore_errors=True)
    for name, figures in beside_published(tables, published).items():
        write(arguments.metrics / "tables" / f"{name}.json", json.dumps(figures, indent=2) + "\n")
    shutil.rmtree(arguments.plots, ignore_errors=True)
    for name, table in curves.items():
        write(arguments.plots / "curves" / f"{name}.csv", table.to_csv(index=False))
    for name, image in images.items():
        write(arguments.plots / "figures" / f"{name}.png", image)
    write(arguments.report / "report.md", text)
    write(arguments.report / "index.html", html)
    print(f"the report: {arguments.report / 'index.html'}")


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--models", required=True, type=Path, help="folder of the trained models")
    parser.add_argument("--evaluations", required=True, type=Path, help="folder of their evaluations")
    parser.add_argument("--data", required=True, type=Path, nargs="+", help="summaries of the split and the vocabulary")
    parser.add_argument("--published", required=True, type=Path, help="YAML with the source's figures")
    parser.add_argument("--metrics", required=True, type=Path, help="folder to write into")
    parser.add_argument("--plots", required=True, type=Path, help="folder to write into")
    parser.add_argument("--report", required=True, type=Path, help="folder to write into")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
