"""Readings of words, vocabulary, encoding."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest
from conftest import PROJECT

from sentiment_rnn.encoding.arrays import EncodedReviews, texts_hash
from sentiment_rnn.encoding.splits import encode_splits
from sentiment_rnn.encoding.tokens import (
    MARKUP,
    Tokenizer,
    counted_words,
    english_stop_words,
    plain_tokens,
    plain_words,
)
from sentiment_rnn.encoding.vocabulary import (
    VocabularyError,
    build_vocabulary,
    encode,
    has_known_word,
    read_vocabulary,
    write_vocabulary,
)

STOP = english_stop_words()


@pytest.mark.parametrize(
    ("text", "dropped", "source"),
    [
        # the vocabulary has "the" and "was"; "source" keeps these stop words, and deletes markup without a blank
        ("It was great.<br /><br />The END", "great end", "was great the end"),
        ("line<br/>break", "line break", "linebreak"),
        ("Don't you LIKE it?", "like", "like"),
        ("well-made 2nd film, na\u00efve", "well made nd film na ve", "well made nd film na ve"),
        ("The the THE", "", "the the the"),
        ("good < bad and worse > best", "good best", "good best"),  # everything between < and > is markup
        ("\u0130stanbul, \ud800 caf\u00e9\u2019s CAF\u00c9", "stanbul caf caf", "stanbul caf caf"),
        ("K \u212aelvin", "k elvin", "k elvin"),  # the sign of the unit is not the letter
        ("a <b\nc> d", "b c", "b c"),  # nothing closes it on its line
        ("", "", ""),
    ],
)
def test_readings(text: str, dropped: str, source: str):
    for reading, expected in (("drop", dropped), ("source", source)):
        expected_words = [word for word in expected.split() if word != "ve"]
        tokenizer = Tokenizer(reading, {"the", "was", "film"})
        assert tokenizer(text) == expected_words, reading
        tokens = tokenizer.with_spans(text)
        assert [token.word for token in tokens] == expected_words
        for token in tokens:
            assert MARKUP.sub("", text[token.start : token.end]).lower() == token.word


def test_stop_words_are_kept_on_request():
    assert Tokenizer("keep", ())("This IS it<br>now") == ["this", "is", "it", "now"]


def test_words_of_the_vocabulary():
    """The source looks for stop words before it changes capital letters, so that The and I count."""
    text = "The film<br />That I saw WAS the best"
    assert counted_words(text, "source") == ["the", "filmthat", "i", "saw", "was", "best"]
    assert counted_words(text, "drop") == ["film", "saw", "best"]
    assert counted_words(text, "keep") == ["the", "film", "that", "i", "saw", "was", "the", "best"]


def as_the_source_prints_it(texts: list[str], min_freq: int) -> list[list[str]]:
    """Its functions build_vocab and tokenize, with words in place of indices and None for <unk>."""
    corpus: dict[str, int] = defaultdict(int)
    for text in texts:
        for word in re.findall("[a-zA-Z]+", re.sub(r"<.*?>", "", text)):
            if word not in STOP:
                corpus[word.lower()] += 1
    vocabulary = {word for word, freq in corpus.items() if freq >= min_freq}
    tokens = []
    for text in texts:
        tokens.append([])
        for word in re.findall("[a-zA-Z]+", re.sub(r"<.*?>", "", text)):
            if word.lower() in vocabulary:
                tokens[-1].append(word.lower())
            elif word.lower() in STOP:
                continue
            else:
                tokens[-1].append("<unk>")
    return tokens


def test_source_reading_is_that_of_its_printed_code():
    texts = pd.read_csv(PROJECT / "data/sample/reviews.csv")["review"].tolist()[:500]
    texts += ["The <i>film</i><br />THE end < of > it all", "", "<<a>> b <c", "I'm not what I was. The. THE"]
    vocabulary = build_vocabulary(texts, "source", 5)
    reviews, n_tokens = encode(texts, [0] * len(texts), Tokenizer("source", set(vocabulary)), vocabulary, 1000)
    expected = as_the_source_prints_it(texts, 5)
    assert n_tokens == [len(tokens) for tokens in expected]
    words = iter([vocabulary[index] for index in reviews.tokens])
    for tokens, length in zip(expected, reviews.lengths, strict=True):
        assert [next(words) for _ in range(length)] == (tokens or ["<unk>"])


def test_markup_is_matched_in_one_pass():
    """What the source's pattern <.*?> matches is matched."""
    for text in ("a < b <i>c</i> d > e", "<\n>", "<<a>>", "x<", "a <b\nc> <d>"):
        found = MARKUP.sub(lambda match: "" if match[1] else match[0], text)
        assert found == re.sub("<.*?>", "", text)
    assert Tokenizer("source", ())("<" * 1_000_000) == []  # that pattern would try to the end from each of them


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I <3 this film. Best > all.", "i 3 this film best all"),
        ("Great.<br /><br />The end<!-- not this -->", "great the end"),
        ("&quot;Good&quot; &amp; caf&eacute; R&#38;B", "good caf\u00e9 r b"),
        ("a < b, 2 << 3, x > y; &nothing; AT&T", "a b 2 3 x y nothing at t"),
        (
            "\u0425\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c",
            "\u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c",
        ),
        ("<script>x</script>", "x"),
        ("\U0001f600", ""),
    ],
)
def test_plain_reading(text: str, words: str):
    assert plain_words(text) == words.split()
    tokens = plain_tokens(text)
    assert [token.word for token in tokens] == words.split()
    if "&" not in text:
        assert [text[token.start : token.end].lower() for token in tokens] == words.split()


