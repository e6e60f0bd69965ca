"""The same model in JAX: a scan over the time steps, under jit.

Batches are padded to max_length, so that one compilation serves all.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from alternatives import PaddedBatch
from torch import Tensor, nn

from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.study.params import Hyperparameters

Weights = dict[str, jax.Array]


class JaxTraining:
    """Training steps with Adam.

    Args:
        like: the model whose weights it starts with; LSTM or GRU, forwards.
        hyperparameters: with Adam's settings.
        max_length: tokens of the longest review.
    """

    def __init__(self, like: RNNClassifier, hyperparameters: Hyperparameters, max_length: int) -> None:
        self.weights: Weights = {name: to_jax(weight) for name, weight in like.state_dict().items()}
        self.max_length = max_length
        optimizer = optax.adam(hyperparameters.lr, eps=hyperparameters.eps or 0.0)
        self.state = optimizer.init(self.weights)
        rnn: nn.LSTM | nn.GRU = like.rnns[0]  # type: ignore[assignment]
        n_layers, layer = rnn.num_layers, lstm if rnn.mode == "LSTM" else gru

        def update(weights: Weights, state: Any, *batch: jax.Array) -> tuple[Weights, Any, jax.Array]:
            loss, gradients = jax.value_and_grad(mean_loss)(weights, *batch, n_layers, layer)
            changes, state = optimizer.update(gradients, state)
            return optax.apply_updates(weights, changes), state, loss

        self.update = jax.jit(update, donate_argnums=(0, 1))

    def step(self, batch: PaddedBatch) -> float:
        """One step; the loss before it."""
        tokens = jnp.zeros((len(batch.labels), self.max_length), jnp.int32)
        tokens = tokens.at[:, : batch.ids.shape[1]].set(to_jax(batch.ids))
        arrays = (tokens, to_jax(batch.lengths), to_jax(batch.labels))
        self.weights, self.state, loss = self.update(self.weights, self.state, *arrays)
        return float(loss)  # waits for it


def to_jax(tensor: Tensor) -> jax.Array:
    """A copy."""
    return jnp.asarray(tensor.numpy())


def mean_loss(
    weights: Weights, tokens: jax.Array, lengths: jax.Array, labels: jax.Array, n_layers: int, layer: Callable[..., Any]
) -> jax.Array:
    """Cross-entropy of a batch: tokens [batch, time], lengths [batch], labels [batch]."""
    states = weights["embedding.weight"][tokens.T]
    for number in range(n_layers):
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        states = layer(states, *(weights[f"rnns.0.{kind}_l{number}"] for kind in kinds))
    is_real = jnp.arange(len(states))[:, None] < lengths
    flat = (states * is_real[:, :, None]).swapaxes(0, 1).reshape(len(labels), -1)
    logits = flat @ weights["linear.weight"].T + weights["linear.bias"]
    loss: jax.Array = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    return loss


def lstm(
    inputs: jax.Array, weight_ih: jax.Array, weight_hh: jax.Array, bias_ih: jax.Array, bias_hh: jax.Array
) -> jax.Array:
    """[time, batch, inputs] -> [time, batch, hidden], with PyTorch's weights."""

    def step(before: tuple[jax.Array, jax.Array], x: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        h, c = before
        i, f, g, o = jnp.split(x + h @ weight_hh.T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    nothing = jnp.zeros((inputs.shape[1], weight_hh.shape[1]))
    states: jax.Array = jax.lax.scan(step, (nothing, nothing), inputs @ weight_ih.T + bias_ih + bias_hh)[1]
    return states


def gru(
    inputs: jax.Array, weight_ih: jax.Array, weight_hh: jax.Array, bias_ih: jax.Array, bias_hh: jax.Array
) -> jax.Array:
    """[time, batch, inputs] -> [time, batch, hidden], with PyTorch's weights."""

    def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        (x_r, x_z, x_n), (y_r, y_z, y_n) = jnp.split(x, 3, axis=1), jnp.split(h @ weight_hh.T + bias_hh, 3, axis=1)
        z = jax.nn.sigmoid(x_z + y_z)
        h = (1 - z) * jnp.tanh(x_n + jax.nn.sigmoid(x_r + y_r) * y_n) + z * h
        return h, h

    nothing = jnp.zeros((inputs.shape[1], weight_hh.shape[1]))
    states: jax.Array = jax.lax.scan(step, nothing, inputs @ weight_ih.T + bias_ih)[1]
    return states
