"""Dividing the reviews into train, valid and test."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from sentiment_rnn.corpus.reviews import read_archive
from sentiment_rnn.errors import PipelineError

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
OFFICIAL_VALID = 0.1  # of the official train reviews


class DivisionError(PipelineError):
    """The corpus has no division of its own, or not of these reviews."""


def random_split(reviews: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """7:1:2, each part with the labels' shares of the whole, rows in the order of `reviews`."""
    n_test = round(len(reviews) * SHARES["test"])
    n_valid = round(len(reviews) * SHARES["valid"])
    rest, test = train_test_split(reviews, test_size=n_test, stratify=reviews["sentiment"], random_state=seed)
    train, valid = train_test_split(rest, test_size=n_valid, stratify=rest["sentiment"], random_state=seed)
    return {"train": train.sort_index(), "valid": valid.sort_index(), "test": test.sort_index()}


def official_split(reviews: pd.DataFrame, is_test: NDArray[np.bool_], seed: int) -> dict[str, pd.DataFrame]:
    """The corpus's own train and test reviews; a tenth of its train reviews, drawn by `seed`, become valid."""
    rest, test = reviews[~is_test], reviews[is_test]
    n_valid = round(len(rest) * OFFICIAL_VALID)
    train, valid = train_test_split(rest, test_size=n_valid, stratify=rest["sentiment"], random_state=seed)
    return {"train": train.sort_index(), "valid": valid.sort_index(), "test": test}


def read_division(corpus: Path, n_reviews: int) -> NDArray[np.bool_]:
    """Which reviews, in the corpus's canonical order, are its own test reviews: a bit each, in official_test.txt.

    Raises:
        DivisionError: the corpus has none, or one of another number of reviews.
    """
    file = corpus / "official_test.txt"
    if not file.exists():
        raise DivisionError(
            f"{corpus.name} has no train and test reviews of its own ({file} is not there): take `official` out of "
            "extensions.splits in extensions/params.yaml"
        )
    try:
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(file.read_text(encoding="ascii")), dtype=np.uint8))
    except ValueError as error:
        raise DivisionError(f"{file}: must hold hexadecimal digits: {error}") from error
    if len(bits) - n_reviews not in range(8):
        raise DivisionError(f"{file}: {len(bits)} bits, for {n_reviews} reviews")
    return bits[:n_reviews].astype(bool)


def write_division(is_test: NDArray[np.bool_], corpus: Path) -> None:
    """Write what read_division reads, in lines of 100 hexadecimal digits."""
    digits = np.packbits(is_test).tobytes().hex()
    lines = [digits[start : start + 100] for start in range(0, len(digits), 100)]
    (corpus / "official_test.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


def also_in_train(parts: dict[str, pd.DataFrame]) -> "pd.Series[bool]":
    """For each test review whether it stands, to the letter, in train as well."""
    return parts["test"]["review"].isin(parts["train"]["review"])


if __name__ == "__main__":  # python -m sentiment_rnn.corpus.split aclImdb_v1.tar.gz wrote data/imdb/official_test.txt
    # the canonical order of the reviews; of two that are the same to the letter, which is which does not matter
    archive = read_archive(Path(sys.argv[1])).sort_values(["sentiment", "review", "part"])
    write_division((archive["part"] == "test").to_numpy(), Path("data/imdb"))
