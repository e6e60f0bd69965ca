"""What the trainings and evaluations left: a table of runs, and their learning curves."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_rnn.params import Params
from sentiment_rnn.results.rows import Folders, trial_folders


def read_runs(models: Path, evaluations: Path, folders: Folders) -> pd.DataFrame:
    """One row per run, in order: variant, run (its folder), what model.json, metrics.json and trials.json say."""
    rows = []
    for variant, names in folders.items():
        for name in names:
            model = _read_json(models / name / "model.json")
            metrics = _read_json(evaluations / name / "metrics.json")
            trials = models / name / "trials.json"
            chosen_from = {"trials": json.loads(trials.read_text(encoding="utf-8"))} if trials.exists() else {}
            # last: the model.json of a tuned one names its trial
            rows.append({**model, **metrics, **chosen_from, "variant": variant, "run": name})
    return pd.DataFrame(rows)


def read_curves(models: Path, rows: dict[str, str], folders: Folders) -> pd.DataFrame:
    """The learning curves of a study, tidy: variant (the row's name), seed, epoch, split, loss, accuracy."""
    parts = []
    for row, variant in rows.items():
        for name in folders[variant]:
            curves = pd.read_csv(models / name / "curves.csv")
            for split in ("train", "valid"):
                part = curves[["epoch", f"{split}_loss", f"{split}_accuracy"]].set_axis(
                    ["epoch", "loss", "accuracy"], axis=1
                )
                parts.append(part.assign(variant=row, seed=int(Path(name).name), split=split))
    return pd.concat(parts)[["variant", "seed", "epoch", "split", "loss", "accuracy"]]


def read_champion_trials(models: Path, params: Params) -> pd.DataFrame:
    """The champion, its n-grams alone, and its trials, all with the first seed, on the valid reviews.

    Returns:
        name, changes, valid_loss, valid_accuracy, and the best_epoch, which the n-grams have not.
    """
    changes = params.study.champion_trials.changes
    rows: list[dict[str, Any]] = []
    for name, folder in {"champion": f"champion/{params.seeds[0]}", **trial_folders(params)}.items():
        description = _read_json(models / folder / "model.json")
        kept = description["best_epoch"]
        curves = pd.read_csv(models / folder / "curves.csv", index_col="epoch")
        figures = curves.loc[kept, ["valid_loss", "valid_accuracy"]]
        rows.append({"name": name, "changes": changes.get(name, {}), "best_epoch": kept, **figures})
        if name == "champion" and "ngrams_valid_loss" in description:
            figures = {key: description[f"ngrams_{key}"] for key in ("valid_loss", "valid_accuracy")}
            rows.append({"name": "its n-grams alone", "changes": {}, "best_epoch": 0, **figures})
    return pd.DataFrame(rows)


def environments(runs: pd.DataFrame) -> dict[str, Any]:
    """What the runs were trained on, with the number of runs, and the versions of what evaluated and compared them."""
    counts = runs["trained_on"].map(json.dumps).value_counts(sort=False)
    packages = ("numpy", "pandas", "safetensors", "scikit-learn", "scipy", "statsmodels", "torch")
    return {
        "trained_on": [json.loads(str(text)) | {"runs": int(number)} for text, number in counts.items()],
        # torch names its build behind a plus, where it is not PyPI's
        "packages": {name: version(name).partition("+")[0] for name in packages},
    }


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
