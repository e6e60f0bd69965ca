"""The release stage: the bag of words and the ensemble that come with the package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.baselines.fit import fit
from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.evaluation.predictions import Predictions, test_metrics
from sentiment_rnn.extensions.baseline import predict, read_parts
from sentiment_rnn.extensions.half_precision import PRETRAINED, require_imdb
from sentiment_rnn.extensions.params import load_extensions
from sentiment_rnn.files import replace_folder, unfinished_folder, write_json, writing
from sentiment_rnn.model_json import FORMAT, read_metadata
from sentiment_rnn.models.classifier import Classifier
from sentiment_rnn.models.registry import load
from sentiment_rnn.study.params import load_params

MEMBERS = ("nbsvm", "gru")
RELEASED = (*MEMBERS, "lstm", "ensemble")
SENTENCES = Path("extensions/sentences.csv")


def release_stage() -> None:
    """Fit the NB-SVM, and choose the weight of the GRU in the ensemble; the validation reviews choose.

    Raises:
        ParamsError: params.yaml has other reviews than those of the study.
    """
    exit_with_dvc()
    release = load_extensions().release
    require_imdb(load_params().dataset)
    parts, validation_reviews = read_parts(Path("data/split"))
    fitted = fit("nbsvm", parts["train"], parts["valid"], release.nbsvm)
    of_split = {"validation_reviews": validation_reviews}
    unfinished = unfinished_folder(PRETRAINED / "nbsvm")
    nbsvm = fitted.largest_weights(release.n_weights)
    valid_accuracy = float(predict(nbsvm, parts["valid"]).correct.mean())
    nbsvm.save(unfinished, variant="nbsvm", **of_split, valid_accuracy=valid_accuracy, trials=fitted.trials)
    evaluate(unfinished, parts["test"])
    replace_folder(unfinished, PRETRAINED / "nbsvm")
    members = {name: load(PRETRAINED / name) for name in MEMBERS}
    weights, trials = choose_weights(members, parts["valid"], release.gru_weights)
    (accuracy,) = (trial["valid_accuracy"] for trial in trials if trial["kept"])
    n_parameters = sum(read_metadata(PRETRAINED / name)["n_parameters"] for name in MEMBERS)
    metadata = {"format": FORMAT, "variant": "ensemble", "ensemble": weights, "n_parameters": n_parameters}
    unfinished = unfinished_folder(PRETRAINED / "ensemble")
    write_json(unfinished / "model.json", metadata | of_split | {"valid_accuracy": accuracy, "trials": trials})
    evaluate(unfinished, parts["test"])
    replace_folder(unfinished, PRETRAINED / "ensemble")
    predict_sentences(pd.read_csv(SENTENCES), RELEASED)


def predict_sentences(sentences: pd.DataFrame, names: Sequence[str]) -> None:
    """Write the log-odds of positive that each model gives made-up sentences, columns review and sentiment."""
    predictions = {name: load(PRETRAINED / name).log_odds(sentences["review"].tolist()).round(3) for name in names}
    path = Path("extensions/release/sentences.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path):
        sentences.assign(**predictions).to_csv(path, index=False, lineterminator="\n")


def evaluate(folder: Path, test: pd.DataFrame) -> None:
    """Write metrics.json for the model in a folder."""
    metrics, name = test_metrics(predict(load(folder), test)), read_metadata(folder)["variant"]
    write_json(folder / "metrics.json", metrics)
    print(f"{name} | test loss {metrics['test_loss']:.3f}, accuracy {metrics['test_accuracy']:.4f}")


def choose_weights(
    members: dict[str, Classifier], valid: pd.DataFrame, weights: Sequence[float]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Choose the weight of the second of two models, of equally accurate ones the first; that of the first model is 1.

    Returns:
        The weights by name; and each weight with its valid_accuracy, and whether it was kept.
    """
    first, second = (predict(member, valid) for member in members.values())
    sums = [Predictions(first.labels, first.log_odds + weight * second.log_odds) for weight in weights]
    accuracies = [float(of_sum.correct.mean()) for of_sum in sums]
    best = accuracies.index(max(accuracies))
    trials = [
        {"weight": weight, "valid_accuracy": accuracies[index], "kept": index == best}
        for index, weight in enumerate(weights)
    ]
    return dict(zip(members, (1.0, weights[best]), strict=True)), trials
