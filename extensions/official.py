"""Split the reviews into the corpus's own train and test reviews; a tenth of the train reviews become valid."""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from sentiment_rnn.corpus.split import Parts, write_split
from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.study.params import load_params

VALID = 0.1  # of the corpus's train reviews


class DivisionError(PipelineError):
    """The corpus has no division of its own, or not of these reviews."""


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", required=True, type=Path, help="CSV with the columns review and sentiment")
    parser.add_argument("--corpus", required=True, type=Path, help="folder of the corpus, which has the division")
    parser.add_argument("--seed", required=True, type=int, help="of the choice of the valid reviews")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()
    reviews = pd.read_csv(arguments.reviews, dtype=str, keep_default_na=False)
    write_split(
        reviews.assign(is_test=read_division(arguments.corpus, len(reviews))),
        lambda divided: official_split(divided, arguments.seed),
        drop_duplicates=load_params().drop_duplicates,
        folder=arguments.out,
    )


def official_split(reviews: pd.DataFrame, seed: int) -> Parts:
    """The parts, given the column is_test."""
    rest, test = reviews[~reviews["is_test"]], reviews[reviews["is_test"]]
    n_valid = round(len(rest) * VALID)
    train, valid = train_test_split(rest, test_size=n_valid, stratify=rest["sentiment"], random_state=seed)
    return {"train": train.sort_index(), "valid": valid.sort_index(), "test": test}


def read_division(corpus: Path, n_reviews: int) -> NDArray[np.bool_]:
    """Which reviews, in the corpus's canonical order, are its own test reviews: a bit each, in official_test.txt.

    Raises:
        DivisionError: the corpus has none, or one of another number of reviews.
    """
    file = corpus / "official_test.txt"
    if not file.exists():
        raise DivisionError(
            f"{corpus.name} has no train and test reviews of its own ({file} is not there): take `official` out of "
            "extensions.splits in extensions/params.yaml"
        )
    try:
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(file.read_text(encoding="ascii")), dtype=np.uint8))
    except ValueError as error:
        raise DivisionError(f"{file}: must hold hexadecimal digits: {error}") from error
    if len(bits) - n_reviews not in range(8):
        raise DivisionError(f"{file}: {len(bits)} bits, for {n_reviews} reviews")
    return bits[:n_reviews].astype(bool)


def write_division(is_test: NDArray[np.bool_], corpus: Path) -> None:
    """Write what read_division reads, in lines of 100 hexadecimal digits."""
    digits = np.packbits(is_test).tobytes().hex()
    lines = [digits[start : start + 100] for start in range(0, len(digits), 100)]
    (corpus / "official_test.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    exit_on_error(main)
