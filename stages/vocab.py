"""Build the vocabulary from the training reviews alone, and encode all three splits with it, once."""

import json
from argparse import ArgumentParser, Namespace
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
    words: dict[str, list[list[str]]] = {}
    labels: dict[str, list[int]] = {}
    for split in ("train", "valid", "test"):
        table = pd.read_csv(arguments.splits / f"{split}.csv", dtype=str, keep_default_na=False)
        texts = tqdm(table["review"], desc=f"tokenising {split}", unit="review", disable=None)
        words[split] = [tokenize(text, stop_words) for text in texts]
        labels[split] = [LABELS.index(sentiment) for sentiment in table["sentiment"]]
    vocabulary = build_vocabulary(words["train"], params.min_freq)

    arguments.out.mkdir(parents=True, exist_ok=True)
    write_vocabulary(vocabulary, arguments.out / "vocabulary.txt")
    for split, reviews in words.items():
        encoded = encode(reviews, labels[split], vocabulary, params.max_length)
        encoded.save(arguments.out / f"{split}.safetensors")
    n_train_tokens = [len(review) for review in words["train"]]
    summary = {
        "vocab_size": len(vocabulary),
        "mean_tokens": round(sum(n_train_tokens) / len(n_train_tokens), 1),
        "truncated": round(sum(n > params.max_length for n in n_train_tokens) / len(n_train_tokens), 4),
    }
    (arguments.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(f"{len(vocabulary):,} words; {summary['mean_tokens']} tokens a review, {summary['truncated']:.1%} truncated")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--splits", required=True, type=Path, help="folder with train.csv, valid.csv and test.csv")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
