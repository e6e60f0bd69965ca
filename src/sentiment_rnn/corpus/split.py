"""Splitting the reviews into train, validation and test."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from sentiment_rnn.corpus.reviews import CorpusError, check_class_counts
from sentiment_rnn.files import write_json, writing

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
OFFICIAL_VALID = 0.1  # of the corpus's own train reviews

Parts = dict[str, pd.DataFrame]  # train, valid and test


def random_split(reviews: pd.DataFrame, seed: int) -> Parts:
    """Split 7:1:2; each part has the labels' shares of the whole, and its rows in the order of `reviews`."""
    rest, test = _take(reviews, round(len(reviews) * SHARES["test"]), seed)
    train, valid = _take(rest, round(len(reviews) * SHARES["valid"]), seed)
    return {"train": train, "valid": valid, "test": test}


def official_split(reviews: pd.DataFrame, is_test: NDArray[np.bool_], seed: int) -> Parts:
    """The corpus's own split; a tenth of its train reviews, chosen at random, become the validation reviews."""
    rest = reviews[~is_test]
    train, valid = _take(rest, round(len(rest) * OFFICIAL_VALID), seed)
    return {"train": train, "valid": valid, "test": reviews[is_test]}


def sample_train(parts: Parts, n_train: int, seed: int) -> Parts:
    """The same parts with `n_train` random training reviews; the labels keep their shares.

    Raises:
        CorpusError: there are fewer.
    """
    if n_train > len(parts["train"]):
        raise CorpusError(f"n_train: {n_train:,} of {len(parts['train']):,} training reviews")
    if n_train == len(parts["train"]):
        return parts
    return parts | {"train": _take(parts["train"], n_train, seed)[1]}


def _take(reviews: pd.DataFrame, n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rest, and `n` random reviews with the labels' shares of the whole; both in the order of `reviews`."""
    rest, taken = train_test_split(reviews, test_size=n, stratify=reviews["sentiment"], random_state=seed)
    return rest.sort_index(), taken.sort_index()


def read_official_test(file: Path, n_reviews: int) -> NDArray[np.bool_]:
    """Which reviews, in the corpus's canonical order, are its own test reviews: the file has a bit for each.

    Raises:
        CorpusError: the corpus has another number of reviews than the file.
    """
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(file.read_text(encoding="ascii")), dtype=np.uint8))
    if len(bits) - n_reviews not in range(8):
        raise CorpusError(f"{file}: {len(bits)} bits, for {n_reviews} reviews")
    return bits[:n_reviews].astype(bool)


def read_fetched(*, drop_duplicates: bool) -> tuple[pd.DataFrame, int]:
    """The reviews of the fetch stage, with or without those that repeat an earlier one; and how many are distinct.

    Raises:
        CorpusError: too few are left to be split.
    """
    reviews = pd.read_csv("data/raw/reviews.csv", dtype=str, keep_default_na=False)
    distinct = reviews.drop_duplicates("review", ignore_index=True)
    if drop_duplicates:
        check_class_counts(distinct, "the reviews without the repeated texts")
    return distinct if drop_duplicates else reviews, len(distinct)


def write_split(parts: Parts, n_distinct: int, folder: Path, summaries: Path) -> None:
    """Write train.csv, valid.csv and test.csv into a folder, and print their summary; n_distinct is before the split.

    `summaries`, for git, gets summary.json and test_also_in_train.csv, which says for each test review whether its text
    is also among the training reviews.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        with writing(folder / f"{name}.csv"):
            part[["review", "sentiment"]].to_csv(
                folder / f"{name}.csv", index=False, quoting=csv.QUOTE_ALL, lineterminator="\n"
            )
    also_in_train = parts["test"]["review"].isin(parts["train"]["review"])
    summary = {
        "reviews": sum(map(len, parts.values())),
        "distinct_reviews": n_distinct,
        **{name: len(part) for name, part in parts.items()},
        "test_also_in_train": int(also_in_train.sum()),
    }
    write_json(summaries / "summary.json", summary)
    with writing(summaries / "test_also_in_train.csv"):
        also_in_train.to_csv(
            summaries / "test_also_in_train.csv", index=False, header=["also_in_train"], lineterminator="\n"
        )
    print(", ".join(f"{name.replace('_', ' ')}: {count:,}" for name, count in summary.items()))
