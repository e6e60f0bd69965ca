"""Train one variant beyond the study: `python extensions/stages/train.py champion`."""

from catalogue import load_extended_catalogue

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.training.variant import train_stage

if __name__ == "__main__":
    exit_on_error(lambda: train_stage(load_extended_catalogue))
