"""The train stages: a variant, with its seeds in parallel."""

import shutil
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sentiment_rnn.dvc_stage import InputChangedError, InputHashes, exit_with_dvc, lacks_only_outputs
from sentiment_rnn.files import replace_folder, unfinished_folder, write_json
from sentiment_rnn.model_json import read_metadata
from sentiment_rnn.parallel import Reporter, preload, run_parallel
from sentiment_rnn.study.variants import Catalogue, Variant
from sentiment_rnn.training.cache import CHECKPOINTS, cached_trainings, finished_fingerprint

OUTPUTS_ARE_MISSING = """\
dvc.lock has this training and nothing changed, but its weights are not in the cache, so it runs again.
With --allow-missing, DVC uses the results in git and trains nothing."""


def train_stage(load: Callable[[], Catalogue]) -> None:
    """Train the variant that the command line names; `load` reads the variants from the parameters."""
    parser = ArgumentParser(description="Train a variant, its seeds in parallel.")
    parser.add_argument("variant", help="its name: lstm-adam, n_layers-2, ...")
    parser.add_argument("--force", action="store_true", help="train, even if the same was trained before")
    arguments = parser.parse_args()
    exit_with_dvc()
    preload("torch._dynamo")  # the optimizers import it, and it imports PyTorch
    variant = load().find(arguments.variant)
    inputs = InputHashes(variant.training_files)
    if lacks_only_outputs():
        print(OUTPUTS_ARE_MISSING, flush=True)
    cached = cached_trainings()
    for finished in (CHECKPOINTS / variant.name).glob("*/model.json"):
        if finished_fingerprint(finished.parent) in cached:
            shutil.rmtree(finished.parent)
    runs = {f"seed {seed}": (variant, seed) for seed in variant.seeds}
    folders = run_parallel(runs, partial(train, inputs=inputs, cached=cached, force=arguments.force))
    # DVC records the inputs as they are when the stage ends
    inputs.check()
    if load().find(variant.name) != variant:
        raise InputChangedError("the parameters were changed while this stage ran; nothing was written: run it again")
    # copies: if DVC is killed before it has stored them, the trainings are still there
    unfinished = unfinished_folder(variant.models)
    for folder in folders.values():
        copy = shutil.copytree(folder, unfinished / folder.name)
        # an earlier training may be of a variant with another name
        write_json(copy / "model.json", read_metadata(copy) | {"variant": variant.name})
    replace_folder(unfinished, variant.models)


def train(run: tuple[Variant, int], reporter: Reporter, **options: Any) -> Path:
    """Run one training, as run_training() does."""
    from sentiment_rnn.training.training import run_training  # noqa: PLC0415  # the main process needs no PyTorch

    return run_training(run, reporter, **options)
