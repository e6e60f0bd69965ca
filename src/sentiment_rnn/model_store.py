"""The trained models: which there are, which is best, and how to get one by its name."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from sentiment_rnn.classifier import Classifier
from sentiment_rnn.description import ModelFolderError, read_description
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.params import Baseline, ParamsError, load_params, stage_of

CHECKOUT = Path(__file__).parents[2]


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
        from sentiment_rnn.bag_of_words import BagOfWords  # noqa: PLC0415

        return BagOfWords.load(folder)
    from sentiment_rnn.trained_rnn import TrainedRNN  # noqa: PLC0415

    return TrainedRNN.load(folder)


def locate(model: str | Path | None) -> tuple[str, Path]:
    """The full name of a model and its folder, given as load() takes it.

    Raises:
        ModelNotFoundError: there is none of that name.
    """
    if model is not None and (Path(model) / "model.json").exists():
        return str(model), Path(model)
    found = find(None if model is None else str(model))
    return found.name, found.folder


def find(name: str | None) -> StoredModel:
    """The model of that name, as load() takes it; None is the best one.

    Those of other divisions (split-...) are never the best: other valid reviews judged them.

    Raises:
        ModelNotFoundError: there is none.
    """
    for model in stored_models():
        if name is None and not model.name.startswith("split-"):
            return model
        if name is not None and name in (model.name, model.name.partition("/")[0]):
            return model
    raise ModelNotFoundError(f"no trained model{'' if name is None else f' {name!r}'}: {_what_makes(name)}")


def stored_models() -> list[StoredModel]:
    """Every trained model, those with the highest accuracy on the valid reviews first."""
    models = models_folder()
    # VARIANT of a baseline, VARIANT/SEED of a training; the trials of a tuning, a level below, are left out
    folders = sorted(path.parent for pattern in ("*/model.json", "*/*/model.json") for path in models.glob(pattern))
    described = [_describe(folder, models) for folder in folders]
    return sorted(filter(None, described), key=lambda model: -model.valid_accuracy)


def models_folder() -> Path:
    """data/models of the current folder; where there is none, that of the checkout which this package is part of."""
    here = Path("data/models")
    return here if here.is_dir() else CHECKOUT / here


def _describe(folder: Path, models: Path) -> StoredModel | None:
    """None for a folder that cannot be read: load() says what is wrong with it, when its path is given."""
    name = folder.relative_to(models).as_posix()
    try:
        description = read_description(folder)
        return StoredModel(
            name=name,
            folder=folder,
            n_parameters=description["n_parameters"],
            valid_accuracy=_valid_accuracy(folder, description),
            test_accuracy=_test_accuracy(models.parent / "evaluations" / name / "metrics.json"),
        )
    except (ModelFolderError, OSError, ValueError, KeyError, StopIteration):
        return None


def _valid_accuracy(folder: Path, description: dict[str, Any]) -> float:
    if "trials" in description:  # a baseline's
        return float(next(trial["valid_accuracy"] for trial in description["trials"] if trial["kept"]))
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as curves:
        rows = {int(row["epoch"]): row for row in csv.DictReader(curves)}
    return float(rows[description["best_epoch"]]["valid_accuracy"])


def _test_accuracy(path: Path) -> float | None:
    return float(json.loads(path.read_text(encoding="utf-8"))["test_accuracy"]) if path.exists() else None


def _what_makes(name: str | None) -> str:
    """The command that trains it, where params.yaml knows the name; else those that train all."""
    variant, _, seed = (name or "").partition("/")
    try:
        trained = [name for name in load_params().variants() if not name.startswith("tuning-")]
        known = variant in {*trained, *get_args(Baseline)}
    except ParamsError:
        known = False
    if known:
        run = variant if variant in get_args(Baseline) else f"{variant}/{seed or 0}"
        return f"`dvc repro {stage_of(run)}` makes it"
    there = dict.fromkeys(model.name.partition("/")[0] for model in stored_models())
    return (
        f"{models_folder()} has {', '.join(there) or 'none'}; `make demo` trains small ones within minutes, "
        "`make repro` those of the study"
    )
