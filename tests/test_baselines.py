"""The baselines: their arithmetic against the papers' formulas, and what they leave on disk."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment_rnn.baselines.fit import fit
from sentiment_rnn.model_json import ModelFolderError
from sentiment_rnn.models.bag_of_words import BagOfWords

TRAIN = pd.DataFrame(
    {
        "review": [
            "good film",
            "a GOOD plot<br />good",
            "fine fine",
            "bad film",
            "dull plot",
            "bad bad end",
            "not good",
        ],
        "sentiment": ["positive"] * 3 + ["negative"] * 4,
    }
)
VALID = pd.DataFrame({"review": ["good", "bad", "fine end", "dull"], "sentiment": ["positive", "negative"] * 2})
GRIDS = {"tfidf": {"C": [0.001, 10.0]}, "nbsvm": {"C": [0.1, 1.0], "beta": [0.25, 1.0]}}


def test_tfidf_is_scikit_learns():
    model = fit("tfidf", TRAIN, VALID, {"C": [10.0]})
    texts = TRAIN["review"].str.replace("<br />", " ")
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    reference = LogisticRegression(C=10.0, max_iter=1000).fit(vectorizer.fit_transform(texts), TRAIN["sentiment"])
    expected = reference.decision_function(vectorizer.transform(VALID["review"]))
    np.testing.assert_allclose(model.log_odds(VALID["review"]), expected, rtol=1e-6)


def test_nbsvm_weights_are_ratio_times_interpolated_svm():
    """Without interpolation, a word of the positive reviews alone counts for them as its log-count ratio says."""
    model = fit("nbsvm", TRAIN, VALID, {"C": [1.0], "beta": [0.0]}).largest_weights(1000)
    weight = dict(zip(model.vocabulary, model.weights, strict=True))
    # of 1 + the reviews that it stands in, 3 of the positive ones' sum and 1 of the negative ones'
    sums = {
        "positive": sum(1 + sum(word in _ngrams(text) for text in TRAIN["review"][:3]) for word in model.vocabulary),
        "negative": sum(1 + sum(word in _ngrams(text) for text in TRAIN["review"][3:]) for word in model.vocabulary),
    }
    good = np.log((3 / sums["positive"]) / (2 / sums["negative"]))
    bad = np.log((1 / sums["positive"]) / (3 / sums["negative"]))
    assert weight["good"] / weight["bad"] == pytest.approx(good / bad)
    assert "not good" in model.vocabulary
    assert {"GOOD", "br", "plot<br"}.isdisjoint(model.vocabulary)


def _ngrams(text: str) -> set[str]:
    words = text.lower().replace("<br />", " ").split()
    return {*words, *(" ".join(pair) for pair in pairwise(words))}


@pytest.mark.parametrize("kind", ["tfidf", "nbsvm"])
def test_validation_reviews_choose(kind: str):
    model = fit(kind, TRAIN, VALID, GRIDS[kind])
    assert len(model.trials) == int(np.prod([len(values) for values in GRIDS[kind].values()]))
    accuracy = ((model.log_odds(VALID["review"]) > 0) == (VALID["sentiment"] == "positive")).mean()
    assert accuracy == max(trial["valid_accuracy"] for trial in model.trials)
    assert [trial["valid_accuracy"] for trial in model.trials if trial["kept"]] == [accuracy]


def test_model_for_use_predicts_as_the_fitted_one(tmp_path: Path):
    fitted = fit("nbsvm", TRAIN, VALID, GRIDS["nbsvm"])
    fitted.largest_weights(1000).save(tmp_path)
    texts = ["good end", "never seen words", "", "good good film"]
    np.testing.assert_allclose(BagOfWords.load(tmp_path).log_odds(texts), fitted.log_odds(texts), rtol=1e-5)
    assert json.loads((tmp_path / "model.json").read_text())["n_parameters"] == len(fitted.weights) + 1
    small = fitted.largest_weights(3)
    assert sorted(np.abs(small.weights)) == sorted(np.abs(fitted.weights))[-3:]
    assert small.vocabulary == sorted(small.vocabulary)


def test_scaling_changes_no_label_whatever_the_validation_reviews_say():
    """Validation labels that contradict train: the choice is as good as it was when it was made."""
    contrary = VALID.assign(sentiment=["negative", "positive"] * 2)
    for valid in (VALID, contrary):
        model = fit("nbsvm", TRAIN, valid, GRIDS["nbsvm"])
        accuracy = ((model.log_odds(valid["review"]) > 0) == (valid["sentiment"] == "positive")).mean()
        assert accuracy == max(trial["valid_accuracy"] for trial in model.trials)
        assert np.abs(model.log_odds(valid["review"])).max() < 100


def test_interpolation_draws_the_weights_to_their_mean_size():
    """The paper's w' = (1 - beta) mean|w| + beta w: linear in beta, feature by feature."""
    weights = {beta: fit("nbsvm", TRAIN, VALID, {"C": [1.0], "beta": [beta]}).weights for beta in (0.0, 0.25, 1.0)}
    unscaled = {beta: values / np.abs(values).max() for beta, values in weights.items()}
    blend = np.linalg.lstsq(np.stack([weights[0.0], weights[1.0]], axis=1), weights[0.25], rcond=None)
    assert blend[0].min() > 0
    np.testing.assert_allclose(np.stack([weights[0.0], weights[1.0]], axis=1) @ blend[0], weights[0.25], atol=1e-9)
    assert not np.allclose(unscaled[0.0], unscaled[1.0])


def test_damaged_folder(tmp_path: Path):
    with pytest.raises(ModelFolderError, match="no model there, or a damaged one"):
        BagOfWords.load(tmp_path)
    fit("nbsvm", TRAIN, VALID, GRIDS["nbsvm"]).largest_weights(1000).save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(ModelFolderError, match="a damaged model"):
        BagOfWords.load(tmp_path)
