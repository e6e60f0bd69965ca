"""The trained models: which there are, which is best, and how to get one by its name."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment_rnn.classifiers.classifier import Classifier
from sentiment_rnn.description import ModelFolderError, read_description
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.params import ParamsError, load_params, stage_of
from sentiment_rnn.results.rows import run_folders, study_rows

CHECKOUT = Path(__file__).parents[3]
OTHER_DIVISION = "split-"  # how the names of models begin that were trained on another division of the reviews


class ModelNotFoundError(PipelineError):
    """There is no such model; the message says which command makes it."""


@dataclass(frozen=True)
class StoredModel:
    """A trained model on disk.

    Attributes:
        name: VARIANT/SEED; of a baseline, which has no seed, VARIANT.
        folder: where it is.
        n_parameters: numbers that were trained.
        valid_accuracy: of the epoch, or the trial, that was kept.
        test_accuracy: None where it has not been evaluated.
    """

    name: str
    folder: Path
    n_parameters: int
    valid_accuracy: float
    test_accuracy: float | None

    @property
    def names(self) -> tuple[str, str]:
        """Its own name, and the variant's."""
        return self.name, self.name.partition("/")[0]


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
    # either kind loads its own libraries alone
    if "baseline" in read_description(folder):
        from sentiment_rnn.classifiers.bag_of_words import BagOfWords  # noqa: PLC0415

        return BagOfWords.load(folder)
    from sentiment_rnn.classifiers.trained_rnn import TrainedRNN  # noqa: PLC0415

    return TrainedRNN.load(folder)


def locate(model: str | Path | None) -> tuple[str, Path]:
    """The full name of a model and its folder, given as load() takes it.

    Raises:
        ModelNotFoundError: there is none of that name.
    """
    if model is not None and (Path(model) / "model.json").exists():
        return str(model), Path(model)
    if model is not None and Path(model).is_dir():
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
    found = best_of(models) if name is None else next((model for model in models if name in model.names), None)
    if found is not None:
        return found
    if name in damaged:
        raise damaged[name]
    if name is None or not models:
        checkout = models_folder().parents[1].resolve()
        raise ModelNotFoundError(
            f"no trained model in {models_folder()}: `make demo` trains small ones within minutes, "
            f"`make repro` those of the study, in {checkout}"
        )
    raise ModelNotFoundError(f"no trained model {name!r}: {_way_out(name, models)}")


def best_of(models: list[StoredModel]) -> StoredModel | None:
    """The first one, but for those of other divisions (split-...): other valid reviews judged them."""
    return next((model for model in models if not model.name.startswith(OTHER_DIVISION)), None)


def stored_models() -> tuple[list[StoredModel], dict[str, ModelFolderError]]:
    """Every trained model, the best on the valid reviews first; and what is wrong with those left out, by name."""
    folder = models_folder()
    # VARIANT of a baseline, VARIANT/SEED of a training; trials, a level below, are left out
    paths = sorted(path.parent for pattern in ("*/model.json", "*/*/model.json") for path in folder.glob(pattern))
    models, damaged = [], {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            models.append(_describe(name, path, folder.parent / "evaluations" / name / "metrics.json"))
        except ModelFolderError as error:
            damaged[name] = error
    return sorted(models, key=lambda model: -model.valid_accuracy), damaged


def models_folder() -> Path:
    """data/models of the current folder; where there is none, that of the checkout which this package is part of."""
    here = Path("data/models")
    return here if here.is_dir() else CHECKOUT / here


def _describe(name: str, folder: Path, metrics: Path) -> StoredModel:
    description = read_description(folder)
    try:
        n_parameters, valid_accuracy = description["n_parameters"], _valid_accuracy(folder, description)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{folder}: a damaged model: {error!r}") from error
    try:
        test_accuracy = float(json.loads(metrics.read_text(encoding="utf-8"))["test_accuracy"])
    except (OSError, ValueError, KeyError, TypeError):
        test_accuracy = None  # of the model this says nothing
    return StoredModel(name, folder, n_parameters, valid_accuracy, test_accuracy)


def _valid_accuracy(folder: Path, description: dict[str, Any]) -> float:
    if "trials" in description:  # a baseline's, of which the best was kept
        return max(float(trial["valid_accuracy"]) for trial in description["trials"])
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as curves:
        rows = {int(row["epoch"]): row for row in csv.DictReader(curves)}
    return float(rows[description["best_epoch"]]["valid_accuracy"])


def _way_out(name: str, models: list[StoredModel]) -> str:
    """The command that makes the model, where params.yaml has a run of that name; else which models there are."""
    checkout = models_folder().parents[1]
    try:
        params = load_params(checkout / "params.yaml")
        runs = [run for folders in run_folders(params, study_rows(params)).values() for run in folders]
    except ParamsError:
        runs = []
    for run in runs:
        if name in (run, run.partition("/")[0]):
            return f"`dvc repro {stage_of(run)}` makes it, in {checkout.resolve()}"
    seeds = [model.name for model in models if name.partition("/")[0] in model.names]
    return f"there are {', '.join(seeds)}" if seeds else "`sentiment models` lists those that there are"
