"""Fit and evaluate a bag of words: `python -m extensions.baseline nbsvm`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.extensions.baseline import baseline_stage

if __name__ == "__main__":
    exit_on_error(baseline_stage)
