"""The release stage: the models that come with the package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file

from sentiment_rnn.baselines.fit import fit
from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.evaluation.predictions import Predictions, read_predictions, test_metrics
from sentiment_rnn.extensions.baseline import predict, read_parts
from sentiment_rnn.extensions.params import load_extensions
from sentiment_rnn.files import replace_folder, unfinished_folder, write_json, writing
from sentiment_rnn.model_json import FORMAT, read_metadata, read_verified
from sentiment_rnn.models.registry import PRETRAINED, load
from sentiment_rnn.network.model_io import save_model
from sentiment_rnn.study.params import Hyperparameters, ParamsError, load_params
from sentiment_rnn.study.variants import Variant, base_name, study_catalogue

MEMBERS = ("nbsvm", "gru")
RELEASED = (*MEMBERS, "lstm", "ensemble")
FROM_TRAINING = ("seed", "best_epoch", "fingerprint", "stop_words", "max_length", "trained_on")
Trials = list[dict[str, Any]]
SENTENCES = Path("extensions/sentences.csv")


def release_stage() -> None:
    """Write the models of the package; the validation reviews make all choices.

    Raises:
        ParamsError: params.yaml has other reviews than those of the study.
    """
    exit_with_dvc()
    params, release = load_params(), load_extensions().release
    if params.dataset != "imdb":
        raise ParamsError(f"params.yaml: dataset: the package's models are of imdb, not of {params.dataset}")
    parts, validation_reviews = read_parts(Path("data/split"))
    catalogue = study_catalogue(params)
    unfinished = unfinished_folder(PRETRAINED)  # for all four: an ensemble belongs to its members
    for cell in ("lstm", "gru"):
        save_half_precision(catalogue.find(base_name(params, cell)), unfinished / cell)
        finish(unfinished / cell, parts, validation_reviews=validation_reviews)
    fitted = fit("nbsvm", parts["train"], parts["valid"], release.nbsvm)
    fitted.largest_weights(release.n_weights).save(unfinished / "nbsvm")
    finish(unfinished / "nbsvm", parts, validation_reviews=validation_reviews, trials=fitted.trials)
    weights, trials = choose_weights(unfinished, parts["valid"], release.gru_weights)
    n_parameters = sum(read_metadata(unfinished / name)["n_parameters"] for name in MEMBERS)
    ensemble = {"format": FORMAT, "ensemble": weights, "n_parameters": n_parameters}
    write_json(unfinished / "ensemble/model.json", ensemble)
    finish(unfinished / "ensemble", parts, validation_reviews=validation_reviews, trials=trials)
    replace_folder(unfinished, PRETRAINED)
    predict_sentences(pd.read_csv(SENTENCES), RELEASED)


def save_half_precision(variant: Variant, folder: Path) -> None:
    """Write the seed of a variant that has the highest validation accuracy, with its weights in half precision."""
    accuracies = {
        seed: read_predictions([variant.results / str(seed)], "valid").correct.mean() for seed in variant.seeds
    }
    source = variant.models / str(max(accuracies, key=accuracies.__getitem__))
    metadata, weights = read_verified(source), load_file(source / "weights.safetensors")
    weights = {name: weight.to(torch.float16) for name, weight in weights.items()}
    vocabulary = (source / "vocabulary.txt").read_text(encoding="utf-8")
    save_model(folder, weights, vocabulary, Hyperparameters(**metadata["hyperparameters"]), html_only=True)
    kept = {name: metadata[name] for name in FROM_TRAINING}
    write_json(folder / "model.json", read_metadata(folder) | kept)


def finish(folder: Path, parts: dict[str, pd.DataFrame], **metadata: Any) -> None:
    """Add the metadata and the validation accuracy to a model's model.json, and write metrics.json."""
    of_model, model = read_metadata(folder) | {"variant": folder.name} | metadata, load(folder)
    accuracy = float(predict(model, parts["valid"]).correct.mean())
    write_json(folder / "model.json", of_model | {"valid_accuracy": accuracy})
    metrics = test_metrics(predict(model, parts["test"]))
    write_json(folder / "metrics.json", metrics)
    print(f"{folder.name} | test loss {metrics['test_loss']:.3f}, accuracy {metrics['test_accuracy']:.4f}")


def choose_weights(folder: Path, valid: pd.DataFrame, weights: Sequence[float]) -> tuple[dict[str, float], Trials]:
    """Choose the weight of the second member, of equally accurate ones the first; that of the first member is 1.

    Returns:
        The weights by name; and each weight with its valid_accuracy, and whether it was kept.
    """
    first, second = (predict(load(folder / name), valid) for name in MEMBERS)
    sums = [Predictions(first.labels, first.log_odds + weight * second.log_odds) for weight in weights]
    accuracies = [float(of_sum.correct.mean()) for of_sum in sums]
    best = accuracies.index(max(accuracies))
    trials = [
        {"weight": weight, "valid_accuracy": accuracies[index], "kept": index == best}
        for index, weight in enumerate(weights)
    ]
    return dict(zip(MEMBERS, (1.0, weights[best]), strict=True)), trials


def predict_sentences(sentences: pd.DataFrame, names: Sequence[str]) -> None:
    """Write the log-odds of positive that each model gives made-up sentences, columns review and sentiment."""
    predictions = {name: load(PRETRAINED / name).log_odds(sentences["review"].tolist()).round(3) for name in names}
    path = Path("extensions/release/sentences.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path):
        sentences.assign(**predictions).to_csv(path, index=False, lineterminator="\n")
