"""The trained models: which there are, which is best, and how to get one by its name."""

import csv
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.model_json import ModelFolderError, read_metadata
from sentiment_rnn.models.classifier import Classifier
from sentiment_rnn.models.ensemble import Ensemble, check_weights
from sentiment_rnn.study.params import ParamsError, load_params
from sentiment_rnn.study.variants import study_catalogue

CHECKOUT = Path(__file__).parents[3]
FOLDERS = {"data/models": "results", "data/extensions/models": "extensions/results"}  # of models, and of their results
PRETRAINED = Path(__file__).parents[1] / "pretrained"  # the models that come with the package


class ModelNotFoundError(PipelineError):
    """There is no such model; the message says which command makes it."""


@dataclass(frozen=True)
class StoredModel:
    """A trained model on disk.

    Attributes:
        name: VARIANT/SEED.
        variant: that its model.json names.
        folder: where it is.
        valid_reviews: tells the reviews that judged it from others.
        n_parameters: numbers that were trained.
        valid_accuracy: of the epoch, or the trial, that was kept.
        test_accuracy: None where this model has not been evaluated.
    """

    name: str
    variant: str
    folder: Path
    valid_reviews: str
    n_parameters: int
    valid_accuracy: float
    test_accuracy: float | None


def load(model: str | Path | None = None) -> Classifier:
    """A trained model, ready for texts.

    Args:
        model: VARIANT/SEED, such as lstm-adam/0; VARIANT, for that of its seeds with the highest accuracy on the valid
            reviews; the path of a model's folder; or None, for the best of all.

    Raises:
        ModelNotFoundError: there is none of that name.
        ModelFolderError: it is damaged, or of another format.
    """
    folder = locate(model)[1]
    metadata = read_metadata(folder)
    if "ensemble" in metadata:
        weights = check_weights(folder, metadata["ensemble"])
        return Ensemble({name: load(folder.with_name(name)) for name in weights}, weights)
    # either kind loads its own libraries alone
    if "baseline" in metadata:
        from sentiment_rnn.models.bag_of_words import BagOfWords  # noqa: PLC0415

        return BagOfWords.load(folder)
    from sentiment_rnn.models.trained_rnn import TrainedRNN  # noqa: PLC0415

    return TrainedRNN.load(folder)


def locate(model: str | Path | None) -> tuple[str, Path]:
    """The full name of a model and its folder, given as load() takes it.

    Raises:
        ModelNotFoundError: there is none of that name.
    """
    if model and (Path(model) / "model.json").exists():
        return str(model), Path(model)
    if model and Path(model).is_dir():
        raise ModelNotFoundError(f"{model}: no model.json there; a model's folder is that of one seed")
    found = find(None if model is None else str(model))
    return found.name, found.folder


def find(name: str | None) -> StoredModel:
    """The model of that name, as load() takes it; None is the best one.

    Raises:
        ModelNotFoundError: there is none.
        ModelFolderError: it is there, and damaged.
    """
    models, damaged = stored_models()
    found = (
        best_of(models)
        if name is None
        else next((model for model in models if name in (model.name, model.variant)), None)
    )
    if found is not None:
        return found
    if name in damaged:
        raise damaged[name]
    if name is None or not models:
        raise ModelNotFoundError(
            f"no trained model below {checkout() / 'data'}: `make demo` trains small ones in about five minutes, "
            "`dvc repro` those of the study in hours"
        )
    raise ModelNotFoundError(f"no trained model {name!r}: {_way_out(name, models)}")


def best_of(models: list[StoredModel]) -> StoredModel | None:
    """The first of those that the same valid reviews judged: as the package's model, or else as most models."""
    sets = [model.valid_reviews for model in models if model.folder.is_relative_to(PRETRAINED)]
    sets = sets or [model.valid_reviews for model in models]
    return next((model for model in models if model.valid_reviews == max(sets, key=sets.count)), None)


def stored_models() -> tuple[list[StoredModel], dict[str, ModelFolderError]]:
    """Every trained model, the best on the valid reviews first; and what is wrong with those left out, by name."""
    models, damaged = [], {}
    homes = [("", checkout() / folder, checkout() / results) for folder, results in FOLDERS.items()]
    for prefix, home, results in [*homes, ("pretrained/", PRETRAINED, PRETRAINED)]:
        for path in sorted(home.rglob("model.json")):
            place = path.parent.relative_to(home)
            try:
                models.append(_describe(f"{prefix}{place}", path.parent, results / place))
            except ModelFolderError as error:
                damaged[f"{prefix}{place}"] = error
    return sorted(models, key=lambda model: -model.valid_accuracy), damaged


def checkout() -> Path:
    """The current folder if it is a project of this kind; else the checkout which this package is part of."""
    return Path() if Path("dvc.yaml").exists() or Path("data/models").is_dir() else CHECKOUT


def _describe(name: str, folder: Path, results: Path) -> StoredModel:
    description = read_metadata(folder)
    try:
        facts = (description["validation_reviews"], description["n_parameters"], valid_accuracy(folder, description))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
    test_accuracy = None
    with suppress(OSError, ValueError, KeyError, TypeError):  # no results are not the model's fault
        if (results / "model.json").read_bytes() == (folder / "model.json").read_bytes():  # else they are another's
            test_accuracy = float(json.loads((results / "metrics.json").read_text(encoding="utf-8"))["test_accuracy"])
    return StoredModel(name, description["variant"], folder, *facts, test_accuracy)


def valid_accuracy(folder: Path, description: dict[str, Any]) -> float:
    """Of the model in a folder, given its model.json: that of the epoch, or of the trial, that was kept."""
    if "trials" in description:  # of a bag of words or an ensemble: the best was kept
        return max(float(trial["valid_accuracy"]) for trial in description["trials"])
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as curves:
        rows = {int(row["epoch"]): row for row in csv.DictReader(curves)}
    return float(rows[description["best_epoch"]]["valid_accuracy"])


def _way_out(name: str, models: list[StoredModel]) -> str:
    """The command that makes the model, where it is one of the study's; else which models there are."""
    folder = checkout()
    try:
        variants = list(study_catalogue(load_params(folder / "params.yaml")).variants.values())
    except ParamsError:
        variants = []
    for variant in variants:
        if name in (variant.name, *(f"{variant.name}/{seed}" for seed in variant.seeds)):
            return f"`dvc repro train_{variant.stage}` makes it, in {folder.resolve()}"
    seeds = [model.name for model in models if name.startswith(f"{model.variant}/")]
    return f"there are {', '.join(seeds)}" if seeds else "`sentiment models` lists those that there are"
