"""Split the reviews at random into train, validation and test: `python -m stages.split`."""

from pathlib import Path

import pandas as pd

from sentiment_rnn.corpus.split import drop_repeated, random_split, write_split
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import load_params


def main() -> None:
    params = load_params()
    reviews = pd.read_csv("data/raw/reviews.csv", dtype=str, keep_default_na=False)
    n_distinct = reviews["review"].nunique()
    if params.drop_duplicates:
        reviews = drop_repeated(reviews)
    write_split(random_split(reviews, params.split_seed), n_distinct, Path("data/split"), Path("results/split"))


if __name__ == "__main__":
    exit_on_error(main)
