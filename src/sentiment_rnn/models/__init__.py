"""Trained models of every kind, and how to load them."""

from sentiment_rnn.model_json import ModelFolderError
from sentiment_rnn.models.classifier import Classifier, Contribution, Explanation, Prediction
from sentiment_rnn.models.registry import ModelNotFoundError, load

__all__ = ["Classifier", "Contribution", "Explanation", "ModelFolderError", "ModelNotFoundError", "Prediction", "load"]
