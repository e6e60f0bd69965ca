"""What a model starts from beside random numbers."""

from torch import Tensor

from fitting.cooccurrence import start_from_cooccurrence
from fitting.stacking import fit_ngrams
from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.study.params import Hyperparameters


def fit_beforehand(model: RNNClassifier, reviews: EncodedReviews, hyperparameters: Hyperparameters) -> Tensor | None:
    """Set the embeddings and the n-grams of a model, where its hyperparameters say so.

    Args:
        model: on the CPU; its weights change.
        reviews: of train.
        hyperparameters: of the model.

    Returns:
        The logits of the n-grams for each review, as fit_ngrams() returns them; None where the model has none.
    """
    if hyperparameters.embedding == "cooccurrence":
        start_from_cooccurrence(model.embedding, reviews, hyperparameters.embedding_std)
    return None if model.ngrams is None else fit_ngrams(model.ngrams, reviews, hyperparameters.ngrams_C)
