"""Fit one baseline on the train reviews; the valid reviews choose its hyperparameters."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pandas as pd
from catalogue import BASELINES
from fitting.bags import fit
from schema import load_extensions

from sentiment_rnn.encoding.dataset import hash_of
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.training.stopwatch import Stopwatch


def main() -> None:
    arguments = parse_arguments()
    grid = getattr(load_extensions().baselines, arguments.baseline).model_dump()
    train, valid = (
        pd.read_csv(arguments.splits / f"{part}.csv", dtype=str, keep_default_na=False) for part in ("train", "valid")
    )
    stopwatch = Stopwatch()
    model, trials = fit(arguments.baseline, train, valid, grid)
    stopwatch.stop()
    facts = {"variant": arguments.model.name, "valid_reviews": hash_of(valid["review"])}
    model.save(arguments.model / "0", **facts, trials=trials)
    stopwatch.write(Path("data/timings") / f"{arguments.model.name}.json")
    (kept,) = (trial for trial in trials if trial["kept"])
    print(f"{arguments.baseline}: {len(model.weights):,} features; of {len(trials)} trials kept: {kept}")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", required=True, choices=BASELINES)
    parser.add_argument("--splits", required=True, type=Path, help="folder with train.csv and valid.csv")
    parser.add_argument("--model", required=True, type=Path, help="folder to write; the fit is in 0 there, as a seed's")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
