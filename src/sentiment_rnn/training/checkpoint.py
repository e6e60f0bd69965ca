"""A training after each of its epochs in a file, where one that was cut short goes on."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from sentiment_rnn.running.side_by_side import Reporter
from sentiment_rnn.training.stopwatch import Stopwatch

Tensors = dict[str, Tensor]


class Saved(NamedTuple):
    """What a checkpoint holds: tensors, and facts that are JSON."""

    tensors: Tensors
    facts: dict[str, Any]


class Checkpoint:
    """Where one training is kept until it ends.

    Args:
        path: the file; its folder is made when it is needed.
        key: of all that decides the bytes of the training. A checkpoint of another key is left alone, and replaced by
            the next one written.
        stopwatch: of the training, which goes on from what it showed.
        reporter: of the training; it is told of a file that cannot be read or written.
    """

    def __init__(self, path: Path, key: str, stopwatch: Stopwatch, reporter: Reporter) -> None:
        self.path = path
        self._key = key
        self._stopwatch = stopwatch
        self._reporter = reporter

    def save(self, saved: Saved) -> None:
        """Write the file in one step. One that cannot be written costs what it would have saved, and no training."""
        facts = {"key": self._key, "elapsed": self._stopwatch.elapsed(), **saved.facts}
        unfinished = self.path.with_suffix(".unfinished")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(saved.tensors, unfinished, metadata={"facts": json.dumps(facts)})
            unfinished.replace(self.path)
        except (OSError, SafetensorError) as error:
            self._reporter.line(f"{self.path}: cannot be written, so an interruption would begin anew: {error}")
            with suppress(OSError):
                unfinished.unlink()

    def load(self) -> Saved | None:
        """What save() was given last; None if that is nothing, of another training, or damaged."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                facts, names = json.loads(file.metadata()["facts"]), file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
            if facts.pop("key") != self._key:
                return None
            self._stopwatch.go_on_from(facts.pop("elapsed"))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            self._reporter.line(f"{self.path}: cannot be read, so the training begins anew: {error!r}")
            return None
        return Saved(tensors, facts)

    def remove(self) -> None:
        """The training has ended, and its outputs are written."""
        self.path.unlink(missing_ok=True)


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer, order: torch.Generator) -> Tensors:
    """All that the next epoch's course depends on.

    But for the draws of dropout between recurrent layers on CUDA, whose state cuDNN keeps to itself.
    """
    tensors = {f"model.{name}": weight for name, weight in model.state_dict().items()}
    for place, kept in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{place}.{name}": value for name, value in kept.items() if value is not None}
    tensors |= {"random": torch.get_rng_state(), "order": order.get_state()}
    if torch.cuda.is_available():
        tensors["cuda_random"] = torch.cuda.get_rng_state()
    return tensors


def restore(tensors: Tensors, model: nn.Module, optimizer: torch.optim.Optimizer, order: torch.Generator) -> None:
    """Set all to what state_of() returned of their like."""
    model.load_state_dict({name: tensors[f"model.{name}"] for name in model.state_dict()})
    kept: dict[int, Tensors] = {}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":
            place, _, key = rest.partition(".")
            kept.setdefault(int(place), {})[key] = value
    optimizer.load_state_dict({"state": kept, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random"])
    order.set_state(tensors["order"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda_random"])
