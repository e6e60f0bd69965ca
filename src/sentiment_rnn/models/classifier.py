"""What every trained model does: it predicts the label of a text, and explains it word by word."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Label = Literal["positive", "negative"]


@dataclass(frozen=True)
class Prediction:
    """The prediction for one text."""

    label: Label
    probability: float  # of positive
    has_known_word: bool  # among those that are read; if not, the prediction says nothing about the text
    n_truncated: int  # words after those that the model reads

    @classmethod
    def from_scores(cls, log_odds: float, has_known_word: bool, n_truncated: int) -> "Prediction":
        """The prediction with these log-odds of positive."""
        label: Label = "positive" if log_odds > 0 else "negative"
        return cls(label, float(np.exp(-np.logaddexp(0, -log_odds))), has_known_word, n_truncated)

    @property
    def notes(self) -> list[str]:
        """What the model could not read."""
        notes = [f"its last {self.n_truncated:,} words are not read"] if self.n_truncated else []
        return notes if self.has_known_word else [*notes, "none of the words that are read is known"]


class Scores(NamedTuple):
    """What a model makes of some texts: arrays [texts]."""

    log_odds: Floats  # of positive
    has_known_word: NDArray[np.bool_]
    n_truncated: NDArray[np.int64]


@dataclass(frozen=True)
class Contribution:
    """What the word text[start:end] adds to the log-odds of positive."""

    start: int
    end: int
    value: float
    is_known: bool  # in the model's vocabulary, alone or in a pair


@dataclass(frozen=True)
class Explanation:
    """Why a model predicts what it does: its log-odds of positive are the bias plus what each word adds.

    The contributions are in the order of the words. A network adds one of an empty word where it reads none.
    """

    text: str
    contributions: list[Contribution]
    bias: float
    n_truncated: int = 0  # words after those that the model reads

    @property
    def log_odds(self) -> float:
        """Log-odds of positive."""
        return self.bias + sum(contribution.value for contribution in self.contributions)

    def segments(self) -> list[tuple[str, float | None]]:
        """The whole text in pieces: each with what it adds, or None if the model does not read it."""
        pieces: list[tuple[str, float | None]] = []
        end = 0
        for word in self.contributions:
            pieces += [(self.text[end : word.start], None), (self.text[word.start : word.end], word.value)]
            end = word.end
        return [piece for piece in [*pieces, (self.text[end:], None)] if piece[0]]

    @property
    def unknown_words(self) -> list[str]:
        """The words outside the model's vocabulary, each once."""
        words = (self.text[part.start : part.end].lower() for part in self.contributions if not part.is_known)
        return [word for word in dict.fromkeys(words) if word]

    @property
    def prediction(self) -> Prediction:
        """The prediction that follows."""
        has_known_word = any(part.is_known for part in self.contributions)
        return Prediction.from_scores(self.log_odds, has_known_word, self.n_truncated)


class Classifier(ABC):
    """A trained model, with all that it needs to read a text."""

    @abstractmethod
    def scores(self, texts: Sequence[str]) -> Scores:
        """Log-odds of the texts, and how far the model could read them."""

    @abstractmethod
    def explain(self, text: str) -> Explanation:
        """What each word of a text adds to its log-odds."""

    def log_odds(self, texts: Sequence[str]) -> Floats:
        """Log-odds of the positive class, one per text."""
        return self.scores(texts).log_odds

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """The predictions, in the order of the texts.

        Raises:
            TypeError: `texts` is a single text or a table, or one of them is not a str.
        """
        if isinstance(texts, str | bytes | Mapping | Set) or getattr(texts, "ndim", 1) != 1:
            raise TypeError("predict() takes a list of texts: predict([text]), or predict(frame['review'])")
        texts = list(texts)
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"texts[{index}] is {text!r}, which is not a str")
        scores = (array.tolist() for array in self.scores(texts))
        return [Prediction.from_scores(*of_text) for of_text in zip(*scores, strict=True)]
