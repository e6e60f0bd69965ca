"""Fitting the baselines that the recurrent networks are compared with.

tfidf: TF-IDF weights and logistic regression.
nbsvm: Wang and Manning, Baselines and Bigrams, ACL 2012. The words and pairs of words of a review, each weighted by its
naive-Bayes log-count ratio; a linear SVM whose weights are interpolated with their mean size.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from tqdm import tqdm

from sentiment_rnn.encoding.tokens import plain_words
from sentiment_rnn.models.bag_of_words import BagOfWords, ngrams
from sentiment_rnn.models.classifier import Floats

Kind = Literal["tfidf", "nbsvm"]
Grid = dict[str, list[Any]]
Fits = Iterator[tuple[dict[str, Any], Floats, float]]  # of each combination of a grid: weights and bias


@dataclass(frozen=True, eq=False)  # arrays have no one equality
class Baseline:
    """A fitted baseline."""

    vectorizer: CountVectorizer  # from texts to features
    weights: Floats  # [features]
    bias: float
    trials: list[dict[str, Any]]  # the hyperparameters of each combination, its valid_accuracy, and whether it was kept

    def log_odds(self, texts: Sequence[str]) -> Floats:
        """Log-odds of the positive class, one per text."""
        log_odds: Floats = self.vectorizer.transform(texts) @ self.weights + self.bias
        return log_odds

    def largest_weights(self, n: int) -> BagOfWords:
        """An NB-SVM with its `n` largest weights alone: all other features are unknown to it."""
        kept = np.sort(np.argsort(-np.abs(self.weights), kind="stable")[:n])
        names = self.vectorizer.get_feature_names_out()
        return BagOfWords([str(name) for name in names[kept]], self.weights[kept], self.bias)


def fit(kind: Kind, train: pd.DataFrame, valid: pd.DataFrame, grid: Grid) -> Baseline:
    """Fit every combination of the grid, and keep the one with the highest validation accuracy: of equals the first.

    Both parts have the columns review and sentiment.
    """
    is_positive, truth = ((part["sentiment"] == "positive").to_numpy() for part in (train, valid))
    vectorizer = _vectorizer(kind)
    features = vectorizer.fit_transform(tqdm(train["review"], "counting", unit="review", disable=None))
    valid_features = vectorizer.transform(valid["review"])
    fits = (_fit_tfidf if kind == "tfidf" else _fit_nbsvm)(features, is_positive, grid)
    trials: list[dict[str, Any]] = []
    fitted: list[tuple[Floats, float, Floats]] = []
    for combination, weights, bias in tqdm(fits, "fitting", total=math.prod(map(len, grid.values())), disable=None):
        scores = valid_features @ weights + bias
        trials.append(combination | {"valid_accuracy": float(((scores > 0) == truth).mean()), "kept": False})
        fitted.append((weights, bias, scores))
    best = max(range(len(trials)), key=lambda index: trials[index]["valid_accuracy"])
    trials[best]["kept"] = True
    weights, bias, scores = fitted[best]
    scale = 1.0 if kind == "tfidf" else temperature(scores, truth)
    if scale <= 0:  # the scores say nothing about the truth: no factor makes log-odds of them
        scale = 1.0
    return Baseline(vectorizer, scale * weights, scale * bias, trials)


def log_count_ratio(features: csr_matrix, is_positive: NDArray[np.bool_]) -> Floats:
    """[features]: the logarithm of each feature's share in the positive texts over that in the negative ones.

    Naive Bayes with a count of one added to every feature (Wang and Manning 2012, with their alpha of 1). The features
    are counts [texts, features].
    """
    positive = 1 + np.asarray(features[is_positive].sum(axis=0)).ravel()
    negative = 1 + np.asarray(features[~is_positive].sum(axis=0)).ravel()
    ratio: Floats = np.log((positive / positive.sum()) / (negative / negative.sum()))
    return ratio


def temperature(scores: Floats, is_positive: NDArray[np.bool_]) -> float:
    """The factor that makes log-odds of positive out of scores (Guo et al., On Calibration of Modern Neural Networks).

    The reviews are others than those that the classifier was fitted to, and have both labels. Zero or less where the
    scores say nothing about the truth, or the contrary.
    """
    # liblinear has one thread: sums of several would end in other digits on other machines
    regression = LogisticRegression(solver="liblinear", fit_intercept=False, random_state=0)
    return float(regression.fit(scores[:, None], is_positive).coef_[0, 0])


def _fit_tfidf(features: csr_matrix, is_positive: NDArray[np.bool_], grid: Grid) -> Fits:
    for C in grid["C"]:  # noqa: N806
        classifier = LogisticRegression(C=C, max_iter=1000).fit(features, is_positive)
        yield {"C": C}, classifier.coef_[0], float(classifier.intercept_[0])


def _fit_nbsvm(features: csr_matrix, is_positive: NDArray[np.bool_], grid: Grid) -> Fits:
    """The paper's NBSVM; beta 1 is the SVM alone, 0 leaves naive Bayes with one weight for all."""
    ratio = log_count_ratio(features, is_positive)
    scaled = features.multiply(ratio).tocsr()
    for C in grid["C"]:  # noqa: N806
        # liblinear's own default tolerance; scikit-learn's takes minutes and has no higher validation accuracy
        classifier = LinearSVC(C=C, tol=0.1, random_state=0).fit(scaled, is_positive)
        weights = classifier.coef_[0]
        for beta in grid["beta"]:
            interpolated = (1 - beta) * np.abs(weights).mean() + beta * weights
            yield {"C": C, "beta": beta}, ratio * interpolated, float(classifier.intercept_[0])


def _vectorizer(kind: Kind) -> CountVectorizer:
    if kind == "tfidf":
        return TfidfVectorizer(sublinear_tf=True, analyzer=plain_words)
    return CountVectorizer(binary=True, analyzer=ngrams, dtype=np.float64)
