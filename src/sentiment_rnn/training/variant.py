"""A variant with all its seeds, or a group of variants: what a train stage does."""

import shutil
from argparse import ArgumentParser
from collections.abc import Callable

from sentiment_rnn.model_json import read_description, write_description
from sentiment_rnn.running.input_guard import InputChangedError, InputGuard
from sentiment_rnn.running.side_by_side import end_with_dvc, side_by_side
from sentiment_rnn.study.variants import Catalogue
from sentiment_rnn.training.seed import CHECKPOINTS, FittingOf, input_files, train_seed
from sentiment_rnn.training.stored import stored_trainings


def train_stage(load: Callable[[], Catalogue], fitting_of: FittingOf | None = None) -> None:
    """Train the variant, or the group of variants, that the command line names.

    Args:
        load: reads the variants from the parameters.
        fitting_of: as train_seed() takes it.
    """
    parser = ArgumentParser(description="Train a variant, its seeds side by side.")
    parser.add_argument("variant", help="its name, or that of a group: lstm-adam, n_layers-2, ...")
    parser.add_argument("--anew", action="store_true", help="train, even where the same was trained before")
    arguments = parser.parse_args()
    end_with_dvc()
    name = arguments.variant
    runs = load().runs(name)
    variants = {variant.name: variant for variant, _ in runs.values()}
    if fitting_of:
        for variant in variants.values():
            fitting_of(variant.hyperparameters)  # what it imports is among the inputs
    inputs = InputGuard([path for variant in variants.values() for path in input_files(variant)])
    stored = {} if arguments.anew else stored_trainings()
    folders = side_by_side(runs, lambda run, reporter: train_seed(*run, stored, arguments.anew, reporter, fitting_of))
    # DVC records the inputs as they are when the stage ends
    inputs.check()
    if load().runs(name) != runs:
        raise InputChangedError("params.yaml was changed while this stage ran; nothing was written: run it again")
    for data in {variant.data for variant in variants.values()}:
        shutil.rmtree(data / "models" / name, ignore_errors=True)
    for label, (variant, seed) in runs.items():
        folder = folders[label]
        facts = read_description(folder)  # what was trained before may have been trained under another name
        write_description(folder, **facts | {"variant": variant.name, "seed": seed})
        variant.models.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, variant.models / str(seed))
    shutil.rmtree(CHECKPOINTS / name)
