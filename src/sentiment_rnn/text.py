"""From a review's text to token ids: tokeniser, vocabulary, encoding."""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from sentiment_rnn.dataset import EncodedReviews

PAD, UNK = "<pad>", "<unk>"
PAD_ID, UNK_ID = 0, 1

_MARKUP = re.compile(r"<.*?>")
_WORD = re.compile("[a-zA-Z]+")


def english_stop_words() -> frozenset[str]:
    """The 179 English stop words of NLTK 3 (Bird, Klein and Loper), which the source study drops."""
    return frozenset(Path(__file__).with_name("stopwords.txt").read_text(encoding="utf-8").split())


def tokenize(text: str, stop_words: frozenset[str]) -> list[str]:
    """Lower-cased runs of ASCII letters, without markup and stop words.

    The source removes markup without a trace, which joins the words on both sides of a line break; here a blank
    takes its place.
    """
    words = " ".join(_WORD.findall(_MARKUP.sub(" ", text))).lower().split()
    return [word for word in words if word not in stop_words]


def build_vocabulary(reviews: Iterable[list[str]], min_freq: int) -> list[str]:
    """The words by id: <pad>, <unk>, then those seen at least `min_freq` times, the most frequent first."""
    counts = Counter(chain.from_iterable(reviews))
    words = [word for word, count in counts.items() if count >= min_freq]
    return [PAD, UNK, *sorted(words, key=lambda word: (-counts[word], word))]


def encode(reviews: list[list[str]], labels: list[int], vocabulary: list[str], max_length: int) -> EncodedReviews:
    """The first `max_length` tokens of each review as ids; words outside the vocabulary become <unk>.

    A review without any token left becomes a single <unk>, since a recurrent network has no answer to nothing.
    """
    ids = {word: index for index, word in enumerate(vocabulary)}
    kept = [[ids.get(word, UNK_ID) for word in review[:max_length]] or [UNK_ID] for review in reviews]
    return EncodedReviews(
        tokens=np.fromiter(chain.from_iterable(kept), dtype=np.int32),
        lengths=np.array([len(review) for review in kept], dtype=np.int32),
        labels=np.array(labels, dtype=np.int64),
    )


def write_vocabulary(vocabulary: list[str], path: Path) -> None:
    """One word a line; the line's number, from zero, is the word's id."""
    path.write_text("".join(f"{word}\n" for word in vocabulary), encoding="utf-8")


def read_vocabulary(path: Path) -> list[str]:
    """The words by id, as write_vocabulary left them."""
    return path.read_text(encoding="utf-8").splitlines()
