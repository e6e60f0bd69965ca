"""From a text to tokens: the study's readings of words, and one for models that are for use."""

import html
import re
import string
from collections.abc import Callable, Collection
from html.entities import html5
from pathlib import Path
from typing import NamedTuple

MARKUP = re.compile(r"<[^>\n]*(>?)")  # to the line's end where nothing closes it, so that no stretch is read twice
LETTERS = re.compile("[a-zA-Z]+")
HTML = re.compile(r"</?[a-zA-Z][^<>\n]*>|<!--[^<>\n]*-->|&(?:[a-zA-Z]\w{1,30}|#\d{1,7}|#[xX][\da-fA-F]{1,6});")
WORDS = re.compile(r"\w+")
# blanks all bytes but letters: three times as fast as a regular expression
_BLANKS = bytes(byte if chr(byte) in string.ascii_letters else ord(" ") for byte in range(256))


class Token(NamedTuple):
    """A word as a model reads it, in lower case, and where it is in the text: text[start:end]."""

    word: str
    start: int
    end: int


class Tokenizer:
    """Reads a text as lower-cased runs of ASCII letters.

    Args:
        stop_words: how stop words and markup are read. "source" does as the source's printed code: it deletes markup,
            so that the words before and after a line break become one, and drops a stop word only if it is not in the
            vocabulary. "drop" drops all stop words and "keep" none; both put a blank in the place of markup.
        vocabulary: the words that the model knows; only "source" asks for them.
    """

    def __init__(self, stop_words: str, vocabulary: Collection[str]) -> None:
        self._markup = "" if stop_words == "source" else " "
        self._dropped: frozenset[str] = frozenset()
        if stop_words != "keep":
            self._dropped = english_stop_words().difference(vocabulary if stop_words == "source" else ())

    def __call__(self, text: str) -> list[str]:
        """The tokens of a text."""
        return [word for word in letter_runs(text, self._markup).lower().split() if word not in self._dropped]

    def with_spans(self, text: str) -> list[Token]:
        """The tokens of a text, and where each is in it."""
        plain, positions = substitute(MARKUP, lambda match: self._markup if match[1] else match[0], text)
        tokens = find_tokens(LETTERS, plain, positions)
        return [token for token in tokens if token.word not in self._dropped]


def counted_words(text: str, stop_words: str) -> list[str]:
    """The words that a vocabulary is made of. The source looks for stop words before it changes capital letters."""
    if stop_words != "source":
        return Tokenizer(stop_words, ())(text)
    dropped = english_stop_words()
    return [word.lower() for word in letter_runs(text, "").split() if word not in dropped]


def plain_words(text: str) -> list[str]:
    """The tokens for models that are for use: lower-cased runs of letters, digits and underscores, in any script.

    Only what looks like HTML is markup, and its entities are read: `I <3 it`, `a < b` and `&quot;` are text.
    """
    return [word.lower() for word in WORDS.findall(HTML.sub(html_text, text))]


def plain_tokens(text: str) -> list[Token]:
    """The tokens of plain_words(), and where each is in the text."""
    return find_tokens(WORDS, *substitute(HTML, html_text, text))


def html_text(match: re.Match[str]) -> str:
    """The text of an entity, and a blank for other HTML."""
    if match[0][0] == "<":
        return " "
    is_known = match[0][1] == "#" or match[0][1:] in html5  # else a part of the name may be: &not in &nothing;
    return html.unescape(match[0]) if is_known else match[0]


def english_stop_words() -> frozenset[str]:
    """The 179 English stop words of NLTK 3 (Bird, Klein and Loper)."""
    return _STOP_WORDS


def letter_runs(text: str, markup: str) -> str:
    """The runs of ASCII letters between blanks, with `markup` in the place of <...>."""
    plain = MARKUP.sub(lambda match: markup if match[1] else match[0], text)
    return plain.encode("ascii", errors="replace").translate(_BLANKS).decode("ascii")


def substitute(
    pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str], text: str
) -> tuple[str, list[tuple[int, int]]]:
    """Replace what the pattern finds, and keep where each character of the result comes from.

    Returns:
        The new text, and for each of its characters the start and the end of its place in `text`.
    """
    pieces: list[str] = []
    positions: list[tuple[int, int]] = []
    end = 0
    for match in [*pattern.finditer(text), None]:
        start = len(text) if match is None else match.start()
        pieces.append(text[end:start])
        positions += [(place, place + 1) for place in range(end, start)]
        if match is not None:
            pieces.append(replacement(match))
            is_same = pieces[-1] == match[0]
            span = range(*match.span())
            positions += [(place, place + 1) for place in span] if is_same else [match.span()] * len(pieces[-1])
            end = match.end()
    return "".join(pieces), positions


def find_tokens(pattern: re.Pattern[str], plain: str, positions: list[tuple[int, int]]) -> list[Token]:
    """The matches of the pattern in lower case, given where the characters of `plain` come from."""
    return [
        Token(match[0].lower(), positions[match.start()][0], positions[match.end() - 1][1])
        for match in pattern.finditer(plain)
    ]


_STOP_WORDS = frozenset(Path(__file__).with_name("stopwords.txt").read_text(encoding="utf-8").split())
