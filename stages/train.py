"""Train one variant of the study: `python -m stages.train n_layers-2`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue
from sentiment_rnn.training.stage import train_stage

if __name__ == "__main__":
    exit_on_error(lambda: train_stage(lambda: study_catalogue(load_params())))
