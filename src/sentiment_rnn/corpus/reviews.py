"""Reading reviews from the forms users have them in, into one table with one order."""

import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, cast

import pandas as pd
import psutil
from tqdm import tqdm

from sentiment_rnn.corpus.csv_rows import column_index, csv_rows
from sentiment_rnn.errors import PipelineError

LABELS = dict.fromkeys(("positive", "pos", "1"), "positive") | dict.fromkeys(("negative", "neg", "0"), "negative")
_MEMBER = re.compile(r"(?:\./)?aclImdb/(train|test)/(pos|neg)/\d+_\d+\.txt")
_FEWEST = 10  # reviews of each sentiment: fewer cannot be split 7:1:2
_MAX_REVIEW_BYTES = 1_000_000  # the longest of the real ones has 14,106
_MAX_UNPACKED_BYTES = psutil.virtual_memory().total // 3  # in memory it takes twice its room
_MAX_MEMBERS = 1_000_000  # ten times what the whole archive has

# what the libraries raise on a damaged file; MemoryError: of a name as long as it says; RuntimeError: a zip with a
# password, or packed in an unknown way
_FORMAT_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
_DAMAGES = (OSError, EOFError, MemoryError, ValueError, RuntimeError, *_FORMAT_ERRORS)


class CorpusError(PipelineError):
    """The reviews cannot be used; the message names the file, and the row where there is one."""


def read_reviews(path: Path) -> pd.DataFrame:
    """The reviews of a Stanford archive (.tar.gz) or of a CSV with the columns review and sentiment (.csv, .gz, .zip).

    Returns:
        Columns review and sentiment (positive or negative), sorted by sentiment, then review: the same reviews
        give the same table, whatever form they come in.

    Raises:
        CorpusError, CsvError: the file is damaged, unpacks to too much, or a row cannot be used.
    """
    try:
        reviews = read_archive(path) if path.name.endswith((".tar.gz", ".tgz", ".tar")) else _read_csv(path)
    except _DAMAGES as error:
        raise CorpusError(f"{path}: damaged, or not of the form that its name says: {error}") from error
    check_class_counts(reviews, str(path))
    return reviews[["review", "sentiment"]].sort_values(["sentiment", "review"], kind="stable", ignore_index=True)


def read_archive(path: Path) -> pd.DataFrame:
    """The labelled reviews of a Stanford archive, read where they are: nothing is unpacked to disk.

    Returns:
        Columns review, sentiment, and part: train or test, of the archive's own division.

    Raises:
        CorpusError: there are none, or too much, or something else; a damaged archive raises what tarfile does.
    """
    _check_unpacked_size(path)
    rows = []
    mode: Literal["r:", "r:gz"] = "r:" if path.suffix == ".tar" else "r:gz"
    with (
        tarfile.open(path, mode) as archive,
        tqdm(desc=f"reading {path.name}", unit="review", disable=None) as progress,
    ):
        for number, member in enumerate(archive):
            if number >= _MAX_MEMBERS:
                raise CorpusError(f"{path}: has more than {_MAX_MEMBERS:,} members: not the archive")
            match = _MEMBER.fullmatch(member.name)
            if not match or not member.isreg():
                continue
            if member.size > _MAX_REVIEW_BYTES:
                raise CorpusError(f"{path}: {member.name} has {member.size:,} bytes: not a review")
            content = archive.extractfile(member)
            assert content is not None  # a regular file has content
            rows.append((content.read().decode("utf-8"), LABELS[match[2]], match[1]))
            progress.update()
    if not rows:
        raise CorpusError(f"{path}: no reviews in it (no aclImdb/train/pos/0_9.txt or the like)")
    return pd.DataFrame(rows, columns=["review", "sentiment", "part"])


def check_class_counts(reviews: pd.DataFrame, where: str) -> None:
    """Check that the reviews can be split.

    Raises:
        CorpusError: there are fewer than 10 of a sentiment; the message begins with `where`.
    """
    for sentiment in ("positive", "negative"):
        count = int((reviews["sentiment"] == sentiment).sum())
        if count < _FEWEST:
            raise CorpusError(f"{where}: {count} {sentiment} reviews; at least {_FEWEST} of each sentiment are needed")


def content_hash(reviews: pd.DataFrame) -> str:
    """sha256 over `label TAB text NEWLINE` of every review in order, with the labels pos and neg, in UTF-8."""
    digest = hashlib.sha256()
    for text, sentiment in zip(reviews["review"], reviews["sentiment"], strict=True):
        digest.update(f"{sentiment[:3]}\t{text}\n".encode())
    return digest.hexdigest()


def _check_unpacked_size(path: Path) -> None:
    """Before anything is unpacked into memory: tarfile reads the names of members at once.

    Raises:
        CorpusError: it is too much.
    """
    n_bytes = 0
    with _unpacked(path) as file:
        while n_bytes <= _MAX_UNPACKED_BYTES and (chunk := file.read(1 << 20)):
            n_bytes += len(chunk)
    if n_bytes > _MAX_UNPACKED_BYTES:
        raise CorpusError(f"{path}: unpacks to more than {_MAX_UNPACKED_BYTES:,} bytes, too much for this machine")


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The content of a file: of a gzip file what is in it, of a zip file its one CSV, whatever their names."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file) as content:
                yield cast(IO[bytes], content)
        elif start == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive:
                names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
                tables = [name for name in names if name.lower().endswith(".csv")]
                if len(tables) != 1:
                    raise CorpusError(f"{path}: must hold one CSV file, and holds {', '.join(names) or 'nothing'}")
                with archive.open(tables[0]) as content:
                    yield content
        else:
            yield file


def _read_csv(path: Path) -> pd.DataFrame:
    _check_unpacked_size(path)
    texts, sentiments = [], []
    with _unpacked(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as lines:
        rows = csv_rows(lines, path)
        header = next(rows, [])
        review, sentiment = (column_index(header, column, path) for column in ("review", "sentiment"))
        for number, row in enumerate(rows, 1):
            label = LABELS.get(row[sentiment].strip().lower())
            problem = "" if label else f"unknown label; allowed are {', '.join(LABELS)}"
            problem = problem if row[review].strip() else "the review is empty"
            if problem:
                raise CorpusError(f"{path}: row {number}, with the label {row[sentiment]!r}: {problem}")
            texts.append(row[review])
            sentiments.append(label)
    return pd.DataFrame({"review": texts, "sentiment": sentiments}, dtype=str)
