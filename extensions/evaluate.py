"""Hold models beyond the study against the test reviews: `python extensions/evaluate.py champion`."""

from catalogue import load_extended_catalogue

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation.variant import evaluate_stage

if __name__ == "__main__":
    exit_on_error(lambda: evaluate_stage(load_extended_catalogue))
