"""Write data/imdb/official_test.txt, which says which of the reviews are the Stanford archive's own test reviews.

`python scripts/official_division.py aclImdb_v1.tar.gz`: needed once, for the file is in git. With it the corpus's own
division is there for the one-table CSV too, which does not tell.
"""

from argparse import ArgumentParser
from pathlib import Path

from sentiment_rnn.corpus import read_archive
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.split import write_division


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    # the canonical order of the reviews; of two that are the same to the letter, which is which does not matter
    reviews = read_archive(parser.parse_args().archive).sort_values(["sentiment", "review", "part"])
    write_division((reviews["part"] == "test").to_numpy(), Path("data/imdb"))


if __name__ == "__main__":
    exit_on_error(main)
