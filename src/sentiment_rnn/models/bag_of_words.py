"""A fitted bag of words, without scikit-learn, which takes long to import."""

import platform
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from sentiment_rnn.encoding.tokens import plain_tokens, plain_words
from sentiment_rnn.files import writing
from sentiment_rnn.model_json import ModelFolderError, read_verified, write_metadata
from sentiment_rnn.models.classifier import Classifier, Contribution, Explanation, Floats

Baseline = Literal["tfidf", "nbsvm"]


@dataclass(frozen=True, eq=False)  # arrays have no one equality
class BagOfWords(Classifier):
    """A fitted baseline: the log-odds of positive are linear in the features.

    Attributes:
        baseline: which one.
        vocabulary: the words and pairs of words, by feature, in the order of their characters.
        idf: float [features], the weight of each in a TF-IDF vector; ones for nbsvm.
        weights: float [features].
        bias: added to the sum.
    """

    baseline: Baseline
    vocabulary: list[str]
    idf: Floats
    weights: Floats
    bias: float

    def log_odds(self, texts: Sequence[str]) -> Floats:
        """Log-odds of the positive class, one per text."""
        return np.array([self.bias + sum(self._parts(features(text, self.baseline)).values()) for text in texts])

    def explain(self, text: str) -> Explanation:
        """A word has its own part, and half of each pair that it is in, divided among its occurrences."""
        tokens = plain_tokens(text)
        words = [token.word for token in tokens]
        pairs = [] if self.baseline == "tfidf" else _pairs(words)
        parts, counts = self._parts([*words, *pairs]), Counter([*words, *pairs])
        values = [parts.get(word, 0.0) / counts[word] for word in words]
        for index, pair in enumerate(pairs):
            share = parts.get(pair, 0.0) / counts[pair] / 2
            values[index] += share
            values[index + 1] += share
        contributions = [
            Contribution(token.start, token.end, value, self._index(token.word) is not None)
            for token, value in zip(tokens, values, strict=True)
        ]
        return Explanation(text, contributions, self.bias)

    def save(self, folder: Path, **metadata: Any) -> None:
        """Write weights.safetensors, in single precision, vocabulary.txt and model.json."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"weights": self.weights, "bias": np.array([self.bias])}
        arrays |= {"idf": self.idf} if self.baseline == "tfidf" else {}
        with writing(folder / "weights.safetensors"):
            save_file(
                {name: array.astype(np.float32) for name, array in arrays.items()}, folder / "weights.safetensors"
            )
        with writing(folder / "vocabulary.txt"):
            words = "".join(f"{word}\n" for word in self.vocabulary)
            (folder / "vocabulary.txt").write_text(words, encoding="utf-8", newline="")
        write_metadata(folder, **self.metadata, **metadata)

    @property
    def metadata(self) -> dict[str, Any]:
        """What model.json says of a model that was fitted here."""
        trained_on = {"device": "CPU", "python": platform.python_version(), "scikit-learn": version("scikit-learn")}
        return {"baseline": self.baseline, "n_parameters": len(self.weights) + 1, "trained_on": trained_on}

    @classmethod
    def load(cls, folder: Path) -> "BagOfWords":
        """Read what save() wrote.

        Raises:
            ModelFolderError: there is no model there, a damaged one, or one of another format.
        """
        metadata = read_verified(folder)
        try:
            arrays = load_file(folder / "weights.safetensors")
            arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
            vocabulary = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
            bias = float(arrays["bias"][0])
            idf = arrays.get("idf", np.ones(len(vocabulary)))
            model = cls(metadata["baseline"], vocabulary, idf, arrays["weights"], bias)
        except (OSError, ValueError, KeyError, IndexError, SafetensorError) as error:
            raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
        if model.baseline not in get_args(Baseline):
            raise ModelFolderError(f"{folder}: a baseline {model.baseline!r}, which is unknown")
        if not len(vocabulary) == len(model.idf) == len(model.weights):
            raise ModelFolderError(
                f"{folder}: vocabulary.txt has {len(vocabulary):,} words, the model {len(model.weights):,}"
            )
        return model

    @cached_property
    def _index(self) -> Callable[[str], int | None]:
        """The index of a feature. A dictionary of two million features takes longer to build than most predictions."""

        @lru_cache(maxsize=1_000_000)
        def index_of(feature: str) -> int | None:
            index = bisect_left(self.vocabulary, feature)
            return index if self.vocabulary[index : index + 1] == [feature] else None

        return index_of

    def _parts(self, of_text: list[str]) -> dict[str, float]:
        """What each known feature of a text adds to the log-odds."""
        counts = Counter(feature for feature in of_text if self._index(feature) is not None)
        indices = np.fromiter(map(self._index, counts), dtype=np.int64)
        values = np.ones(len(counts))
        if self.baseline == "tfidf":
            values = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64))) * self.idf[indices]
            values /= np.linalg.norm(values)
        return dict(zip(counts, (values * self.weights[indices]).tolist(), strict=True))


def features(text: str, baseline: Baseline) -> list[str]:
    """What is counted: the lower-cased words of a text without markup, and for nbsvm the pairs of neighbours too."""
    words = plain_words(text)
    return words if baseline == "tfidf" else words + _pairs(words)


def _pairs(words: list[str]) -> list[str]:
    return [f"{first} {second}" for first, second in pairwise(words)]
