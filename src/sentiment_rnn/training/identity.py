"""What decides the bytes of a training, as one hash: two trainings with the same hash leave the same files."""

import hashlib
import json
from importlib.metadata import version
from typing import Any

import torch

from sentiment_rnn.network.device import environment
from sentiment_rnn.running.input_guard import InputGuard
from sentiment_rnn.study.variants import Variant

LIBRARIES = ("numpy", "safetensors", "scikit-learn", "scipy")  # beside PyTorch
SETTINGS = "sentiment_rnn.study"  # whose modules say what the settings are: the settings themselves are in the hash


def training_hash(variant: Variant, seed: int, inputs: InputGuard, device: torch.device) -> str:
    """The SHA-256 of all that decides what a training leaves. The variant's name and its other seeds do not.

    Args:
        variant: to train.
        seed: to train it with.
        inputs: the files that are read, and the modules that are imported.
        device: it is trained on.
    """
    decisive: dict[str, Any] = {
        "hyperparameters": variant.hyperparameters.model_dump(),
        "protocol": variant.protocol.model_dump(),
        "seed": seed,
        "files": {path.name: found for path, found in inputs.files.items()},
        "modules": {name: found for name, found in inputs.modules.items() if not name.startswith(SETTINGS)},
        "environment": environment(device),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
