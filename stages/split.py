"""Split the reviews into train, valid and test."""

import csv
import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pandas as pd

from sentiment_rnn.corpus.reviews import require_enough
from sentiment_rnn.corpus.split import also_in_train, official_split, random_split, read_division
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import load_params


def main() -> None:
    arguments = parse_arguments()
    params = load_params()
    reviews = pd.read_csv(arguments.reviews, dtype=str, keep_default_na=False)
    n_distinct = reviews["review"].nunique()
    if arguments.kind == "official":
        reviews["is_test"] = read_division(arguments.corpus, len(reviews))
    if params.drop_duplicates:
        reviews = reviews.drop_duplicates("review", ignore_index=True)
        require_enough(reviews, f"{arguments.reviews}, without the repeated texts")
    if arguments.kind == "official":
        is_test = reviews.pop("is_test").to_numpy()
        parts = official_split(reviews, is_test, arguments.seed)
    else:
        parts = random_split(reviews, arguments.seed)
    in_train = also_in_train(parts)

    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        part.to_csv(arguments.out / f"{name}.csv", index=False, quoting=csv.QUOTE_ALL)
    in_train.to_csv(arguments.out / "test_also_in_train.csv", index=False, header=["also_in_train"])
    summary = {
        "reviews": len(reviews),
        "distinct_reviews": n_distinct,
        **{name: len(part) for name, part in parts.items()},
        "test_also_in_train": int(in_train.sum()),
    }
    (arguments.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(", ".join(f"{name.replace('_', ' ')}: {count:,}" for name, count in summary.items()))


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", required=True, type=Path, help="CSV with the columns review and sentiment")
    parser.add_argument("--corpus", required=True, type=Path, help="where they come from; its own division is there")
    parser.add_argument("--kind", required=True, choices=("random", "official"))
    parser.add_argument("--seed", required=True, type=int, help="of the shuffling")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
