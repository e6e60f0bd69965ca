"""What every trained model can be asked: for a text its label, and which words made it so."""

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
    """The answer for one text.

    Attributes:
        label: the likelier one.
        probability: of positive.
    """

    label: Label
    probability: float

    @classmethod
    def of(cls, log_odds: float) -> "Prediction":
        """From the log-odds of positive."""
        return cls("positive" if log_odds > 0 else "negative", float(np.exp(-np.logaddexp(0, -log_odds))))


@dataclass(frozen=True)
class Contribution:
    """What one word adds to the log-odds of positive; it stands at text[start:end].

    A word that is not known is outside the model's vocabulary: to it all of them are one, or nothing.
    """

    start: int
    end: int
    value: float
    is_known: bool


@dataclass(frozen=True)
class Explanation:
    """Why a model answers as it does: its log-odds of positive are the bias and what each word adds.

    Attributes:
        text: the text.
        contributions: of the words that the model reads, in their order. A text without any has one, of no word.
        bias: what is there before any word.
        n_unread: words behind those that the model reads.
    """

    text: str
    contributions: list[Contribution]
    bias: float
    n_unread: int = 0

    @property
    def log_odds(self) -> float:
        """Of positive: the sum."""
        return self.bias + sum(contribution.value for contribution in self.contributions)

    def segments(self) -> list[tuple[str, float | None]]:
        """The whole text in pieces: each with what it adds, or None where the model does not read it."""
        pieces: list[tuple[str, float | None]] = []
        end = 0
        for word in self.contributions:
            pieces += [(self.text[end : word.start], None), (self.text[word.start : word.end], word.value)]
            end = word.end
        return [piece for piece in [*pieces, (self.text[end:], None)] if piece[0]]

    @property
    def unknown_words(self) -> list[str]:
        """Those outside the model's vocabulary, each once."""
        words = (self.text[part.start : part.end].lower() for part in self.contributions if not part.is_known)
        return [word for word in dict.fromkeys(words) if word]

    @property
    def prediction(self) -> Prediction:
        """What follows."""
        return Prediction.of(self.log_odds)


class Classifier(ABC):
    """A trained model, with all that it takes to read a text."""

    @abstractmethod
    def log_odds(self, texts: Sequence[str]) -> Floats:
        """Of positive, for each text."""

    @abstractmethod
    def explain(self, text: str) -> Explanation:
        """What each word of a text adds to its log-odds."""

    def n_unread(self, texts: Sequence[str]) -> list[int]:
        """For each text how many words the model does not read, because it reads only the first ones."""
        return [0] * len(texts)

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """The answers, in the order of the texts."""
        if isinstance(texts, str):
            raise TypeError("predict() takes a list of texts: predict([text])")
        return [Prediction.of(float(log_odds)) for log_odds in self.log_odds(list(texts))]