def test_entity_is_a_character_of_its_word():
    (token,) = plain_tokens("caf&eacute;")
    assert token == ("caf\u00e9", 0, 11)


@pytest.mark.parametrize("character", ["<", "&", "<!--", "<a", "&a", "a<"])
def test_no_text_takes_quadratic_time(character: str):
    text = character * (1_000_000 // len(character))
    plain_words(text)
    Tokenizer("source", ())(text)


def test_stop_words_are_the_179_of_nltk():
    assert len(STOP) == 179
    assert {"i", "not", "wouldn't", "ourselves", "ma"} <= STOP
    assert not {"never", "however", "good"} & STOP


def test_vocabulary_counts_every_occurrence_and_sorts_by_it():
    texts = ["bb xa bb", "bb cc xa dd"]
    assert build_vocabulary(texts, "drop", 2) == ["<pad>", "<unk>", "bb", "xa"]
    assert build_vocabulary(texts, "drop", 1) == ["<pad>", "<unk>", "bb", "xa", "cc", "dd"]


@pytest.mark.parametrize(
    ("texts", "min_freq", "message"),
    [
        (["short film", "short story"], 5, "min_freq: no word of the training reviews is seen 5 times: the most"),
        (
            ["\u0445\u043e\u0440\u043e\u0448\u0438\u0439"] * 300,
            1,
            "there is none; words are runs of the letters a to z",
        ),
        (["the", "of"], 1_000_000, "seen 1,000,000 times: there is none"),
    ],
)
def test_no_word_is_refused(texts: list[str], min_freq: int, message: str):
    with pytest.raises(VocabularyError, match=message):
        build_vocabulary(texts, "drop", min_freq)


def test_encode_truncates_and_marks_unknown_and_empty_texts():
    vocabulary = ["<pad>", "<unk>", "aa", "bb"]
    encoded, n_tokens = encode(["aa x bb", "", "bb"], [1, 0, 1], Tokenizer("keep", ()), vocabulary, max_length=2)
    assert encoded.tokens.tolist() == [2, 1, 1, 3]
    assert encoded.lengths.tolist() == [2, 1, 1]
    assert encoded.labels.tolist() == [1, 0, 1]
    assert n_tokens == [3, 0, 1]
    assert has_known_word(encoded).tolist() == [True, False, True]


def test_files_give_back_what_was_written(tmp_path: Path):
    vocabulary = ["<pad>", "<unk>", "film"]
    write_vocabulary(vocabulary, tmp_path / "vocabulary.txt")
    assert read_vocabulary(tmp_path / "vocabulary.txt") == vocabulary
    encoded, _ = encode(["film", "x film"], [1, 0], Tokenizer("keep", ()), vocabulary, max_length=9)
    metadata = {"texts_hash": texts_hash(["film", "x film"]), "stop_words": "keep", "max_length": "9"}
    EncodedReviews(encoded.tokens, encoded.lengths, encoded.labels, metadata).save(tmp_path / "train.safetensors")
    read = EncodedReviews.load(tmp_path / "train.safetensors")
    for name in ("tokens", "lengths", "labels"):
        assert getattr(read, name).tolist() == getattr(encoded, name).tolist()
        assert getattr(read, name).dtype == getattr(encoded, name).dtype
    assert read.metadata == metadata


def test_same_reviews_give_the_same_bytes(tmp_path: Path):
    """In processes of their own: what is hashed at random there would show."""
    code = "from pathlib import Path; import numpy; from sentiment_rnn.encoding.arrays import EncodedReviews\n"
    code += "a = numpy.ones(3, 'i4'); EncodedReviews(a, a, a, dict.fromkeys('abcdef', '1')).save(Path('out'))\n"
    contents = set()
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
        contents.add((tmp_path / "out").read_bytes())
    assert len(contents) == 1


def test_reviews_that_cannot_be_read_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Most of them have no word that the vocabulary knows."""
    russian = ["\u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c"] * 6
    table = pd.DataFrame({"review": ["fine film", "fine", *russian], "sentiment": ["positive", "negative"] * 4})
    for part in ("train", "valid", "test"):
        table.to_csv(tmp_path / f"{part}.csv", index=False)
    encode_splits(tmp_path, "source", 1, 1, tmp_path / "encoded", tmp_path / "summary")
    assert (tmp_path / "summary/test_tokens.csv").read_text() == "n_tokens\n2\n1" + "\n0" * 6 + "\n"  # before the cut
    output = capsys.readouterr().out
    assert "without known word: 0.75" in output
    assert "warning: most training reviews have no known word" in output


def test_hash_of_texts_tells_reviews_apart():
    assert len({texts_hash(texts) for texts in (["a", "b"], ["b", "a"], ["ab"], ["a"], [])}) == 5
