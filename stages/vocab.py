"""Build the vocabulary from the training reviews, and encode all reviews with it: `python -m stages.vocab`."""

from pathlib import Path

from sentiment_rnn.encoding.splits import encode_splits
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import load_params


def main() -> None:
    params = load_params()
    settings = (params.stop_words, params.min_freq, params.max_length)
    encode_splits(Path("data/split"), *settings, Path("data/encoded"), Path("results/vocab"))


if __name__ == "__main__":
    exit_on_error(main)
