"""LSTM and GRU sentiment classifiers on movie reviews: the library behind the pipeline's stages.

To use a trained model: `from sentiment_rnn import load`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_rnn.models import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """A public name of `sentiment_rnn.models`, imported when it is first used: the stages do not need it."""
    models = import_module("sentiment_rnn.models")
    if name in models.__all__:
        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
