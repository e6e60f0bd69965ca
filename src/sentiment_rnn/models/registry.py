"""The registry of trained models: which there are, which is best, and how to load one by its name."""

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

REPOSITORY = Path(__file__).parents[3]  # where this package is part of one
PRETRAINED = Path(__file__).parents[1] / "pretrained"  # the models that come with the package
FOLDERS = {"data/models": "results", "data/extensions/models": "extensions/results"}  # of models, and of their results


class ModelNotFoundError(PipelineError):
    """There is no such model; the message names the command that trains it."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model on disk."""

    name: str  # VARIANT/SEED, or pretrained/NAME
    variant: str
    folder: Path
    validation_reviews: str  # a hash: accuracies compare only where it is the same
    n_parameters: int
    validation_accuracy: float
    test_accuracy: float | None  # None if the model was not evaluated


def load(model: str | Path | None = None) -> Classifier:
    """Load a trained model.

    Args:
        model: VARIANT/SEED, such as lstm-adam/12; VARIANT, for its seed with the highest validation accuracy;
            pretrained/NAME; the path of a model's folder; or None, for the best of all.

    Raises:
        ModelNotFoundError: there is none of that name.
        ModelFolderError: it is damaged, or of another format.
    """
    folder = locate(model)[1]
    metadata = read_metadata(folder)
    if "ensemble" in metadata:
        weights = check_weights(folder, metadata["ensemble"])
        return Ensemble({name: load(folder.resolve().with_name(name)) for name in weights}, weights)
    # either kind imports its own libraries alone
    if "baseline" in metadata:
        from sentiment_rnn.models.bag_of_words import BagOfWords  # noqa: PLC0415

        return BagOfWords.load(folder)
    from sentiment_rnn.models.trained_rnn import TrainedRNN  # noqa: PLC0415

    return TrainedRNN.load(folder)


def locate(model: str | Path | None) -> tuple[str, Path]:
    """The full name of a model and its folder; arguments and errors are those of load()."""
    if model and (Path(model) / "model.json").exists():
        return str(model), Path(model)
    if model and Path(model).is_dir():
        raise ModelNotFoundError(f"{model}: no model.json there; a model's folder is that of one seed")
    trained = find(None if model is None else str(model))
    return trained.name, trained.folder


def find(name: str | None) -> TrainedModel:
    """The model of that name, or the best one; arguments and errors are those of load()."""
    models, damaged = trained_models()
    matching = [model for model in models if name in (model.name, model.variant)]
    if name is None and models:
        return best_model(models)
    if matching:
        return matching[0]
    if name in damaged:
        raise damaged[name]
    if not models:
        raise ModelNotFoundError(
            f"no trained model below {project_root() / 'data'}: `make demo` trains small ones in demo/ in minutes, "
            "`dvc repro` those of the study in hours"
        )
    raise ModelNotFoundError(f"no trained model {name!r}: {hint(str(name), models)}")


def best_model(models: list[TrainedModel]) -> TrainedModel:
    """The first of those with the validation reviews of the package's models, or else of most models."""
    reviews = [model.validation_reviews for model in models if model.folder.is_relative_to(PRETRAINED)]
    reviews = reviews or [model.validation_reviews for model in models]
    return next(model for model in models if model.validation_reviews == max(reviews, key=reviews.count))


def trained_models() -> tuple[list[TrainedModel], dict[str, ModelFolderError]]:
    """Every trained model, the highest validation accuracy first; and the errors of damaged ones, by name."""
    models, damaged = [], {}
    homes = [("", project_root() / folder, project_root() / results) for folder, results in FOLDERS.items()]
    for prefix, home, results in [*homes, ("pretrained/", PRETRAINED, PRETRAINED)]:
        for path in sorted(home.rglob("model.json")):
            relative = path.parent.relative_to(home)
            if any(part.startswith(".") for part in relative.parts):  # a kill left it
                continue
            try:
                models.append(_describe(f"{prefix}{relative}", path.parent, results / relative))
            except ModelFolderError as error:
                damaged[f"{prefix}{relative}"] = error
    return sorted(models, key=lambda model: -model.validation_accuracy), damaged


def project_root() -> Path:
    """The current folder if it is a project of this kind; else the repository that this package is part of."""
    return Path() if Path("dvc.yaml").exists() or Path("data/models").is_dir() else REPOSITORY


def hint(name: str, models: list[TrainedModel]) -> str:
    """The command that trains the model, if it is one of the study's; else which models there are."""
    folder = project_root()
    with suppress(ParamsError):
        for variant in study_catalogue(load_params(folder / "params.yaml")).variants.values():
            if name in (variant.name, *(f"{variant.name}/{seed}" for seed in variant.seeds)):
                return f"`dvc repro train_{variant.stage}` trains it, in {folder.resolve()}"
    seeds = [model.name for model in models if name.startswith(f"{model.variant}/")]
    return f"there are {', '.join(seeds)}" if seeds else "`sentiment models` lists them all"


def _describe(name: str, folder: Path, results: Path) -> TrainedModel:
    metadata = read_metadata(folder)
    try:
        accuracy = _validation_accuracy(folder, metadata)
        described = (metadata["variant"], folder, metadata["validation_reviews"], metadata["n_parameters"], accuracy)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
    test_accuracy = None
    with suppress(OSError, ValueError, KeyError, TypeError):  # no results are not the model's fault
        if (results / "model.json").read_bytes() == (folder / "model.json").read_bytes():  # else they are another's
            test_accuracy = float(json.loads((results / "metrics.json").read_text(encoding="utf-8"))["test_accuracy"])
    return TrainedModel(name, *described, test_accuracy)


def _validation_accuracy(folder: Path, metadata: dict[str, Any]) -> float:
    if "valid_accuracy" in metadata:  # of a model of the package
        return float(metadata["valid_accuracy"])
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as curves:
        rows = {int(row["epoch"]): row for row in csv.DictReader(curves)}
    return float(rows[metadata["best_epoch"]]["valid_accuracy"])
