"""Write a network of the study for the package: `python -m extensions.half_precision gru`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.extensions.half_precision import half_precision_stage

if __name__ == "__main__":
    exit_on_error(half_precision_stage)
