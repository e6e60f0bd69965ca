"""The half_precision stages: a network of the study as it comes with the package."""

from argparse import ArgumentParser
from pathlib import Path

import torch
from safetensors.torch import load_file

from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.evaluation.predictions import Predictions, read_predictions, test_metrics
from sentiment_rnn.files import replace_folder, unfinished_folder, write_json
from sentiment_rnn.model_json import read_metadata, read_verified
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model_io import load_model, save_model
from sentiment_rnn.study.params import Hyperparameters, ParamsError, load_params
from sentiment_rnn.study.variants import base_name, study_catalogue

PRETRAINED = Path("src/sentiment_rnn/pretrained")
FROM_TRAINING = ("seed", "best_epoch", "fingerprint", "stop_words", "max_length", "validation_reviews")


def half_precision_stage() -> None:
    """Write the base of a cell, its seed with the highest validation accuracy, with its weights in half precision.

    Raises:
        ParamsError: params.yaml has other reviews than those of the study.
    """
    parser = ArgumentParser(description="Write a network of the study for the package.")
    parser.add_argument("cell", help="lstm or gru")
    cell = parser.parse_args().cell
    exit_with_dvc()
    params = load_params()
    require_imdb(params.dataset)
    variant = study_catalogue(params).find(base_name(params, cell))
    accuracies = {
        seed: read_predictions([variant.results / str(seed)], "valid").correct.mean() for seed in variant.seeds
    }
    source = variant.models / str(max(accuracies, key=accuracies.__getitem__))
    metadata = read_verified(source)
    weights = {name: weight.to(torch.float16) for name, weight in load_file(source / "weights.safetensors").items()}
    unfinished = unfinished_folder(PRETRAINED / cell)
    vocabulary = (source / "vocabulary.txt").read_text(encoding="utf-8")
    kept = {name: metadata[name] for name in FROM_TRAINING}
    save_model(unfinished, weights, vocabulary, Hyperparameters(**metadata["hyperparameters"]), variant=cell, **kept)
    # save_model() writes where the weights were converted
    write_json(unfinished / "model.json", read_metadata(unfinished) | {"trained_on": metadata["trained_on"]})
    (unfinished / "curves.csv").write_bytes((source / "curves.csv").read_bytes())
    reviews, device = EncodedReviews.load(variant.encoded / "test.safetensors"), use_deterministic_device()
    logits = predict_logits(load_model(unfinished).to(device), ReviewTensors(reviews, device))
    metrics = test_metrics(Predictions.from_logits(logits.numpy(), reviews.labels))
    write_json(unfinished / "metrics.json", metrics)
    replace_folder(unfinished, PRETRAINED / cell)
    print(f"{source}, in half precision | test accuracy {metrics['test_accuracy']:.4f}")


def require_imdb(dataset: str) -> None:
    """Check that the models of the package are made from the reviews of the study.

    Raises:
        ParamsError: they are not.
    """
    if dataset != "imdb":
        raise ParamsError(f"params.yaml: dataset: the package's models are of imdb, not of {dataset}")
