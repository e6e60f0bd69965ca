"""The vocabulary, and reviews encoded with it."""

from array import array
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment_rnn.encoding.arrays import UNK_ID, EncodedReviews
from sentiment_rnn.encoding.tokens import Tokenizer, counted_words
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.files import writing

PAD, UNK = "<pad>", "<unk>"


class VocabularyError(PipelineError):
    """There is no word to learn from; the message says why."""


def build_vocabulary(texts: Iterable[str], stop_words: str, min_freq: int) -> list[str]:
    """The words by id: <pad>, <unk>, then those seen at least `min_freq` times, the most frequent first.

    Raises:
        VocabularyError: there is none.
    """
    counts = Counter[str]()
    for text in texts:
        counts.update(counted_words(text, stop_words))
    words = [word for word, count in counts.items() if count >= min_freq]
    if not words:
        most = f"the most frequent one is seen {max(counts.values())} times" if counts else "there is none"
        raise VocabularyError(
            f"min_freq: no word of the training reviews is seen {min_freq:,} times: {most}; "
            "words are runs of the letters a to z"
        )
    return [PAD, UNK, *sorted(words, key=lambda word: (-counts[word], word))]


def encode(
    texts: Iterable[str], labels: Iterable[int], tokenizer: Tokenizer, vocabulary: list[str], max_length: int
) -> tuple[EncodedReviews, list[int]]:
    """The first `max_length` tokens of each text as ids; words outside the vocabulary become <unk>.

    A text without tokens becomes one <unk>: a recurrent layer needs at least one time step.

    Returns:
        The encoded texts, and how many tokens each has before it is cut.
    """
    ids = {word: index for index, word in enumerate(vocabulary)}
    tokens, lengths, n_tokens = array("i"), array("i"), []
    for text in texts:
        words = tokenizer(text)
        known = [ids.get(word, UNK_ID) for word in words[:max_length]] or [UNK_ID]
        tokens.extend(known)
        lengths.append(len(known))
        n_tokens.append(len(words))
    encoded = EncodedReviews(
        tokens=np.frombuffer(tokens, dtype=np.int32),
        lengths=np.frombuffer(lengths, dtype=np.int32),
        labels=np.fromiter(labels, dtype=np.int64),
    )
    return encoded, n_tokens


def has_known_word(reviews: EncodedReviews) -> NDArray[np.bool_]:
    """Whether a review has a token that is not <unk>, [reviews]."""
    starts = np.cumsum(reviews.lengths) - reviews.lengths
    return np.logical_or.reduceat(reviews.tokens != UNK_ID, starts)


def write_vocabulary(vocabulary: list[str], path: Path) -> None:
    """Write one word a line; the line's number, from zero, is the word's id."""
    with writing(path):
        path.write_text("".join(f"{word}\n" for word in vocabulary), encoding="utf-8", newline="")


def read_vocabulary(path: Path) -> list[str]:
    """The words by id, from a file that write_vocabulary() wrote."""
    return path.read_text(encoding="utf-8").splitlines()
