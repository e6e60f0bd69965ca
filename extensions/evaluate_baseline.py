"""Hold one fitted baseline against the test reviews."""

import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
import pandas as pd

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation.answers import Answers, write_evaluation
from sentiment_rnn.models.bag_of_words import BagOfWords


def main() -> None:
    arguments = parse_arguments()
    reviews = pd.read_csv(arguments.test, dtype=str, keep_default_na=False)
    log_odds = BagOfWords.load(arguments.model / "0").log_odds(reviews["review"].tolist())
    labels = (reviews["sentiment"] == "positive").to_numpy().astype(np.int64)
    metrics = write_evaluation(Answers(labels, log_odds[None]), arguments.out / "0")
    shutil.copyfile(arguments.model / "0/model.json", arguments.out / "0/model.json")
    print(f"{arguments.model}: test loss {metrics['test_loss']:.3f}, accuracy {metrics['test_accuracy']:.4f}")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, type=Path, help="folder of the fitted baseline")
    parser.add_argument("--test", required=True, type=Path, help="CSV of the test reviews")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
