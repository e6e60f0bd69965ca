"""The data sets of the extensions: other splits, fewer training reviews, other stop words."""

from argparse import ArgumentParser
from pathlib import Path

from sentiment_rnn.corpus.split import (
    official_split,
    random_split,
    read_fetched,
    read_official_test,
    sample_train,
    write_split,
)
from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.encoding.splits import encode_splits
from sentiment_rnn.extensions.networks import RESULTS
from sentiment_rnn.extensions.params import load_extensions
from sentiment_rnn.study.params import ParamsError, load_params

OFFICIAL_TEST = Path("data/imdb/official_test.txt")


def data_stage() -> None:
    """Split and encode the reviews for the data set that the command line names.

    Raises:
        ParamsError: repeated reviews are dropped from the official split.
    """
    exit_with_dvc()
    params, entries = load_params(), load_extensions().data
    parser = ArgumentParser(description="Split and encode the reviews for a data set of the extensions.")
    parser.add_argument("data", choices=entries)
    data = entries[name := parser.parse_args().data]
    if params.drop_duplicates and data.split == "official":
        raise ParamsError("params.yaml: drop_duplicates: the official split has all reviews")
    reviews, n_distinct = read_fetched(drop_duplicates=params.drop_duplicates)
    seed = params.split_seed if data.split_seed is None else data.split_seed
    if data.split == "official":
        parts = official_split(reviews, read_official_test(OFFICIAL_TEST, len(reviews)), seed)
    else:
        parts = random_split(reviews, seed)
    if data.n_train is not None:
        parts = sample_train(parts, data.n_train, seed)
    folder, summaries = Path("data/extensions/data") / name, RESULTS / "data" / name
    write_split(parts, n_distinct, folder / "split", summaries / "split")
    settings = (data.stop_words or params.stop_words, params.min_freq, params.max_length)
    encode_splits(folder / "split", *settings, folder / "encoded", summaries / "vocab")
