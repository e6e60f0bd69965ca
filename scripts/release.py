"""Fit the NB-SVM that comes with the package, on the study's split: `python -m scripts.release`.

It needs the split: `dvc repro vocab`. The validation reviews choose its hyperparameters. Only its largest weights are
kept. The test reviews say how good it is.
"""

import numpy as np
import pandas as pd

from sentiment_rnn.baselines.fit import fit, largest_weights
from sentiment_rnn.encoding.arrays import texts_hash
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation.predictions import Predictions, test_metrics
from sentiment_rnn.files import write_json
from sentiment_rnn.models.store import PRETRAINED
from sentiment_rnn.study.params import ParamsError, load_params

GRID = {"C": [0.003, 0.01, 0.03, 0.1], "beta": [0.25, 0.5, 1.0]}
N_WEIGHTS = 200_000


def main() -> None:
    dataset = load_params().dataset
    if dataset != "imdb":
        raise ParamsError(f"params.yaml: dataset: the package's model is of imdb, not of {dataset}")
    train, valid, test = (
        pd.read_csv(f"data/split/{part}.csv", dtype=str, keep_default_na=False) for part in ("train", "valid", "test")
    )
    whole, trials = fit("nbsvm", train, valid, GRID)
    model = largest_weights(whole, N_WEIGHTS)
    folder = PRETRAINED / "nbsvm"
    model.save(folder, variant="nbsvm", validation_reviews=texts_hash(valid["review"]), trials=trials)
    labels = (test["sentiment"] == "positive").to_numpy().astype(np.int64)
    metrics = test_metrics(Predictions(labels, model.log_odds(test["review"].tolist())[None]))
    write_json(folder / "metrics.json", metrics)
    n_bytes = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {n_bytes / 1e6:.1f} MB, test accuracy {metrics['test_accuracy']:.4f}")


if __name__ == "__main__":
    exit_on_error(main)
