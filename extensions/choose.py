"""Of the trials of each optimizer, take the models with the lowest valid loss. No test review comes near them."""

import math
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pandas as pd
from catalogue import load_extended_catalogue

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.model_json import read_description, write_description
from sentiment_rnn.study.variants import Variant


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("group", help="of the variants that are chosen: tuned/lstm, ...")
    catalogue = load_extended_catalogue()
    for variant, seed in catalogue.runs(parser.parse_args().group).values():
        trials = [tried(candidate, seed) for candidate in catalogue.candidates[variant.name]]
        best = min(trials, key=lambda trial: math.inf if trial["valid_loss"] is None else trial["valid_loss"])
        out = variant.models / str(seed)
        shutil.copytree(best.pop("folder"), out, dirs_exist_ok=True)
        described = [{key: trial[key] for key in ("lr", "valid_loss")} | {"kept": trial is best} for trial in trials]
        write_description(out, **read_description(out) | {"variant": variant.name, "trials": described})
        print(f"{variant.name}/{seed}: lr {best['lr']} of {len(trials)}, valid loss {best['valid_loss']}")


def tried(candidate: Variant, seed: int) -> dict[str, Any]:
    """A trial: its learning rate, its valid loss (None: it diverged), and the folder of its model."""
    folder: Path = candidate.models / str(seed)
    model = read_description(folder)
    valid_loss = pd.read_csv(folder / "curves.csv").set_index("epoch")["valid_loss"][model["best_epoch"]]
    found = None if math.isnan(valid_loss) else float(valid_loss)
    return {"lr": model["hyperparameters"]["lr"], "valid_loss": found, "folder": folder}


if __name__ == "__main__":
    exit_on_error(main)
