"""The three parts of a split, encoded with the vocabulary of their training reviews."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from sentiment_rnn.encoding.arrays import EncodedReviews, texts_hash
from sentiment_rnn.encoding.tokens import Tokenizer
from sentiment_rnn.encoding.vocabulary import build_vocabulary, encode, has_known_word, write_vocabulary
from sentiment_rnn.files import write_json, writing

LABELS = ("negative", "positive")  # by id
SPLITS = ("train", "valid", "test")


def encode_splits(splits: Path, stop_words: str, min_freq: int, max_length: int, folder: Path, summaries: Path) -> None:
    """Build the vocabulary from the training reviews alone, encode all three parts with it, and print a summary.

    `folder` gets vocabulary.txt and a safetensors file for each part; `summaries`, for git, gets summary.json, and
    test_tokens.csv with the number of tokens of each test review.

    Raises:
        VocabularyError: no word is frequent enough.
    """
    tables = {
        split: pd.read_csv(splits / f"{split}.csv", dtype=str, keep_default_na=False).astype(object) for split in SPLITS
    }
    vocabulary = build_vocabulary(_progress(tables["train"]["review"], "counting train"), stop_words, min_freq)
    tokenizer = Tokenizer(stop_words, frozenset(vocabulary))
    folder.mkdir(parents=True, exist_ok=True)
    write_vocabulary(vocabulary, folder / "vocabulary.txt")
    summary: dict[str, float] = {"vocab_size": len(vocabulary)}
    for split, table in tables.items():
        labels = map(LABELS.index, table["sentiment"])
        texts = _progress(table["review"], f"encoding {split}")
        reviews, n_tokens = encode(texts, labels, tokenizer, vocabulary, max_length)
        metadata = {"stop_words": stop_words, "max_length": str(max_length), "texts_hash": texts_hash(table["review"])}
        EncodedReviews(reviews.tokens, reviews.lengths, reviews.labels, metadata).save(folder / f"{split}.safetensors")
        if split == "train":
            unread = 1 - float(has_known_word(reviews).mean())
            summary |= {
                "mean_tokens": round(sum(n_tokens) / len(n_tokens), 1),
                "truncated": round(sum(n > max_length for n in n_tokens) / len(n_tokens), 4),
                "without_known_word": round(unread, 4),
            }
    write_json(summaries / "summary.json", summary)
    with writing(summaries / "test_tokens.csv"):
        pd.DataFrame({"n_tokens": n_tokens}).to_csv(summaries / "test_tokens.csv", index=False, lineterminator="\n")
    print(", ".join(f"{name.replace('_', ' ')}: {value:,}" for name, value in summary.items()))
    if unread > 0.5:
        print("warning: most training reviews have no known word: words are runs of the letters a to z")


def _progress(texts: "pd.Series[str]", desc: str) -> Iterable[str]:
    """The texts, with a progress bar on a terminal."""
    return tqdm(texts, desc=desc, unit="review", disable=None)
