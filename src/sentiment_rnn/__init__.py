"""LSTM and GRU sentiment classifiers on movie reviews: the library behind the pipeline's stages.

To use a trained model: `from sentiment_rnn import load`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_rnn.classifiers.classifier import Classifier as Classifier
    from sentiment_rnn.classifiers.classifier import Contribution as Contribution
    from sentiment_rnn.classifiers.classifier import Explanation as Explanation
    from sentiment_rnn.classifiers.classifier import Prediction as Prediction
    from sentiment_rnn.classifiers.model_store import ModelNotFoundError as ModelNotFoundError
    from sentiment_rnn.classifiers.model_store import load as load
    from sentiment_rnn.description import ModelFolderError as ModelFolderError

_HOMES = {
    "Classifier": "classifiers.classifier",
    "Contribution": "classifiers.classifier",
    "Explanation": "classifiers.classifier",
    "ModelFolderError": "description",
    "ModelNotFoundError": "classifiers.model_store",
    "Prediction": "classifiers.classifier",
    "load": "classifiers.model_store",
}


def __getattr__(name: str) -> Any:
    """A public name when it is first asked for: the stages import this package too, and need little of it."""
    if name in _HOMES:
        return getattr(import_module(f"sentiment_rnn.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
