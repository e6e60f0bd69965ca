"""Evaluate one variant of the study on the test set: `python -m stages.evaluate n_layers-2`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.evaluation.stage import evaluate_stage
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue

if __name__ == "__main__":
    exit_on_error(lambda: evaluate_stage(lambda: study_catalogue(load_params())))
