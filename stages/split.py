"""Split the reviews at random into train, valid and test."""

from argparse import ArgumentParser
from pathlib import Path

import pandas as pd

from sentiment_rnn.corpus.split import random_split, write_split
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import load_params


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", required=True, type=Path, help="CSV with the columns review and sentiment")
    parser.add_argument("--seed", required=True, type=int, help="of the division")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()
    write_split(
        pd.read_csv(arguments.reviews, dtype=str, keep_default_na=False),
        lambda reviews: random_split(reviews, arguments.seed),
        drop_duplicates=load_params().drop_duplicates,
        folder=arguments.out,
    )


if __name__ == "__main__":
    exit_on_error(main)
