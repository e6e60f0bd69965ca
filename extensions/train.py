"""Train a variant beyond the study, or a group of them: `python extensions/train.py champion`."""

from catalogue import load_extended_catalogue

from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import Hyperparameters
from sentiment_rnn.training.seed import Fitting
from sentiment_rnn.training.variant import train_stage


def fitting_of(hyperparameters: Hyperparameters) -> Fitting | None:
    """The champion's model does not start from random numbers alone; the others do not depend on what is imported."""
    if hyperparameters.embedding == "random" and not hyperparameters.ngrams:
        return None
    from fitting.start import fit_beforehand  # noqa: PLC0415

    return fit_beforehand


if __name__ == "__main__":
    exit_on_error(lambda: train_stage(load_extended_catalogue, fitting_of))
