"""A training after each of its epochs in a file, where one that was cut short goes on."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from sentiment_rnn.timing import Stopwatch

Tensors = dict[str, Tensor]


class Checkpoint:
    """Where one training is kept until it ends. Its name is the hash of all that decides the bytes of its outputs.

    Args:
        folder: of the checkpoints; it is made when it is needed.
        decisive: parameters, hashes of the inputs and of the code, device and versions; anything that JSON can hold.
        stopwatch: of the training, which goes on from what it showed.
    """

    def __init__(self, folder: Path, decisive: Any, stopwatch: Stopwatch) -> None:
        name = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
        self.path = folder / f"{name}.safetensors"
        self._stopwatch = stopwatch

    def save(self, tensors: Tensors, facts: dict[str, Any]) -> None:
        """Write the file in one step. One that cannot be written costs what it would have saved, and no training."""
        metadata = {"facts": json.dumps(facts), "elapsed": json.dumps(self._stopwatch.elapsed())}
        unfinished = self.path.with_suffix(".unfinished")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, unfinished, metadata=metadata)
            unfinished.replace(self.path)
        except (OSError, SafetensorError) as error:
            tqdm.write(f"{self.path}: cannot be written, so an interruption would begin anew: {error}")

    def load(self) -> tuple[Tensors, dict[str, Any]] | None:
        """What save() was given last; None if there is nothing, or nothing that can be read."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                metadata, names = file.metadata(), file.keys()
                tensors, facts = {name: file.get_tensor(name) for name in names}, json.loads(metadata["facts"])
            self._stopwatch.go_on_from(json.loads(metadata["elapsed"]))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            tqdm.write(f"{self.path}: cannot be read, so the training begins anew: {error!r}")
            return None
        return tensors, facts

    def remove(self) -> None:
        """The training has ended, and its outputs are written."""
        self.path.unlink(missing_ok=True)


def state_of(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: LRScheduler | None, order: torch.Generator
) -> tuple[Tensors, dict[str, Any]]:
    """All that the next epoch's course depends on."""
    tensors = {f"model.{name}": weight for name, weight in model.state_dict().items()}
    for place, kept in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{place}.{name}": value for name, value in kept.items() if value is not None}
    tensors |= {"random": torch.get_rng_state(), "order": order.get_state()}
    if torch.cuda.is_available():
        tensors["cuda_random"] = torch.cuda.get_rng_state()
    rates = [group["lr"] for group in optimizer.param_groups]
    return tensors, {"rates": rates, "schedule": schedule and schedule.state_dict()}


def restore(
    tensors: Tensors,
    facts: dict[str, Any],
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: LRScheduler | None,
    order: torch.Generator,
) -> None:
    """Set all to what state_of() returned of their like."""
    model.load_state_dict({name: tensors[f"model.{name}"] for name in model.state_dict()})
    kept: dict[int, Tensors] = {}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":
            place, _, key = rest.partition(".")
            kept.setdefault(int(place), {})[key] = value
    optimizer.load_state_dict({"state": kept, "param_groups": optimizer.state_dict()["param_groups"]})
    for group, rate in zip(optimizer.param_groups, facts["rates"], strict=True):
        group["lr"] = rate
    if schedule is not None:
        schedule.load_state_dict(facts["schedule"])
    torch.set_rng_state(tensors["random"])
    order.set_state(tensors["order"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda_random"])
