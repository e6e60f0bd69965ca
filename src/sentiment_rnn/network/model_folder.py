"""A trained model as a folder: weights, vocabulary, and what it is."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sentiment_rnn.model_json import ModelFolderError, read_description, write_description
from sentiment_rnn.network.device import environment
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.study.params import Hyperparameters

FLOATS = (torch.float32, torch.float16)  # a model that is given away has its weights in half precision


def save_model(
    folder: Path,
    weights: dict[str, Tensor],
    vocabulary: str,
    hyperparameters: Hyperparameters,
    device: torch.device,
    **facts: Any,
) -> None:
    """Write weights.safetensors, vocabulary.txt and model.json, which holds the hyperparameters and the `facts`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "weights.safetensors")
    (folder / "vocabulary.txt").write_text(vocabulary, encoding="utf-8")
    write_description(
        folder,
        hyperparameters=hyperparameters.model_dump(exclude_defaults=True),
        vocab_size=len(weights["embedding.weight"]),
        n_parameters=sum(weight.numel() for weight in weights.values()),
        **facts,
        trained_on=environment(device),
    )


def load_model(folder: Path) -> RNNClassifier:
    """The model with its trained weights, on the CPU, in evaluation mode.

    Raises:
        ModelFolderError: there is no model there, a damaged one, or one of another format.
    """
    description = read_description(folder)
    try:
        hyperparameters = Hyperparameters(**description["hyperparameters"])
        weights = load_file(folder / "weights.safetensors")
        if others := [name for name, weight in weights.items() if weight.dtype not in FLOATS]:
            raise ValueError(f"{others[0]} is {weights[others[0]].dtype}")
        weights = {name: weight.float() for name, weight in weights.items()}
        _check_sizes(hyperparameters, description["vocab_size"], description["max_length"], weights)
        model = RNNClassifier(hyperparameters, description["vocab_size"], description["max_length"])
        model.load_state_dict(weights, assign=True)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
    return model.eval()


def _check_sizes(
    hyperparameters: Hyperparameters, vocab_size: int, max_length: int, weights: dict[str, Tensor]
) -> None:
    """A damaged description must not take memory: no layer is larger than what the file holds.

    Raises:
        ValueError: one would be.
    """
    n_numbers = sum(weight.numel() for weight in weights.values())
    hidden_dim, embedding_dim = hyperparameters.hidden_dim, hyperparameters.embedding_dim
    inputs = embedding_dim if hyperparameters.cell == "attention" else hidden_dim
    in_layers = hyperparameters.n_layers * hidden_dim * inputs
    in_head = hidden_dim * (max_length if hyperparameters.head == "flatten" else 2)
    if max(vocab_size * embedding_dim, in_layers, in_head) > n_numbers:
        raise ValueError("sizes that its weights do not have")
