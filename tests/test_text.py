"""Tokeniser, vocabulary, encoding."""

import re
from collections import Counter
from pathlib import Path

import pytest

from sentiment_rnn.encoding.dataset import EncodedReviews, hash_of, read_texts_hash
from sentiment_rnn.encoding.text import (
    blank_markup,
    build_vocabulary,
    dropped_words,
    encode,
    english_stop_words,
    find_words,
    read_vocabulary,
    tokenize,
    tokenize_literally,
    write_vocabulary,
)

STOP = english_stop_words()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It was great.<br /><br />The END", ["great", "end"]),
        ("line<br/>break", ["line", "break"]),  # the source joins them
        ("Don't you LIKE it?", ["like"]),
        ("well-made 2nd film, naïve", ["well", "made", "nd", "film", "na"]),
        ("The the THE", []),
        ("good < bad and worse > best", ["good", "best"]),  # all that stands between < and > reads as markup
        (
            "\u0130stanbul, \ud800 caf\u00e9\u2019s CAF\u00c9",
            ["stanbul", "caf", "caf"],
        ),  # ASCII letters alone make a word
        ("", []),
    ],
)
def test_tokenize(text: str, tokens: list[str]):
    assert tokenize(text, STOP) == tokens
    found = find_words(text, STOP)
    assert [word.word for word in found] == tokens
    assert [text[word.start : word.end].lower() for word in found] == tokens


def test_markup_is_found_in_one_pass():
    """What the source's pattern <.*?> finds is found."""
    for text in ("a < b <i>c</i> d > e", "<\n>", "<<a>>", "x<", "a <b\nc> <d>"):
        assert blank_markup(text).split() == re.sub("<.*?>", " ", text).split()
        assert len(blank_markup(text)) == len(text)
    assert blank_markup("<" * 1_000_000) == "<" * 1_000_000  # that pattern would try to the end from each of them


def test_dropped_words():
    assert dropped_words("keep", ["the"]) == frozenset()
    assert dropped_words("drop", ["the"]) == STOP
    assert dropped_words("literal", ["the", "film"]) == STOP - {"the"}


def test_stop_words_are_kept_on_request():
    assert tokenize("This IS it", frozenset()) == ["this", "is", "it"]


def test_literal_reading_keeps_stop_words_with_a_capital():
    assert tokenize_literally("The film<br />That I saw WAS the best", STOP) == [
        "the",
        "film",
        "that",
        "i",
        "saw",
        "was",
        "best",
    ]


def test_stop_words_are_the_179_of_nltk():
    assert len(STOP) == 179
    assert {"i", "not", "wouldn't", "ourselves", "ma"} <= STOP
    assert not {"never", "however", "good"} & STOP


def test_vocabulary_counts_every_occurrence_and_sorts_by_it():
    counts = Counter("b a b b c a d".split())
    assert build_vocabulary(counts, min_freq=2) == ["<pad>", "<unk>", "b", "a"]
    assert build_vocabulary(counts, min_freq=1) == ["<pad>", "<unk>", "b", "a", "c", "d"]


def test_encode_truncates_and_marks_unknown_and_empty_reviews():
    encoded = encode([["a", "x", "b"], [], ["b"]], [1, 0, 1], ["<pad>", "<unk>", "a", "b"], max_length=2)
    assert encoded.tokens.tolist() == [2, 1, 1, 3]
    assert encoded.lengths.tolist() == [2, 1, 1]
    assert encoded.labels.tolist() == [1, 0, 1]


def test_files_give_back_what_was_written(tmp_path: Path):
    vocabulary = ["<pad>", "<unk>", "film"]
    write_vocabulary(vocabulary, tmp_path / "vocabulary.txt")
    assert read_vocabulary(tmp_path / "vocabulary.txt") == vocabulary
    encoded = encode([["film"], ["x", "film"]], [1, 0], vocabulary, max_length=9)
    encoded.save(tmp_path / "train.safetensors", hash_of(["film", "x film"]))
    read = EncodedReviews.load(tmp_path / "train.safetensors")
    for name in ("tokens", "lengths", "labels"):
        assert getattr(read, name).tolist() == getattr(encoded, name).tolist()
        assert getattr(read, name).dtype == getattr(encoded, name).dtype
    assert read_texts_hash(tmp_path / "train.safetensors") == hash_of(["film", "x film"])


def test_hash_of_texts_tells_reviews_apart():
    assert len({hash_of(texts) for texts in (["a", "b"], ["b", "a"], ["ab"], ["a"], [])}) == 5
