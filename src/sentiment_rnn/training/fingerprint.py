"""What decides the bytes of a training, as far as it is known."""

import hashlib
import json
from importlib.metadata import version
from typing import Any

import torch

from sentiment_rnn.dvc_stage import InputHashes
from sentiment_rnn.model_json import FORMAT
from sentiment_rnn.network.device import environment
from sentiment_rnn.study.params import Hyperparameters

LIBRARIES = ("numpy", "safetensors")  # PyTorch is part of the environment


def training_fingerprint(hyperparameters: Hyperparameters, seed: int, inputs: InputHashes, device: torch.device) -> str:
    """A hash of what decides the weights and the metrics. The variant's name and its other seeds do not."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "hyperparameters": hyperparameters.model_dump(),
        "seed": seed,
        "files": {path.name: digest for path, digest in inputs.files.items()},
        "modules": {"/".join(path.parts[-2:]): digest for path, digest in inputs.modules.items()},
        "environment": environment(device),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def generator_seeds(hyperparameters: Hyperparameters, seed: int, data: dict[str, str]) -> tuple[int, int]:
    """The seeds of two generators: of the initial weights, and of the order of the reviews and dropout.

    They depend on the training's seed, its hyperparameters and its data together, so that two variants with the same
    seed share nothing by chance.
    """
    content = json.dumps([hyperparameters.model_dump(), seed, data], sort_keys=True)
    digest = hashlib.sha256(content.encode()).digest()
    return int.from_bytes(digest[:7], "big"), int.from_bytes(digest[7:14], "big")
