"""Dividing the reviews into train, valid and test."""

import pandas as pd
from sklearn.model_selection import train_test_split

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}


def random_split(reviews: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """7:1:2, each part with the labels' shares of the whole, rows in the order of `reviews`."""
    n_test = round(len(reviews) * SHARES["test"])
    n_valid = round(len(reviews) * SHARES["valid"])
    rest, test = train_test_split(reviews, test_size=n_test, stratify=reviews["sentiment"], random_state=seed)
    train, valid = train_test_split(rest, test_size=n_valid, stratify=rest["sentiment"], random_state=seed)
    return {"train": train.sort_index(), "valid": valid.sort_index(), "test": test.sort_index()}


def count_leaked(parts: dict[str, pd.DataFrame]) -> int:
    """How many test reviews stand, to the letter, in train as well."""
    return int(parts["test"]["review"].isin(parts["train"]["review"]).sum())
