"""From a review's text to token ids: tokeniser, vocabulary, encoding."""

import re
import string
from array import array
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiment_rnn.encoding.dataset import UNK_ID, EncodedReviews

PAD, UNK = "<pad>", "<unk>"

_MARKUP = re.compile(r"<[^>\n]*(>?)")  # to the line's end where nothing closes it, so that no stretch is read twice
_WORD = re.compile("[a-zA-Z]+")
# lower-cases the letters and blanks the rest: three times as fast as a regular expression
_LETTERS = bytes(ord(chr(byte).lower()) if chr(byte) in string.ascii_letters else ord(" ") for byte in range(256))
_LETTERS_AS_WRITTEN = bytes(byte if chr(byte) in string.ascii_letters else ord(" ") for byte in range(256))


class Word(NamedTuple):
    """A word as a model reads it, and where it stands in the text: text[start:end]."""

    word: str
    start: int
    end: int


def english_stop_words() -> frozenset[str]:
    """The 179 English stop words of NLTK 3 (Bird, Klein and Loper), which the source study drops."""
    return frozenset(Path(__file__).with_name("stopwords.txt").read_text(encoding="utf-8").split())


def tokenize(text: str, stop_words: frozenset[str]) -> list[str]:
    """Lower-cased runs of ASCII letters, without markup and stop words.

    The source removes markup without a trace, which joins the words on both sides of a line break; here a blank
    takes its place.
    """
    return [word for word in _words(text, _LETTERS) if word not in stop_words]


def tokenize_literally(text: str, stop_words: frozenset[str]) -> list[str]:
    """The same, but for stop words with a capital letter, which stay: the source tests before it lower-cases."""
    return [word.lower() for word in _words(text, _LETTERS_AS_WRITTEN) if word not in stop_words]


def dropped_words(reading: str, vocabulary: Collection[str]) -> frozenset[str]:
    """The words that tokenize() is to drop, given how stop words are read: drop, keep, or literal.

    Taken literally, the source looks a word up in the vocabulary before it asks whether it is a stop word.
    """
    if reading == "keep":
        return frozenset()
    return english_stop_words().difference(vocabulary if reading == "literal" else ())


def find_words(text: str, stop_words: frozenset[str]) -> list[Word]:
    """The words of tokenize(), each with its place in the text."""
    return [word for word in locate(_WORD, text) if word.word not in stop_words]


def locate(pattern: re.Pattern[str], text: str) -> list[Word]:
    """What the pattern finds in a text without its markup, lower-cased."""
    return [Word(match[0].lower(), *match.span()) for match in pattern.finditer(blank_markup(text))]


def blank_markup(text: str) -> str:
    """The text with blanks in place of <...>, as many as it has characters, so that nothing moves."""
    return _MARKUP.sub(lambda match: " " * len(match[0]) if match[1] else match[0], text)


def _words(text: str, letters: bytes) -> list[str]:
    return blank_markup(text).encode("ascii", errors="replace").translate(letters).decode("ascii").split()


def build_vocabulary(counts: Counter[str], min_freq: int) -> list[str]:
    """The words by id: <pad>, <unk>, then those seen at least `min_freq` times, the most frequent first."""
    words = [word for word, count in counts.items() if count >= min_freq]
    return [PAD, UNK, *sorted(words, key=lambda word: (-counts[word], word))]


def encode(
    reviews: Iterable[list[str]], labels: Iterable[int], vocabulary: list[str], max_length: int
) -> EncodedReviews:
    """The first `max_length` tokens of each review as ids; words outside the vocabulary become <unk>.

    A review without any token left becomes a single <unk>, since a recurrent network has no answer to nothing.
    """
    ids = {word: index for index, word in enumerate(vocabulary)}
    tokens, lengths = array("i"), array("i")
    for review in reviews:
        known = [ids.get(word, UNK_ID) for word in review[:max_length]] or [UNK_ID]
        tokens.extend(known)
        lengths.append(len(known))
    return EncodedReviews(
        tokens=np.frombuffer(tokens, dtype=np.int32),
        lengths=np.frombuffer(lengths, dtype=np.int32),
        labels=np.fromiter(labels, dtype=np.int64),
    )


def write_vocabulary(vocabulary: list[str], path: Path) -> None:
    """One word a line; the line's number, from zero, is the word's id."""
    path.write_text("".join(f"{word}\n" for word in vocabulary), encoding="utf-8")


def read_vocabulary(path: Path) -> list[str]:
    """The words by id, as write_vocabulary left them."""
    return path.read_text(encoding="utf-8").splitlines()
