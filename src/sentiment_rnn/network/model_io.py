"""A trained model as a folder: weights, vocabulary, and metadata."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sentiment_rnn.files import writing
from sentiment_rnn.model_json import ModelFolderError, read_verified, write_metadata
from sentiment_rnn.network.device import environment
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.study.params import Hyperparameters

FLOATS = (torch.float32, torch.float16)  # released models have weights in half precision


def save_model(
    folder: Path, weights: dict[str, Tensor], vocabulary: str, hyperparameters: Hyperparameters, **metadata: Any
) -> None:
    """Write weights.safetensors, vocabulary.txt and model.json into a folder that exists."""
    with writing(folder / "weights.safetensors"):
        save_file(weights, folder / "weights.safetensors")
    with writing(folder / "vocabulary.txt"):
        (folder / "vocabulary.txt").write_text(vocabulary, encoding="utf-8", newline="")
    n_parameters = sum(weight.numel() for weight in weights.values())
    sizes = {"vocab_size": len(weights["embedding.weight"]), "n_parameters": n_parameters}
    device = weights["embedding.weight"].device
    settings = hyperparameters.model_dump()
    write_metadata(folder, hyperparameters=settings, **sizes, **metadata, trained_on=environment(device))


def load_model(folder: Path) -> RNNClassifier:
    """The model with its trained weights, on the CPU, in evaluation mode.

    Raises:
        ModelFolderError: there is no model there, a damaged one, or one of another format.
    """
    metadata = read_verified(folder)
    try:
        weights = load_file(folder / "weights.safetensors")
        if others := [name for name, weight in weights.items() if weight.dtype not in FLOATS]:
            raise ValueError(f"{others[0]} is {weights[others[0]].dtype}")
        hyperparameters = Hyperparameters(**metadata["hyperparameters"])
        vocab_size, max_length = metadata["vocab_size"], metadata["max_length"]
        largest = max(vocab_size * hyperparameters.embedding_dim, max_length * hyperparameters.hidden_dim)
        if largest > sum(weight.numel() for weight in weights.values()):  # wrong metadata must not take memory
            raise ValueError("sizes that its weights do not have")
        model = RNNClassifier(hyperparameters, vocab_size, max_length)
        model.load_state_dict({name: weight.float() for name, weight in weights.items()}, assign=True)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
    return model.eval()
