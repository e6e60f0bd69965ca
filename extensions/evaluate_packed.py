"""What half precision costs: the packed champion's answers to the test reviews beside those before it was rounded."""

from pathlib import Path

import numpy as np
from catalogue import DATA, PACKED

from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation.answers import answers_of, read_answers
from sentiment_rnn.model_json import read_description
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.device import use_deterministic_device
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model_folder import load_model
from sentiment_rnn.report.files import write_json


def main() -> None:
    device = use_deterministic_device()
    reviews = EncodedReviews.load(DATA / "encoded/champion/test.safetensors")
    logits = predict_logits(load_model(PACKED).to(device), ReviewTensors(reviews, device))
    packed = answers_of(logits.numpy(), reviews.labels)
    seed = read_description(PACKED)["seed"]
    whole = read_answers([DATA / "evaluations/champion" / str(seed)])
    costs = {
        "seed": seed,
        "test_accuracy": float(whole.correct.mean()),
        "test_accuracy_packed": float(packed.correct.mean()),
        "labels_changed": int((packed.correct != whole.correct).sum()),
        "largest_change_of_probability": float(np.abs(packed.probability - whole.probability).max()),
    }
    write_json(Path("extensions/packed.json"), costs)
    print(costs)


if __name__ == "__main__":
    exit_on_error(main)
