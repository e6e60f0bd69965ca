"""Hold one trained model against the test reviews."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from sentiment_rnn.dataset import EncodedReviews
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation import answers_of, write_evaluation
from sentiment_rnn.network.batching import ReviewTensors
from sentiment_rnn.network.inference import predict_logits
from sentiment_rnn.network.model_folder import load_model
from sentiment_rnn.network.training import use_deterministic_device


def main() -> None:
    arguments = parse_arguments()
    device = use_deterministic_device()
    reviews = EncodedReviews.load(arguments.test)
    logits = predict_logits(load_model(arguments.model).to(device), ReviewTensors(reviews, device))
    metrics = write_evaluation(answers_of(logits.numpy(), reviews.labels), arguments.out)
    print(f"{arguments.model}: test loss {metrics['test_loss']:.3f}, accuracy {metrics['test_accuracy']:.4f}")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, type=Path, help="folder of the trained model")
    parser.add_argument("--test", required=True, type=Path, help="encoded test reviews")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
