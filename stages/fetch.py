"""Bring the corpus that params.yaml names into data/raw/reviews.csv, whatever form it is found in."""

import csv
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sentiment_rnn.corpus.download import DownloadError, download
from sentiment_rnn.corpus.reviews import CorpusError, content_hash, read_reviews
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue


def main() -> None:
    arguments = parse_arguments()
    params = load_params()
    study_catalogue(params)  # names what is wrong with a variant before anything runs
    dataset = params.dataset
    source = arguments.data / dataset
    if dataset == "imdb":
        imdb = YAML(typ="safe").load(source / "source.yaml")
        file = placed_or_downloaded(arguments.data, imdb)
        reviews = read_reviews(file)
        found = content_hash(reviews)
        if found != imdb["content_sha256"]:
            raise CorpusError(
                f"{file}: not the 50,000 IMDB reviews: the sha256 of its {len(reviews):,} reviews is {found} where "
                f"{imdb['content_sha256']} is expected; get it again. A CSV of your own needs another name: "
                "dvc exp run -S dataset=NAME.csv"
            )
    else:
        file = source / "reviews.csv" if dataset == "sample" else source
        reviews = read_reviews(file)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = arguments.out.with_suffix(".unfinished")
    reviews.to_csv(unfinished, index=False, quoting=csv.QUOTE_ALL)  # unquoted, a lone \r would end its row
    unfinished.replace(arguments.out)
    print(f"{len(reviews):,} reviews from {file}")


def placed_or_downloaded(data: Path, imdb: dict[str, Any]) -> Path:
    """The file that the user put into data/, else the archive from its home on the network."""
    for pattern in imdb["placed"]:
        for file in sorted(data.glob(pattern)):
            return file
    archive = data / Path(imdb["url"]).name
    try:
        download(imdb["url"], archive, imdb["md5"])
    except DownloadError as error:
        raise CorpusError(
            f"no reviews: put one of {', '.join(imdb['placed'])} into data/, or run the sample with "
            f"`dvc exp run -S dataset=sample`; the download failed: {error}"
        ) from error
    return archive


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="folder where the corpora are")
    parser.add_argument("--out", required=True, type=Path, help="CSV to write")
    return parser.parse_args()


if __name__ == "__main__":
    exit_on_error(main)
