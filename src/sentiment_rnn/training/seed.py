"""One variant with one seed: trained, or found among what was trained before."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from sentiment_rnn.encoding.dataset import EncodedReviews, read_texts_hash
from sentiment_rnn.model_json import ModelFolderError, read_description
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import RNNClassifier, build_model
from sentiment_rnn.network.model_folder import save_model
from sentiment_rnn.running.input_guard import InputGuard
from sentiment_rnn.running.side_by_side import Reporter
from sentiment_rnn.study.params import Hyperparameters
from sentiment_rnn.study.variants import Variant
from sentiment_rnn.training.checkpoint import Checkpoint
from sentiment_rnn.training.identity import training_hash
from sentiment_rnn.training.loop import mean_loss_and_accuracy, train
from sentiment_rnn.training.stopwatch import Stopwatch
from sentiment_rnn.training.stored import Files, copy_whole

CHECKPOINTS = Path("data/checkpoints")  # of trainings that run, were cut short, or wait for the others of their stage
TIMINGS = Path("data/timings")

# sets weights of a new model; returns what stands in for its n-grams, if it has any
Fitting = Callable[[RNNClassifier, EncodedReviews, Hyperparameters], Tensor | None]
FittingOf = Callable[[Hyperparameters], Fitting | None]


def train_seed(
    variant: Variant,
    seed: int,
    stored: dict[str, Files],
    anew: bool,
    reporter: Reporter,
    fitting_of: FittingOf | None = None,
) -> Path:
    """Train, unless that has been done.

    Args:
        variant: to train.
        seed: to train it with.
        stored: what was trained before, by training_hash().
        anew: train whatever is there.
        reporter: of this seed.
        fitting_of: gives what fits the start of a model, for hyperparameters that ask for it; it may import it.

    Returns:
        A folder in CHECKPOINTS with weights.safetensors, vocabulary.txt, model.json and curves.csv.

    Raises:
        InputChangedError: an input was changed meanwhile.
    """
    fitting = fitting_of(variant.hyperparameters) if fitting_of else None  # what it imports is among the inputs
    inputs = InputGuard(input_files(variant))
    device = use_deterministic_device()
    key = training_hash(variant, seed, inputs, device)
    folder = CHECKPOINTS / variant.name / str(seed)
    if not anew and _is_training(folder, key):
        reporter.line("finished before the stage was cut short")
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    unfinished = folder.with_name(f"{seed}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if not anew and key in stored:
        if copy_whole(stored[key], unfinished):
            reporter.line("trained before: taken from DVC's cache")
            return unfinished.rename(folder)
        reporter.line("trained before, but a file of it in DVC's cache is damaged")
        shutil.rmtree(unfinished)
    stopwatch = Stopwatch()
    checkpoint = Checkpoint(folder.with_name(f"{seed}.safetensors"), key, stopwatch, reporter)
    if anew:
        checkpoint.remove()
    _train_into(unfinished, variant, seed, key, device, checkpoint, fitting, reporter)
    stopwatch.stop()
    inputs.check()
    stopwatch.write(TIMINGS / f"{variant.name}-{seed}.json")
    checkpoint.remove()
    reporter.line(f"trained in {stopwatch.seconds:.0f} s")
    return unfinished.rename(folder)


def input_files(variant: Variant) -> list[Path]:
    """What a training reads: the train and valid reviews, and the words."""
    return [variant.encoded / name for name in ("train.safetensors", "valid.safetensors", "vocabulary.txt")]


def _is_training(folder: Path, key: str) -> bool:
    try:
        return bool(read_description(folder).get("training") == key)
    except ModelFolderError:
        return False


def _train_into(
    folder: Path,
    variant: Variant,
    seed: int,
    key: str,
    device: torch.device,
    checkpoint: Checkpoint,
    fitting: Fitting | None,
    reporter: Reporter,
) -> None:
    hyperparameters, protocol = variant.hyperparameters, variant.protocol
    train_file, valid_file, vocabulary_file = input_files(variant)
    train_reviews, valid_reviews = EncodedReviews.load(train_file), EncodedReviews.load(valid_file)
    train_set, valid_set = ReviewTensors(train_reviews, device), ReviewTensors(valid_reviews, device)
    vocabulary = vocabulary_file.read_text(encoding="utf-8")
    model = build_model(hyperparameters, vocabulary.count("\n"), protocol.max_length, protocol.init, seed)
    reporter.line(f"{model.n_parameters():,} parameters, on {device}")
    saved = checkpoint.load()
    if saved is not None:
        offsets = saved.tensors.get("offsets")
    else:
        offsets = fitting(model, train_reviews, hyperparameters) if fitting else None
    training = train(
        model.to(device),
        train_set,
        valid_set,
        hyperparameters,
        batch_size=protocol.batch_size,
        n_epochs=protocol.n_epochs,
        keep_epoch=protocol.keep_epoch,
        seed=seed,
        reporter=reporter,
        offsets=offsets,
        checkpoint=checkpoint,
        saved=saved,
    )
    facts = {"variant": variant.name, "seed": seed, "best_epoch": training.best_epoch}
    facts["valid_reviews"] = read_texts_hash(valid_file)  # models that the same reviews judged can be compared
    if model.ngrams is not None:
        logits, labels = predict_logits(model.ngrams, valid_set), torch.from_numpy(valid_reviews.labels)
        figures = mean_loss_and_accuracy(logits, labels)
        facts |= dict(zip(("ngrams_valid_loss", "ngrams_valid_accuracy"), figures, strict=True))
    facts |= protocol.model_dump(exclude={"keep_epoch"}) | {"training": key}  # best_epoch is what was kept
    save_model(folder, training.best_weights, vocabulary, hyperparameters, device, **facts)
    pd.DataFrame(map(asdict, training.epochs)).to_csv(folder / "curves.csv", index=False)
