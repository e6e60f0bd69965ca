"""Linear classifiers on bags of words: what the recurrent networks have to beat.

tfidf: TF-IDF weights and logistic regression.
nbsvm: Wang and Manning, Baselines and Bigrams, ACL 2012. Which words and pairs of words stand in a review, each
weighted by its naive-Bayes log-count ratio; a linear SVM, whose weights are drawn towards their mean size.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from tqdm import tqdm

from fitting.naive_bayes import log_count_ratio
from fitting.temperature import temperature
from sentiment_rnn.models.bag_of_words import BagOfWords, Baseline, terms
from sentiment_rnn.models.classifier import Floats

Grid = dict[str, list[Any]]
Fits = Iterator[tuple[dict[str, Any], Floats, float]]  # of each combination of a grid: weights and bias


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
    features = vectorizer.fit_transform(tqdm(train["review"], "counting", unit="review", disable=None))
    valid_features = vectorizer.transform(valid["review"])
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
    scale = 1.0 if baseline == "tfidf" else temperature(scores, truth)
    if scale <= 0:  # the scores say nothing of the truth: no factor makes log-odds of them
        scale = 1.0
    words = vectorizer.get_feature_names_out().tolist()
    idf = vectorizer.idf_ if baseline == "tfidf" else np.ones(len(words))
    return BagOfWords(baseline, words, idf, scale * weights, scale * bias), trials


def _fit_tfidf(features: csr_matrix, is_positive: NDArray[np.bool_], grid: Grid) -> Fits:
    for C in grid["C"]:  # noqa: N806
        classifier = LogisticRegression(C=C, max_iter=1000).fit(features, is_positive)
        yield {"C": C}, classifier.coef_[0], float(classifier.intercept_[0])


def _fit_nbsvm(features: csr_matrix, is_positive: NDArray[np.bool_], grid: Grid) -> Fits:
    """The paper's NBSVM; beta 1 is the SVM alone, 0 leaves naive Bayes with one weight for all."""
    ratio = log_count_ratio(features, is_positive)
    scaled = features.multiply(ratio).tocsr()
    for C in grid["C"]:  # noqa: N806
        # liblinear's own default tolerance; that of scikit-learn takes minutes and does no better on the valid reviews
        classifier = LinearSVC(C=C, tol=0.1, random_state=0).fit(scaled, is_positive)
        weights = classifier.coef_[0]
        for beta in grid["beta"]:
            interpolated = (1 - beta) * np.abs(weights).mean() + beta * weights
            yield {"C": C, "beta": beta}, ratio * interpolated, float(classifier.intercept_[0])


def _vectorizer(baseline: Baseline) -> CountVectorizer:
    analyzer = partial(terms, baseline=baseline)
    if baseline == "tfidf":
        return TfidfVectorizer(sublinear_tf=True, analyzer=analyzer)
    return CountVectorizer(binary=True, analyzer=analyzer, dtype=np.float64)
