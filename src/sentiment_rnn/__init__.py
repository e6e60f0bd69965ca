"""LSTM and GRU sentiment classifiers on movie reviews: the library behind the pipeline's stages.

To use a trained model: `from sentiment_rnn import load`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_rnn.classifier import Classifier as Classifier
    from sentiment_rnn.classifier import Contribution as Contribution
    from sentiment_rnn.classifier import Explanation as Explanation
    from sentiment_rnn.classifier import Prediction as Prediction
    from sentiment_rnn.description import ModelFolderError as ModelFolderError
    from sentiment_rnn.model_store import ModelNotFoundError as ModelNotFoundError
    from sentiment_rnn.model_store import load as load

_HOMES = {
    "Classifier": "classifier",
    "Contribution": "classifier",
    "Explanation": "classifier",
    "ModelFolderError": "description",
    "ModelNotFoundError": "model_store",
    "Prediction": "classifier",
    "load": "model_store",
}


def __getattr__(name: str) -> Any:
    """A public name when it is first asked for: the stages import this package too, and need little of it."""
    if name in _HOMES:
        return getattr(import_module(f"sentiment_rnn.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
