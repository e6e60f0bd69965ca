"""One training: a variant with one seed, trained or taken from an earlier run."""

import csv
from dataclasses import asdict
from pathlib import Path

import torch

from sentiment_rnn.dvc_stage import InputHashes
from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.files import replace_folder, unfinished_folder, write_json, writing
from sentiment_rnn.memory import check_memory
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.model import build_model
from sentiment_rnn.network.model_io import save_model
from sentiment_rnn.parallel import Reporter
from sentiment_rnn.study.variants import Variant
from sentiment_rnn.training.cache import CHECKPOINTS, CachedTraining, copy_verified, finished_fingerprint
from sentiment_rnn.training.checkpoint import Checkpoint, Timer
from sentiment_rnn.training.fingerprint import generator_seeds, training_fingerprint
from sentiment_rnn.training.loop import train

Run = tuple[Variant, int]  # a variant with one of its seeds


def run_training(
    run: Run, reporter: Reporter, *, inputs: InputHashes, cached: dict[str, CachedTraining], force: bool
) -> Path:
    """Train, unless the same training was done before.

    Args:
        run: the variant, and the seed.
        reporter: of this training.
        inputs: hashed when the stage started.
        cached: earlier trainings by fingerprint.
        force: train, even if the same training was done before.

    Returns:
        A folder with weights.safetensors, vocabulary.txt, model.json, curves.csv and timing.json.

    Raises:
        InputChangedError: an input was changed meanwhile.
        ParamsError: this machine does not have the memory.
    """
    variant, seed = run
    inputs.check()
    device = use_deterministic_device()
    fingerprint = training_fingerprint(variant.hyperparameters, seed, inputs, device)
    folder = CHECKPOINTS / variant.name / str(seed)
    timer = Timer()
    checkpoint = Checkpoint(folder.with_name(f"{seed}.pt"), fingerprint, timer, reporter)
    if force:
        checkpoint.remove()
    elif finished_fingerprint(folder) == fingerprint:
        checkpoint.remove()
        reporter.log("finished before the stage was interrupted")
        return folder
    unfinished = unfinished_folder(folder)
    if not force and fingerprint in cached:
        if copy_verified(cached[fingerprint], unfinished) and finished_fingerprint(unfinished) == fingerprint:
            checkpoint.remove()
            replace_folder(unfinished, folder)
            reporter.log("trained before: taken from DVC's cache")
            return folder
        reporter.log("trained before, but a file of it in DVC's cache is damaged or missing")
        unfinished = unfinished_folder(folder)
    train_into(unfinished, run, device, checkpoint, reporter)
    inputs.check()
    write_json(unfinished / "timing.json", timer.elapsed())
    replace_folder(unfinished, folder)
    checkpoint.remove()
    reporter.log(f"trained in {timer.elapsed()['seconds']:.0f} s")
    return folder


def train_into(folder: Path, run: Run, device: torch.device, checkpoint: Checkpoint, reporter: Reporter) -> None:
    """Train a model and write it into a folder."""
    variant, seed = run
    hyperparameters = variant.hyperparameters
    train_file, valid_file, vocabulary_file = variant.training_files
    train_reviews, valid_reviews = EncodedReviews.load(train_file), EncodedReviews.load(valid_file)
    vocabulary, data = vocabulary_file.read_text(encoding="utf-8"), train_reviews.metadata
    max_length = int(data["max_length"])
    check_memory(variant, max_length)
    weights_seed, order_seed = generator_seeds(hyperparameters, seed, data)
    model = build_model(hyperparameters, vocabulary.count("\n"), max_length, weights_seed)
    reporter.log(f"{sum(weight.numel() for weight in model.parameters()):,} parameters, on {device}")
    train_set, valid_set = ReviewTensors(train_reviews, device), ReviewTensors(valid_reviews, device)
    order = torch.Generator().manual_seed(order_seed)
    result = train(model.to(device), train_set, valid_set, hyperparameters, order, reporter, checkpoint)
    metadata = {"variant": variant.name, "seed": seed, "best_epoch": result.best_epoch}
    metadata |= {"fingerprint": checkpoint.fingerprint, "stop_words": data["stop_words"], "max_length": max_length}
    # models are compared only where they were validated on the same reviews
    metadata["validation_reviews"] = valid_reviews.metadata["texts_hash"]
    save_model(folder, result.best_weights, vocabulary, hyperparameters, **metadata)
    with writing(folder / "curves.csv"), (folder / "curves.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, asdict(result.epochs[0]), lineterminator="\n")
        rows.writeheader()
        rows.writerows(map(asdict, result.epochs))
