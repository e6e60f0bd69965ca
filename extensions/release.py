"""Make the models that come with the package: `python -m extensions.release`."""

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.extensions.release import release_stage

if __name__ == "__main__":
    exit_on_error(release_stage)
