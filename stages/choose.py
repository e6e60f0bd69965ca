"""Of the trials of one optimizer, take the model with the lowest valid loss. No test review comes near it."""

import json
import math
import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pandas as pd

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.params import load_params


def main() -> None:
    arguments = parse_arguments()
    others = [arguments.others / trial for trial in load_params().study.tuning.trials]
    trials = []
    for folder in (arguments.own, *others):
        model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        valid_loss = pd.read_csv(folder / "curves.csv").set_index("epoch")["valid_loss"][model["best_epoch"]]
        found = None if math.isnan(valid_loss) else float(valid_loss)  # no number: it diverged
        trials.append({"lr": model["hyperparameters"]["lr"], "valid_loss": found, "folder": folder})
    best = min(trials, key=lambda trial: math.inf if trial["valid_loss"] is None else trial["valid_loss"])
    arguments.out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(best["folder"], arguments.out, dirs_exist_ok=True)
    described = [trial | {"folder": trial["folder"].as_posix(), "kept": trial is best} for trial in trials]
    (arguments.out / "trials.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    print(f"of {len(trials)} learning rates {best['lr']}, with a valid loss of {best['valid_loss']}")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--own", required=True, type=Path, help="folder of the model at the study's own rate")
    parser.add_argument("--others", required=True, type=Path, help="folder with those of the trials, by their names")
    parser.add_argument("--out", required=True, type=Path, help="folder to write: a copy of the best, and trials.json")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
