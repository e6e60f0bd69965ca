"""Train a network of the extensions: `python -m extensions.train attention`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.extensions.networks import load_networks
from sentiment_rnn.training.stage import train_stage

if __name__ == "__main__":
    exit_on_error(lambda: train_stage(load_networks))
