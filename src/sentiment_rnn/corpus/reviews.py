"""Reading reviews from the forms users have them in, into one table with one order."""

import gzip
import hashlib
import lzma
import re
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Literal

import pandas as pd
from tqdm import tqdm

from sentiment_rnn.errors import PipelineError

LABELS = {
    "positive": "positive",
    "negative": "negative",
    "pos": "positive",
    "neg": "negative",
    "1": "positive",
    "0": "negative",
}
_MEMBER = re.compile(r"(?:\./)?aclImdb/(train|test)/(pos|neg)/\d+_\d+\.txt")
_FEWEST = 10  # reviews of each sentiment: fewer cannot be split 7:1:2
_MAX_REVIEW_BYTES = 1_000_000  # the longest of the real ones has 14,106
_MAX_UNPACKED_BYTES = 2_000_000_000  # thirty times the labelled reviews
_MAX_MEMBERS = 1_000_000  # ten times what the whole archive has
_PACKED: dict[str, Literal["gzip", "zip"]] = {".gz": "gzip", ".zip": "zip"}

# what the libraries raise on a damaged file; MemoryError: of a name as long as it says; RuntimeError: a zip with a
# password, or packed in an unknown way
_DAMAGES = (
    OSError,
    EOFError,
    MemoryError,
    ValueError,
    RuntimeError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


class CorpusError(PipelineError):
    """The reviews cannot be used; the message names the file, and the row where there is one."""


def read_reviews(path: Path) -> pd.DataFrame:
    """The reviews of a Stanford archive (.tar.gz) or of a CSV with the columns review and sentiment (.csv, .gz, .zip).

    Returns:
        Columns review and sentiment (positive or negative), sorted by sentiment, then review: the same reviews
        give the same table, whatever form they come in.

    Raises:
        CorpusError: the file is damaged, unpacks to too much, or a row cannot be used.
    """
    try:
        reviews = read_archive(path) if path.name.endswith((".tar.gz", ".tgz", ".tar")) else _read_csv(path)
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: must be UTF-8: {error}") from error
    except _DAMAGES as error:
        raise CorpusError(f"{path}: damaged, or not of the form that its name says: {error}") from error
    require_enough(reviews, str(path))
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
        for place, member in enumerate(archive):
            if place >= _MAX_MEMBERS:
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


def require_enough(reviews: pd.DataFrame, where: str) -> None:
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
    """Before anything is unpacked into memory: pandas takes a CSV at once, tarfile the names of members.

    Raises:
        CorpusError: it is too much.
    """
    n_bytes = 0
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())  # no more than that is read
    elif path.suffix in (".gz", ".tgz"):
        with gzip.open(path) as file:
            while n_bytes <= _MAX_UNPACKED_BYTES and (chunk := file.read(1 << 20)):
                n_bytes += len(chunk)
    if n_bytes > _MAX_UNPACKED_BYTES:
        raise CorpusError(f"{path}: unpacks to more than {_MAX_UNPACKED_BYTES:,} bytes: not a corpus of reviews")


def _read_csv(path: Path) -> pd.DataFrame:
    _check_unpacked_size(path)
    # without header=None pandas takes a row with one field too many for an index, and renames a repeated column
    cells = pd.read_csv(
        path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig", compression=_PACKED.get(path.suffix)
    )
    header = list(cells.iloc[0])
    for column in ("review", "sentiment"):
        if header.count(column) != 1:
            raise CorpusError(
                f"{path}: {header.count(column)} columns are named {column!r}, where there must be one; its first line "
                f"names the columns {', '.join(map(repr, header))}"
            )
    table = cells[1:].set_axis(header, axis=1)[["review", "sentiment"]].reset_index(drop=True)
    table["sentiment"] = table["sentiment"].str.strip().str.lower()
    for problem, is_wrong in {
        "too few fields": table.isna().any(axis=1),
        f"unknown label; allowed are {', '.join(LABELS)}": ~table["sentiment"].isin(list(LABELS)),
        "the review is empty": table["review"].str.strip() == "",
    }.items():
        if is_wrong.any():
            row = int(is_wrong.to_numpy().argmax())
            raise CorpusError(f"{path}: row {row + 1}, with the label {table['sentiment'].iloc[row]!r}: {problem}")
    return table.assign(sentiment=table["sentiment"].map(LABELS))
