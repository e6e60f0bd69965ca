"""Training steps and answers: this project beside what one would write without it, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from processes import PROJECT

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.study.params import Hyperparameters, Params
from sentiment_rnn.study.variants import study_catalogue

ALTERNATIVES = ("packed", "padded")


def recurrent_variants(params: Params) -> dict[str, Hyperparameters]:
    """Those of the study."""
    variants = study_catalogue(params).variants
    return {name: variant.hyperparameters for name, variant in variants.items() if name != "experiment"}


def training_steps(folder: Path, params: Params) -> dict[str, Any]:
    """The seconds of a step, for the variants that take different time: the base of each cell, and all others.

    Raises:
        PipelineError: two ways begin with different losses, so they are not the same function.
    """
    variants = recurrent_variants(params)
    results = {}
    for name in [name for name in variants if variants[name].optimizer == params.study.base.optimizer]:
        seconds, losses = {}, {}
        for way in (*ALTERNATIVES, "here"):
            seconds[way], losses[way] = one_way("train", way, name, folder)
        if any(abs(losses[way] - losses["here"]) > 1e-4 for way in ALTERNATIVES):
            raise PipelineError(f"{name}: the ways do not begin with one loss: {losses}")
        best = min(ALTERNATIVES, key=lambda way: seconds[way])
        results[name] = {
            "seconds": {way: round(value, 4) for way, value in seconds.items()},
            "best_alternative": best,
            "times_faster_than_best": round(seconds[best] / seconds["here"], 2),
            "times_faster_than_packed": round(seconds["packed"] / seconds["here"], 1),
        }
        print(name, results[name], flush=True)
    return results


def one_way(what: str, way: str, name: str, folder: Path) -> tuple[float, float]:
    """Seconds of one call, and what the first one returned."""
    command = [sys.executable, str(PROJECT / "benchmarks/one_way.py"), what, way, name, str(folder)]
    figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return figures["seconds"], figures["result"]


def answers(folder: Path, n_reviews: int) -> dict[str, Any]:
    """Reviews a second in a forward pass."""
    results = {}
    for name in ("lstm-adam", "gru-adam", "compound"):
        speeds = {way: n_reviews / one_way("predict", way, name, folder)[0] for way in (*ALTERNATIVES, "here")}
        ratio = speeds["here"] / max(speeds["packed"], speeds["padded"])
        results[name] = {
            "reviews_per_second": {way: round(speed) for way, speed in speeds.items()},
            "times_faster_than_best": round(ratio, 2),
        }
        print(name, results[name], flush=True)
    return results
