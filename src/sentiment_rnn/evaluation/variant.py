"""A variant with all its seeds, or a group of variants: what an evaluate stage does."""

import shutil
from argparse import ArgumentParser
from collections.abc import Callable

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.evaluation.answers import answers_of, write_evaluation
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model_folder import load_model
from sentiment_rnn.running.side_by_side import Reporter, end_with_dvc, side_by_side
from sentiment_rnn.study.variants import Catalogue, Variant

FROM_MODEL = ("model.json", "curves.csv")  # stand beside the answers, since the report reads nothing else


def evaluate_stage(load: Callable[[], Catalogue]) -> None:
    """Hold the models of the variant, or of the group, that the command line names against the test reviews.

    Args:
        load: reads the variants from the parameters.
    """
    parser = ArgumentParser(description="Hold the trained models of a variant against the test reviews.")
    parser.add_argument("variant", help="its name, or that of a group: lstm-adam, n_layers-2, ...")
    name = parser.parse_args().variant
    end_with_dvc()
    runs = load().runs(name)
    for data in {variant.data for variant, _ in runs.values()}:
        shutil.rmtree(data / "evaluations" / name, ignore_errors=True)
    side_by_side(runs, lambda run, reporter: evaluate_seed(*run, reporter))


def evaluate_seed(variant: Variant, seed: int, reporter: Reporter) -> None:
    """Write metrics.json and predictions.csv of one model."""
    device = use_deterministic_device()
    model_folder, folder = variant.models / str(seed), variant.evaluations / str(seed)
    reviews = EncodedReviews.load(variant.encoded / "test.safetensors")
    logits = predict_logits(load_model(model_folder).to(device), ReviewTensors(reviews, device))
    metrics = write_evaluation(answers_of(logits.numpy(), reviews.labels), folder)
    for file in FROM_MODEL:
        shutil.copyfile(model_folder / file, folder / file)
    reporter.line(f"test loss {metrics['test_loss']:.3f}, accuracy {metrics['test_accuracy']:.4f}")
