"""A trained model as a folder: weights, vocabulary, and what it is."""

import platform
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sentiment_rnn.description import ModelFolderError, read_description, write_description
from sentiment_rnn.network.model import RNNClassifier
from sentiment_rnn.params import Hyperparameters


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
        with torch.device("meta"):  # sizes alone: a damaged description takes no memory
            model = RNNClassifier(hyperparameters, description["vocab_size"], description["max_length"])
        weights = load_file(folder / "weights.safetensors")
        if others := [name for name, weight in weights.items() if weight.dtype != torch.float32]:
            raise ValueError(f"{others[0]} is {weights[others[0]].dtype}")
        model.load_state_dict(weights, assign=True)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
    return model.eval()


def environment(device: torch.device) -> dict[str, Any]:
    """What decides the bytes of a training beside its parameters: device, threads and versions."""
    on_cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_cuda else f"CPU, {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
