"""Bring the corpus that params.yaml names into data/raw/reviews.csv: `python -m stages.fetch`."""

import csv
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sentiment_rnn.corpus.download import DownloadError, download
from sentiment_rnn.corpus.reviews import CorpusError, content_hash, read_reviews
from sentiment_rnn.errors import exit_on_error
from sentiment_rnn.files import writing
from sentiment_rnn.study.params import load_params

DATA = Path("data")
OUT = Path("data/raw/reviews.csv")


def main() -> None:
    dataset = load_params().dataset
    if dataset == "imdb":
        imdb = YAML(typ="safe").load(DATA / "imdb/source.yaml")
        file = find_or_download(imdb)
        reviews = read_reviews(file)
        sha256 = content_hash(reviews)
        if sha256 != imdb["content_sha256"]:
            raise CorpusError(
                f"{file}: not the 50,000 IMDB reviews: the sha256 of its {len(reviews):,} reviews is {sha256}, "
                f"{imdb['content_sha256']} is expected; get it again. A CSV of your own needs another name: "
                "dvc exp run -S dataset=NAME.csv"
            )
    else:
        file = DATA / "sample/reviews.csv" if dataset == "sample" else DATA / dataset
        reviews = read_reviews(file)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    unfinished = OUT.with_suffix(".unfinished")
    with writing(unfinished):
        # unquoted, a lone \r would end its row
        reviews.to_csv(unfinished, index=False, quoting=csv.QUOTE_ALL, lineterminator="\n")
    unfinished.replace(OUT)
    print(f"{len(reviews):,} reviews from {file}")


def find_or_download(imdb: dict[str, Any]) -> Path:
    """The file that the user put into data/, else the archive from its home on the network."""
    for pattern in imdb["placed"]:
        for file in sorted(DATA.glob(pattern)):
            return file
    archive = DATA / Path(imdb["url"]).name
    try:
        download(imdb["url"], archive, imdb["md5"])
    except DownloadError as error:
        raise CorpusError(
            f"no reviews: put one of {', '.join(imdb['placed'])} into data/, or run the sample with "
            f"`make demo`; the download failed: {error}"
        ) from error
    return archive


if __name__ == "__main__":
    exit_on_error(main)
