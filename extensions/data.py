"""Split and encode the reviews for a data set of the extensions: `python -m extensions.data official`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.extensions.data import data_stage

if __name__ == "__main__":
    exit_on_error(data_stage)
