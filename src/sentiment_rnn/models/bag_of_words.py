"""A fitted NB-SVM, without scikit-learn, which takes long to import."""

import platform
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from sentiment_rnn.encoding.tokens import plain_tokens, plain_words
from sentiment_rnn.encoding.vocabulary import write_vocabulary
from sentiment_rnn.files import writing
from sentiment_rnn.model_json import ModelFolderError, read_verified, write_metadata
from sentiment_rnn.models.classifier import Classifier, Contribution, Explanation, Floats, Scores


@dataclass(frozen=True, eq=False)  # arrays have no one equality
class BagOfWords(Classifier):
    """An NB-SVM: the log-odds of positive are a bias and the weights of the distinct features of a text."""

    vocabulary: list[str]  # the words and pairs of words, by feature, in the order of their characters
    weights: Floats  # [features]
    bias: float

    def scores(self, texts: Sequence[str]) -> Scores:
        """Log-odds of the texts, and whether a word or a pair of them is known; no text is too long."""
        features = [set(ngrams(text)) for text in texts]
        log_odds = [self.bias + sum(map(self._weight, of_text)) for of_text in features]
        has_known_word = [any(map(self._is_known, of_text)) for of_text in features]
        return Scores(np.array(log_odds), np.array(has_known_word, dtype=bool), np.zeros(len(texts), dtype=np.int64))

    def explain(self, text: str) -> Explanation:
        """A word has its own weight, and half of that of each pair that it is in, divided among the occurrences."""
        tokens = plain_tokens(text)
        words = [token.word for token in tokens]
        pairs = _pairs(words)
        counts = Counter([*words, *pairs])
        values = [self._weight(word) / counts[word] for word in words]
        is_known = [self._is_known(word) for word in words]
        for index, pair in enumerate(pairs):
            for word in (index, index + 1):
                values[word] += self._weight(pair) / counts[pair] / 2
                is_known[word] |= self._is_known(pair)
        parts = zip(tokens, values, is_known, strict=True)
        contributions = [Contribution(token.start, token.end, value, known) for token, value, known in parts]
        return Explanation(text, contributions, self.bias)

    def save(self, folder: Path, **metadata: Any) -> None:
        """Write weights.safetensors, in single precision, vocabulary.txt and model.json."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"weights": self.weights.astype(np.float32), "bias": np.array([self.bias], dtype=np.float32)}
        with writing(folder / "weights.safetensors"):
            save_file(arrays, folder / "weights.safetensors")
        write_vocabulary(self.vocabulary, folder / "vocabulary.txt")
        n_parameters = len(self.weights) + 1
        write_metadata(folder, baseline="nbsvm", n_parameters=n_parameters, **metadata, trained_on=environment())

    @classmethod
    def load(cls, folder: Path) -> "BagOfWords":
        """Read what save() wrote.

        Raises:
            ModelFolderError: there is no model there, a damaged one, or one of another format.
        """
        baseline = read_verified(folder)["baseline"]
        if baseline != "nbsvm":
            raise ModelFolderError(f"{folder}: a baseline {baseline!r}, which is unknown")
        try:
            arrays = load_file(folder / "weights.safetensors")
            vocabulary = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
            model = cls(vocabulary, arrays["weights"].astype(np.float64), float(arrays["bias"][0]))
        except (OSError, ValueError, KeyError, IndexError, SafetensorError) as error:
            raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
        if len(vocabulary) != len(model.weights):
            raise ModelFolderError(
                f"{folder}: vocabulary.txt has {len(vocabulary):,} words, the model {len(model.weights):,}"
            )
        return model

    @cached_property
    def _index(self) -> Callable[[str], int | None]:
        """The index of a feature. A dictionary of all features takes longer to build than most predictions."""

        @lru_cache(maxsize=1_000_000)
        def index_of(feature: str) -> int | None:
            index = bisect_left(self.vocabulary, feature)
            return index if self.vocabulary[index : index + 1] == [feature] else None

        return index_of

    def _is_known(self, feature: str) -> bool:
        return self._index(feature) is not None

    def _weight(self, feature: str) -> float:
        index = self._index(feature)
        return 0.0 if index is None else float(self.weights[index])


def environment() -> dict[str, str]:
    """Where a bag of words is fitted."""
    return {"device": "CPU", "python": platform.python_version(), "scikit-learn": version("scikit-learn")}


def ngrams(text: str) -> list[str]:
    """The features of a text: its lower-cased words, without markup, and the pairs of neighbours."""
    words = plain_words(text)
    return words + _pairs(words)


def _pairs(words: list[str]) -> list[str]:
    return [f"{first} {second}" for first, second in pairwise(words)]
