"""Whether this machine has the memory for a training."""

import psutil

from sentiment_rnn.study.params import ParamsError
from sentiment_rnn.study.variants import Variant


def check_memory(variant: Variant, max_length: int) -> None:
    """Refuse a training that this machine cannot hold.

    Raises:
        ParamsError: the least that it takes is more memory than there is; the message names the key.
    """
    hyperparameters = variant.hyperparameters
    keys = ("hidden_dim", "embedding_dim", "batch_size")
    sizes = {key: getattr(hyperparameters, key) for key in keys} | {"max_length": max_length}
    hidden, embedding, batch, length = sizes.values()
    directions, n_layers = 1 + hyperparameters.bidirectional, hyperparameters.n_layers
    weights = directions * hidden * (embedding + n_layers * hidden + 2 * length)
    states = batch * (embedding + directions * n_layers * hidden)  # of reviews with a single token
    needed, available = 4 * (2 * weights + states), psutil.virtual_memory().total
    if needed > available:
        key = max(sizes, key=lambda name: sizes[name])
        raise ParamsError(
            f"{key}: {sizes[key]} is too much for {variant.name}: its training would take {needed / 1e9:,.0f} GB "
            f"of memory or more, and this machine has {available / 1e9:,.0f} GB"
        )
