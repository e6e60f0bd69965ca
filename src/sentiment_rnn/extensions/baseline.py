"""The baseline stages: a bag of words is fitted and evaluated."""

from argparse import ArgumentParser
from pathlib import Path

import pandas as pd

from sentiment_rnn.baselines.fit import Baseline, fit
from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.encoding.arrays import UNK_ID, EncodedReviews, texts_hash
from sentiment_rnn.encoding.splits import LABELS, SPLITS
from sentiment_rnn.encoding.vocabulary import read_vocabulary
from sentiment_rnn.evaluation.predictions import FILES, Predictions, write_results
from sentiment_rnn.extensions.networks import RESULTS
from sentiment_rnn.extensions.params import load_extensions
from sentiment_rnn.files import replace_folder, unfinished_folder, write_json
from sentiment_rnn.models.bag_of_words import environment
from sentiment_rnn.models.classifier import Classifier


def baseline_stage() -> None:
    """Fit and evaluate the baseline that the command line names, and replace its results."""
    exit_with_dvc()
    entries = load_extensions().baselines
    parser = ArgumentParser(description="Fit a bag of words, and evaluate it on the test set.")
    parser.add_argument("baseline", choices=entries)
    entry = entries[name := parser.parse_args().baseline]
    parts, validation_reviews = read_parts(Path(entry.data))
    model = fit(entry.baseline, parts["train"], parts["valid"], entry.grid)
    unfinished = unfinished_folder(RESULTS / name)
    folder = unfinished / "0"  # its one run, named like a seed
    folder.mkdir()
    metrics = write_results({part: predict(model, parts[part]) for part in FILES}, folder)
    metadata = {"variant": name, "baseline": entry.baseline, "n_parameters": len(model.weights) + 1}
    metadata |= {"validation_reviews": validation_reviews, "trials": model.trials, "trained_on": environment()}
    write_json(folder / "model.json", metadata)
    replace_folder(unfinished, RESULTS / name)
    print(f"{name} | test loss {metrics['test_loss']:.3f}, accuracy {metrics['test_accuracy']:.4f}")


def read_parts(folder: Path) -> tuple[dict[str, pd.DataFrame], str]:
    """The reviews of each part of a split, as columns review and sentiment, and the hash of the validation texts.

    Args:
        folder: of a split, or of encoded reviews: then a review is the words that the networks read, with `_unk_` for
            each word that they do not know.
    """
    if (folder / "train.csv").exists():
        parts = {part: pd.read_csv(folder / f"{part}.csv", dtype=str, keep_default_na=False) for part in SPLITS}
        return parts, texts_hash(parts["valid"]["review"])
    words, parts = read_vocabulary(folder / "vocabulary.txt"), {}
    words[UNK_ID] = "_unk_"  # <unk> would be read as markup
    encoded = {part: EncodedReviews.load(folder / f"{part}.safetensors") for part in SPLITS}
    for part, reviews in encoded.items():
        ends = reviews.lengths.cumsum()
        spans = [reviews.tokens[end - length : end] for end, length in zip(ends, reviews.lengths, strict=True)]
        texts = [" ".join(words[index] for index in span) for span in spans]
        parts[part] = pd.DataFrame({"review": texts, "sentiment": [LABELS[label] for label in reviews.labels]})
    return parts, encoded["valid"].metadata["texts_hash"]


def predict(model: Baseline | Classifier, reviews: pd.DataFrame) -> Predictions:
    """The predictions of a model for reviews, with columns review and sentiment."""
    labels = reviews["sentiment"].map(LABELS.index).to_numpy()
    return Predictions(labels, model.log_odds(reviews["review"].tolist())[None])
