"""Build the vocabulary from the training reviews alone, and encode all three splits with it, once."""

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pandas as pd
from tqdm import tqdm

from sentiment_rnn.encoding.dataset import hash_of
from sentiment_rnn.encoding.text import (
    build_vocabulary,
    dropped_words,
    encode,
    tokenize,
    tokenize_literally,
    write_vocabulary,
)
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import StopWords, load_params

LABELS = ("negative", "positive")  # by id


def main() -> None:
    arguments = parse_arguments()
    params = load_params()
    count = tokenize_literally if arguments.stop_words == "literal" else tokenize
    tables = {
        split: pd.read_csv(arguments.splits / f"{split}.csv", dtype=str, keep_default_na=False)
        for split in ("train", "valid", "test")
    }
    dropped = dropped_words(arguments.stop_words, vocabulary=())
    # words are made where they are needed, twice for train: all at once take seven times the room of the texts
    counts = Counter[str]()
    for text in progress(tables["train"]["review"], "counting train"):
        counts.update(count(text, dropped))
    vocabulary = build_vocabulary(counts, params.min_freq)
    dropped = dropped_words(arguments.stop_words, vocabulary)

    arguments.out.mkdir(parents=True, exist_ok=True)
    write_vocabulary(vocabulary, arguments.out / "vocabulary.txt")
    n_tokens: dict[str, list[int]] = {split: [] for split in tables}
    for split, table in tables.items():
        reviews = tokenized(progress(table["review"], f"encoding {split}"), dropped, n_tokens[split])
        labels = map(LABELS.index, table["sentiment"])
        encoded = encode(reviews, labels, vocabulary, arguments.max_length)
        encoded.save(arguments.out / f"{split}.safetensors", hash_of(table["review"]))
    n_train = n_tokens["train"]
    summary = {
        "vocab_size": len(vocabulary),
        "mean_tokens": round(sum(n_train) / len(n_train), 1),
        "truncated": round(sum(n > arguments.max_length for n in n_train) / len(n_train), 4),
    }
    (arguments.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(f"{len(vocabulary):,} words; {summary['mean_tokens']} tokens a review, {summary['truncated']:.1%} truncated")


def tokenized(texts: Iterable[str], stop_words: frozenset[str], n_tokens: list[int]) -> Iterator[list[str]]:
    """The words of each text; how many they are is added to `n_tokens`."""
    for text in texts:
        words = tokenize(text, stop_words)
        n_tokens.append(len(words))
        yield words


def progress(texts: "pd.Series[str]", desc: str) -> Iterable[str]:
    """The texts, with a progress bar on a terminal."""
    return tqdm(texts, desc=desc, unit="review", disable=None)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--splits", required=True, type=Path, help="folder with train.csv, valid.csv and test.csv")
    parser.add_argument(
        "--stop-words",
        required=True,
        choices=get_args(StopWords),
        help="drop, keep, or literal: what the source's code does",
    )
    parser.add_argument("--max-length", required=True, type=int, help="tokens of a review that are read")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
