"""Build the vocabulary from the training reviews alone, and encode all three splits with it, once."""

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.params import load_params
from sentiment_rnn.text import build_vocabulary, encode, english_stop_words, tokenize, write_vocabulary

LABELS = ("negative", "positive")  # by id


def main() -> None:
    arguments = parse_arguments()
    params = load_params()
    stop_words = english_stop_words() if params.stop_words == "drop" else frozenset[str]()
    tables = {
        split: pd.read_csv(arguments.splits / f"{split}.csv", dtype=str, keep_default_na=False)
        for split in ("train", "valid", "test")
    }
    # words are made where they are needed, twice for train: all at once take seven times the room of the texts
    counts, n_tokens = Counter[str](), []
    for text in progress(tables["train"]["review"], "counting train"):
        words = tokenize(text, stop_words)
        counts.update(words)
        n_tokens.append(len(words))
    vocabulary = build_vocabulary(counts, params.min_freq)

    arguments.out.mkdir(parents=True, exist_ok=True)
    write_vocabulary(vocabulary, arguments.out / "vocabulary.txt")
    for split, table in tables.items():
        reviews = (tokenize(text, stop_words) for text in progress(table["review"], f"encoding {split}"))
        labels = map(LABELS.index, table["sentiment"])
        encode(reviews, labels, vocabulary, params.max_length).save(arguments.out / f"{split}.safetensors")
    summary = {
        "vocab_size": len(vocabulary),
        "mean_tokens": round(sum(n_tokens) / len(n_tokens), 1),
        "truncated": round(sum(n > params.max_length for n in n_tokens) / len(n_tokens), 4),
    }
    (arguments.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(f"{len(vocabulary):,} words; {summary['mean_tokens']} tokens a review, {summary['truncated']:.1%} truncated")


def progress(texts: "pd.Series[str]", desc: str) -> Iterable[str]:
    """The texts, with a progress bar on a terminal."""
    return tqdm(texts, desc=desc, unit="review", disable=None)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--splits", required=True, type=Path, help="folder with train.csv, valid.csv and test.csv")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
