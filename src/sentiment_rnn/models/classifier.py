"""What every trained model does: it predicts the label of a text, and explains it word by word."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Label = Literal["positive", "negative"]


@dataclass(frozen=True)
class Prediction:
    """The prediction for one text."""

    label: Label
    probability: float  # of positive

    @classmethod
    def from_log_odds(cls, log_odds: float) -> "Prediction":
        """The prediction with these log-odds of positive."""
        return cls("positive" if log_odds > 0 else "negative", float(np.exp(-np.logaddexp(0, -log_odds))))


@dataclass(frozen=True)
class Contribution:
    """What the word text[start:end] adds to the log-odds of positive."""

    start: int
    end: int
    value: float
    is_known: bool  # in the model's vocabulary


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
        return Prediction.from_log_odds(self.log_odds)


class Classifier(ABC):
    """A trained model, with all that it needs to read a text."""

    @abstractmethod
    def log_odds(self, texts: Sequence[str]) -> Floats:
        """Log-odds of the positive class, one per text."""

    @abstractmethod
    def explain(self, text: str) -> Explanation:
        """What each word of a text adds to its log-odds."""

    def n_truncated(self, texts: Sequence[str]) -> list[int]:
        """For each text the number of words after those that the model reads."""
        return [0] * len(texts)

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """The predictions, in the order of the texts."""
        if isinstance(texts, str):
            raise TypeError("predict() takes a list of texts: predict([text])")
        return [Prediction.from_log_odds(float(log_odds)) for log_odds in self.log_odds(list(texts))]
