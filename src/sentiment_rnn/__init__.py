"""LSTM and GRU sentiment classifiers on movie reviews: the library behind the pipeline's stages.

To use a trained model: `from sentiment_rnn import load`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_rnn.model_json import ModelFolderError as ModelFolderError
    from sentiment_rnn.models.classifier import Classifier as Classifier
    from sentiment_rnn.models.classifier import Contribution as Contribution
    from sentiment_rnn.models.classifier import Explanation as Explanation
    from sentiment_rnn.models.classifier import Prediction as Prediction
    from sentiment_rnn.models.store import ModelNotFoundError as ModelNotFoundError
    from sentiment_rnn.models.store import load as load

_HOMES = {
    "Classifier": "models.classifier",
    "Contribution": "models.classifier",
    "Explanation": "models.classifier",
    "ModelFolderError": "model_json",
    "ModelNotFoundError": "models.store",
    "Prediction": "models.classifier",
    "load": "models.store",
}


def __getattr__(name: str) -> Any:
    """A public name when it is first asked for: the stages import this package too, and need little of it."""
    if name in _HOMES:
        return getattr(import_module(f"sentiment_rnn.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
