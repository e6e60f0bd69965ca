"""Evaluate a network of the extensions on the test set: `python -m extensions.evaluate attention`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation.stage import evaluate_stage
from sentiment_rnn.extensions.networks import load_networks

if __name__ == "__main__":
    exit_on_error(lambda: evaluate_stage(load_networks))
