"""Linear classifiers on bags of words: what the recurrent networks have to beat.

tfidf: TF-IDF weights and logistic regression.
nbsvm: Wang and Manning, Baselines and Bigrams, ACL 2012. Which words and pairs of words stand in a review, each
weighted by its naive-Bayes log-count ratio; a linear SVM, whose weights are drawn towards their mean size.
"""

import json
import math
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from tqdm import tqdm

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.params import Baseline
from sentiment_rnn.text import MARKUP

Floats = NDArray[np.float64]
Grid = dict[str, list[Any]]
Fits = Iterator[tuple[dict[str, Any], Floats, float]]  # of each combination of a grid: weights and bias
FORMAT = 1  # raised when a folder written before can no longer be read


class BaselineFolderError(PipelineError):
    """The folder does not hold a baseline that this version can read."""


@dataclass(frozen=True)
class BagOfWords:
    """A fitted baseline: the log-odds of positive are linear in the features.

    Attributes:
        baseline: which one.
        vocabulary: the words and pairs of words, by feature.
        idf: float [features], the weight of each in a TF-IDF vector; ones for nbsvm.
        weights: float [features].
        bias: added to the sum.
    """

    baseline: Baseline
    vocabulary: list[str]
    idf: Floats
    weights: Floats
    bias: float

    def log_odds(self, texts: "pd.Series[str]") -> Floats:
        """Of positive, for each text."""
        vectorizer = _vectorizer(self.baseline, vocabulary=self.vocabulary)
        if isinstance(vectorizer, TfidfVectorizer):
            vectorizer.idf_ = self.idf
        scores: Floats = vectorizer.transform(map(_prepare, texts)) @ self.weights + self.bias
        return scores

    def save(self, folder: Path, **facts: Any) -> None:
        """Write weights.safetensors, vocabulary.txt, and model.json with the `facts`."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"idf": self.idf, "weights": self.weights, "bias": np.array([self.bias])}
        save_file(arrays, folder / "weights.safetensors")
        (folder / "vocabulary.txt").write_text("".join(f"{word}\n" for word in self.vocabulary), encoding="utf-8")
        description = {
            "format": FORMAT,
            "baseline": self.baseline,
            "n_parameters": len(self.weights) + 1,
            **facts,
            "trained_on": {
                "device": "CPU",
                "python": platform.python_version(),
                "scikit-learn": version("scikit-learn"),
            },
        }
        (folder / "model.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "BagOfWords":
        """What save() wrote.

        Raises:
            BaselineFolderError: there is no baseline there, a damaged one, or one of another format.
        """
        try:
            description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            if description["format"] != FORMAT:
                raise BaselineFolderError(f"{folder}: its format is {description['format']}; {FORMAT} is read")
            arrays = load_file(folder / "weights.safetensors")
            vocabulary = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
            bias = float(arrays["bias"][0])
            return cls(description["baseline"], vocabulary, arrays["idf"], arrays["weights"], bias)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise BaselineFolderError(f"{folder}: no baseline there, or a damaged one: {error!r}") from error


def fit(
    baseline: Baseline, train: pd.DataFrame, valid: pd.DataFrame, grid: Grid
) -> tuple[BagOfWords, list[dict[str, Any]]]:
    """Fit every combination of the grid on train, and keep the one with the highest accuracy on valid.

    Args:
        baseline: which one.
        train: columns review and sentiment, to learn from.
        valid: likewise, to choose.
        grid: the values of each hyperparameter; of equal combinations the first one is kept.

    Returns:
        The fitted baseline, and for each combination its hyperparameters, valid_accuracy, and whether it was kept.
    """
    is_positive = (train["sentiment"] == "positive").to_numpy()
    truth = (valid["sentiment"] == "positive").to_numpy()
    vectorizer = _vectorizer(baseline)
    features = vectorizer.fit_transform(map(_prepare, tqdm(train["review"], "counting", unit="review", disable=None)))
    valid_features = vectorizer.transform(map(_prepare, valid["review"]))
    fits = (_fit_tfidf if baseline == "tfidf" else _fit_nbsvm)(features, is_positive, grid)
    kept: tuple[dict[str, Any], Floats, float, Floats] | None = None
    trials: list[dict[str, Any]] = []
    for combination, weights, bias in tqdm(fits, "fitting", total=math.prod(map(len, grid.values())), disable=None):
        scores = valid_features @ weights + bias
        accuracy = float(((scores > 0) == truth).mean())
        trials.append({**combination, "valid_accuracy": accuracy, "kept": False})
        if kept is None or accuracy > kept[0]["valid_accuracy"]:
            kept = (trials[-1], weights, bias, scores)
    assert kept is not None  # params.yaml's lists are not empty
    trial, weights, bias, scores = kept
    trial["kept"] = True
    scale = 1.0 if baseline == "tfidf" else _temperature(scores, truth)
    words = vectorizer.get_feature_names_out().tolist()
    idf = vectorizer.idf_ if baseline == "tfidf" else np.ones(len(words))
    return BagOfWords(baseline, words, idf, scale * weights, scale * bias), trials


def _fit_tfidf(features: csr_matrix, is_positive: NDArray[np.bool_], grid: Grid) -> Fits:
    for C in grid["C"]:  # noqa: N806
        classifier = LogisticRegression(C=C, max_iter=1000).fit(features, is_positive)
        yield {"C": C}, classifier.coef_[0], float(classifier.intercept_[0])


def _fit_nbsvm(features: csr_matrix, is_positive: NDArray[np.bool_], grid: Grid) -> Fits:
    """The paper's NBSVM with its alpha of 1; beta 1 is the SVM alone, 0 leaves naive Bayes with one weight for all."""
    positive = 1 + np.asarray(features[is_positive].sum(axis=0)).ravel()
    negative = 1 + np.asarray(features[~is_positive].sum(axis=0)).ravel()
    ratio = np.log((positive / positive.sum()) / (negative / negative.sum()))
    scaled = features.multiply(ratio).tocsr()
    for C in grid["C"]:  # noqa: N806
        # liblinear's own default tolerance; that of scikit-learn takes minutes and does no better on the valid reviews
        classifier = LinearSVC(C=C, tol=0.1, random_state=0).fit(scaled, is_positive)
        weights = classifier.coef_[0]
        for beta in grid["beta"]:
            interpolated = (1 - beta) * np.abs(weights).mean() + beta * weights
            yield {"C": C, "beta": beta}, ratio * interpolated, float(classifier.intercept_[0])


def _temperature(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """The positive factor that makes log-odds of an SVM's scores and leaves every answer as it is (Guo et al. 2017).

    One, where the scores say nothing of the truth, or the contrary.
    """
    factor = float(LogisticRegression(fit_intercept=False).fit(scores[:, None], truth).coef_[0, 0])
    return factor if factor > 0 else 1.0


def _vectorizer(baseline: Baseline, vocabulary: list[str] | None = None) -> CountVectorizer:
    rules: dict[str, Any] = {"lowercase": False, "token_pattern": r"(?u)\b\w+\b", "vocabulary": vocabulary}
    if baseline == "tfidf":
        return TfidfVectorizer(sublinear_tf=True, **rules)
    return CountVectorizer(binary=True, ngram_range=(1, 2), dtype=np.float64, **rules)


def _prepare(text: str) -> str:
    return MARKUP.sub(" ", text).lower()
