"""Split the reviews at random into train, validation and test: `python -m stages.split`."""

from pathlib import Path

from sentiment_rnn.corpus.split import random_split, read_fetched, write_split
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import load_params


def main() -> None:
    params = load_params()
    reviews, n_distinct = read_fetched(drop_duplicates=params.drop_duplicates)
    write_split(random_split(reviews, params.split_seed), n_distinct, Path("data/split"), Path("results/split"))


if __name__ == "__main__":
    exit_on_error(main)
