"""The evaluate stages: the models of a variant, on the test set."""

import shutil
from argparse import ArgumentParser
from collections.abc import Callable

from sentiment_rnn.dvc_stage import exit_with_dvc
from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.evaluation.predictions import FILES, Predictions, write_results
from sentiment_rnn.files import replace_folder, unfinished_folder
from sentiment_rnn.model_json import read_metadata
from sentiment_rnn.parallel import Reporter, preload, run_parallel
from sentiment_rnn.study.variants import Catalogue, Variant

FROM_MODEL = ("model.json", "curves.csv", "timing.json")  # copied into the results, which git keeps


def evaluate_stage(load: Callable[[], Catalogue]) -> None:
    """Evaluate the models of the variant that the command line names, and replace its results; `load` reads all."""
    parser = ArgumentParser(description="Evaluate the trained models of a variant on the test set.")
    parser.add_argument("variant", help="its name: lstm-adam, n_layers-2, ...")
    name = parser.parse_args().variant
    exit_with_dvc()
    preload("torch")
    variant = load().find(name)
    predictions = run_parallel({f"seed {seed}": (variant, seed) for seed in variant.seeds}, predict)
    unfinished = unfinished_folder(variant.results)
    for (label, of_seed), seed in zip(predictions.items(), variant.seeds, strict=True):
        folder = unfinished / str(seed)
        folder.mkdir()
        metrics = write_results(of_seed, folder)
        for file in FROM_MODEL:
            shutil.copyfile(variant.models / str(seed) / file, folder / file)
        print(f"{label} | test loss {metrics['test_loss']:.3f}, accuracy {metrics['test_accuracy']:.4f}")
    replace_folder(unfinished, variant.results)


def predict(run: tuple[Variant, int], _: Reporter) -> dict[str, Predictions]:
    """The predictions of one model for the test and the validation reviews; a PipelineError if it is another's."""
    # the main process needs no PyTorch
    from sentiment_rnn.network.batching import ReviewTensors  # noqa: PLC0415
    from sentiment_rnn.network.device import use_deterministic_device  # noqa: PLC0415
    from sentiment_rnn.network.inference import predict_logits  # noqa: PLC0415
    from sentiment_rnn.network.model_io import load_model  # noqa: PLC0415

    variant, seed = run
    device = use_deterministic_device()
    model = load_model(folder := variant.models / str(seed)).to(device)
    if read_metadata(folder)["hyperparameters"] != variant.hyperparameters.model_dump():
        raise PipelineError(f"{folder}: trained with other hyperparameters; rm -r {variant.models} removes it")
    predictions = {}
    for part in FILES:
        reviews = EncodedReviews.load(variant.encoded / f"{part}.safetensors")
        logits = predict_logits(model, ReviewTensors(reviews, device))
        predictions[part] = Predictions.from_logits(logits.numpy(), reviews.labels)
    return predictions
