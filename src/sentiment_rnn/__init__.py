"""LSTM and GRU sentiment classifiers on movie reviews: the library behind the pipeline's stages.

To use a trained model: `from sentiment_rnn import load`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_rnn.model_store import load as load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Load() when it is first asked for: the stages import this package too, and not all of them need what it does."""
    if name == "load":
        from sentiment_rnn.model_store import load  # noqa: PLC0415

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
