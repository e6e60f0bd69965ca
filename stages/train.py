"""Train one variant with one seed: the weights of one epoch, and the learning curves."""

import signal
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from sentiment_rnn.cooccurrence import start_from_cooccurrence
from sentiment_rnn.dataset import EncodedReviews
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.input_guard import InputChangedError, InputGuard
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.checkpoint import Checkpoint
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model import RNNClassifier, build_model
from sentiment_rnn.network.model_folder import environment, save_model
from sentiment_rnn.network.training import mean_loss_and_accuracy, train, use_deterministic_device
from sentiment_rnn.params import Hyperparameters, load_params
from sentiment_rnn.stacking import fit_ngrams
from sentiment_rnn.timing import Stopwatch

CHECKPOINTS = Path("data/checkpoints")  # of the trainings that run, or were cut short


def main() -> None:
    # Ctrl-C ends it at once: the exception can get lost in a callback of a library, and the training would go on
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = parse_arguments()
    settings = read_settings(arguments.variant)
    hyperparameters, protocol = settings["hyperparameters"], settings["protocol"]
    files = [arguments.data / name for name in ("train.safetensors", "valid.safetensors", "vocabulary.txt")]
    guard = InputGuard(files)

    device = use_deterministic_device()
    train_reviews, valid_reviews = (EncodedReviews.load(path) for path in files[:2])
    train_set, valid_set = ReviewTensors(train_reviews, device), ReviewTensors(valid_reviews, device)
    vocabulary = files[2].read_text(encoding="utf-8")
    vocab_size = vocabulary.count("\n")
    model = build_model(hyperparameters, vocab_size, protocol["max_length"], protocol["init"], arguments.seed)
    print(f"{arguments.variant}, seed {arguments.seed}: {model.n_parameters():,} parameters, on {device}")
    stopwatch = Stopwatch()
    libraries = {name: version(name) for name in ("numpy", "scipy", "scikit-learn")}  # of what is fitted beforehand
    decisive = [str(settings), sorted(guard.hashes.values()), environment(device), libraries]
    checkpoint = Checkpoint(CHECKPOINTS, f"{arguments.variant}-{arguments.seed}", decisive, stopwatch)
    saved = checkpoint.load()
    offsets = fit_beforehand(model, train_reviews, hyperparameters) if saved is None else saved.tensors.get("offsets")
    training = train(
        model.to(device),
        train_set,
        valid_set,
        hyperparameters,
        batch_size=protocol["batch_size"],
        n_epochs=protocol["n_epochs"],
        keep_epoch=protocol["keep_epoch"],
        seed=arguments.seed,
        offsets=offsets,
        checkpoint=checkpoint,
        saved=saved,
    )
    stopwatch.stop()

    guard.check()
    if read_settings(arguments.variant) != settings:
        raise InputChangedError("params.yaml was changed while this stage ran; nothing was written: run it again")
    facts = {"variant": arguments.variant, "seed": arguments.seed, "best_epoch": training.best_epoch}
    if model.ngrams is not None:
        figures = mean_loss_and_accuracy(
            predict_logits(model.ngrams, valid_set), torch.from_numpy(valid_reviews.labels)
        )
        facts |= dict(zip(("ngrams_valid_loss", "ngrams_valid_accuracy"), figures, strict=True))
    facts |= {name: value for name, value in protocol.items() if name != "keep_epoch"}  # best_epoch is what was kept
    save_model(arguments.model, training.best_weights, vocabulary, hyperparameters, device, **facts)
    pd.DataFrame(map(asdict, training.epochs)).to_csv(arguments.model / "curves.csv", index=False)
    stopwatch.write(arguments.timing)
    checkpoint.remove()
    print(f"kept epoch {training.best_epoch}; {stopwatch.seconds:.0f} s")


def fit_beforehand(model: RNNClassifier, reviews: EncodedReviews, hyperparameters: Hyperparameters) -> Tensor | None:
    """What the variant has of embeddings that start from something, and of n-grams; their logits for each review."""
    if hyperparameters.embedding == "cooccurrence":
        start_from_cooccurrence(model.embedding, reviews, hyperparameters.embedding_std)
    return None if model.ngrams is None else fit_ngrams(model.ngrams, reviews, hyperparameters.ngrams_C)


def read_settings(variant: str) -> dict[str, Any]:
    """What of params.yaml decides this training."""
    params = load_params()
    return {"hyperparameters": params.variant(variant), "protocol": params.protocol(variant)}


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--variant", required=True, help="its name: lstm-adam, n_layers-2, experiment, ...")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--data", required=True, type=Path, help="folder of encoded reviews")
    parser.add_argument("--model", required=True, type=Path, help="folder to write")
    parser.add_argument("--timing", required=True, type=Path, help="JSON to write, with the seconds it took")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
