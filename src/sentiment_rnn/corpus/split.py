"""Dividing the reviews into train, valid and test."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from sentiment_rnn.corpus.reviews import require_enough

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}

Parts = dict[str, pd.DataFrame]  # train, valid and test


def random_split(reviews: pd.DataFrame, seed: int) -> Parts:
    """7:1:2, each part with the labels' shares of the whole, rows in the order of `reviews`."""
    n_test = round(len(reviews) * SHARES["test"])
    n_valid = round(len(reviews) * SHARES["valid"])
    rest, test = train_test_split(reviews, test_size=n_test, stratify=reviews["sentiment"], random_state=seed)
    train, valid = train_test_split(rest, test_size=n_valid, stratify=rest["sentiment"], random_state=seed)
    return {"train": train.sort_index(), "valid": valid.sort_index(), "test": test.sort_index()}


def also_in_train(parts: Parts) -> "pd.Series[bool]":
    """For each test review whether it stands, to the letter, in train as well."""
    return parts["test"]["review"].isin(parts["train"]["review"])


def write_split(
    reviews: pd.DataFrame, divide: Callable[[pd.DataFrame], Parts], *, drop_duplicates: bool, folder: Path
) -> None:
    """Divide the reviews, write the parts and what there is to say of them, and print that.

    Args:
        reviews: columns review and sentiment; others are for `divide`.
        divide: gives the parts.
        drop_duplicates: drop repeated texts first.
        folder: to write train.csv, valid.csv, test.csv, test_also_in_train.csv and summary.json.

    Raises:
        CorpusError: too few reviews are left.
    """
    n_distinct = reviews["review"].nunique()
    if drop_duplicates:
        reviews = reviews.drop_duplicates("review", ignore_index=True)
        require_enough(reviews, "the reviews without the repeated texts")
    parts = divide(reviews)
    in_train = also_in_train(parts)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        part[["review", "sentiment"]].to_csv(folder / f"{name}.csv", index=False, quoting=csv.QUOTE_ALL)
    in_train.to_csv(folder / "test_also_in_train.csv", index=False, header=["also_in_train"])
    summary = {
        "reviews": len(reviews),
        "distinct_reviews": n_distinct,
        **{name: len(part) for name, part in parts.items()},
        "test_also_in_train": int(in_train.sum()),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(", ".join(f"{name.replace('_', ' ')}: {count:,}" for name, count in summary.items()))
