"""A variant with all its seeds: what a train stage does."""

import shutil
from argparse import ArgumentParser
from collections.abc import Callable

from sentiment_rnn.model_json import read_description, write_description
from sentiment_rnn.running.input_guard import InputChangedError, InputGuard
from sentiment_rnn.running.side_by_side import end_with_dvc, side_by_side
from sentiment_rnn.study.variants import Catalogue
from sentiment_rnn.training.seed import CHECKPOINTS, input_files, train_seed
from sentiment_rnn.training.stored import stored_trainings


def train_stage(load: Callable[[], Catalogue]) -> None:
    """Train the variant that the command line names.

    Args:
        load: reads the variants from the parameters.
    """
    parser = ArgumentParser(description="Train one variant, its seeds side by side.")
    parser.add_argument("variant", help="its name: lstm-adam, n_layers-2, experiment, ...")
    parser.add_argument("--anew", action="store_true", help="train, even where the same was trained before")
    arguments = parser.parse_args()
    end_with_dvc()
    variant = load().find(arguments.variant)
    inputs = InputGuard(input_files(variant))
    stored = {} if arguments.anew else stored_trainings()
    folders = side_by_side(
        variant.seeds, lambda seed, reporter: train_seed(variant, seed, stored, arguments.anew, reporter)
    )
    # DVC records the inputs as they are when the stage ends
    inputs.check()
    if load().find(variant.name) != variant:
        raise InputChangedError("params.yaml was changed while this stage ran; nothing was written: run it again")
    shutil.rmtree(variant.models, ignore_errors=True)
    variant.models.mkdir(parents=True)
    for seed, folder in folders.items():
        facts = read_description(folder)  # what was trained before may have been trained under another name
        write_description(folder, **facts | {"variant": variant.name, "seed": seed, "split": variant.split})
        shutil.move(folder, variant.models / str(seed))
    shutil.rmtree(CHECKPOINTS / variant.name)
