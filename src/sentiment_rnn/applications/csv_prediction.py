"""A classifier's answers for the rows of a CSV file, however many."""

import csv
import io
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.models.classifier import Classifier

CHUNK = 2048  # rows that are in memory at a time
ADDED = ("label", "probability")
_LONGEST_FIELD = 10_000_000  # characters


class CsvError(PipelineError):
    """The CSV cannot be used; the message names the file, and the row where there is one."""


def predict_csv(classifier: Classifier, source: Path, column: str, target: Path) -> int:
    """Copy a CSV, with a label and the probability of positive behind each row.

    Args:
        classifier: the model.
        source: comma-separated, in UTF-8, its first line naming the columns.
        column: the one with the texts.
        target: the file to write; it is there only once all rows are. Lines end in a line feed.

    Returns:
        The number of rows.

    Raises:
        CsvError: a file cannot be read or written, or a row has not the columns of the first line.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    _check_paths(source, target)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    try:
        with (
            source.open("rb") as raw,
            io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as lines,
            unfinished.open("x", encoding="utf-8", newline="") as out,
            tqdm(total=source.stat().st_size, desc=source.name, unit="B", unit_scale=True, disable=None) as progress,
        ):
            rows = _rows(lines, source)
            header = next(rows, [])
            place = _place(header, column, source)
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow([*header, *ADDED])
            n_rows = 0
            while chunk := list(islice(rows, CHUNK)):
                answers = classifier.predict([row[place] for row in chunk])
                writer.writerows(
                    [*row, answer.label, f"{answer.probability:.6f}"]
                    for row, answer in zip(chunk, answers, strict=True)
                )
                n_rows += len(chunk)
                progress.update(raw.tell() - progress.n)
        unfinished.replace(target)
    except OSError as error:
        raise CsvError(f"{error.filename or target}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return n_rows


def _check_paths(source: Path, target: Path) -> None:
    """What is wrong with them is told before hours of work."""
    if not source.is_file():
        raise CsvError(f"{source}: there is no such file")
    if not target.parent.is_dir():
        raise CsvError(f"{target}: there is no folder {target.parent}")
    if target.exists() and not target.is_file():
        raise CsvError(f"{target}: is not a file that can be replaced")
    if target.exists() and target.samefile(source):
        raise CsvError(f"{target}: is the file that is read; name another one")


def _rows(lines: io.TextIOWrapper, source: Path) -> Iterator[list[str]]:
    """The rows, the header first; each has as many fields as that."""
    number, n_fields = 0, 0
    try:
        for found in csv.reader(lines, strict=True):
            row = found or [""] * (n_fields == 1)  # an empty line: an empty text, or where there are columns nothing
            if not row:
                continue
            n_fields = n_fields or len(row)
            if len(row) != n_fields:
                raise CsvError(f"{source}: row {number} has {len(row)} fields, the first line {n_fields}")
            yield row
            number += 1
    except UnicodeDecodeError as error:
        raise CsvError(f"{source}: at row {number} or soon after: must be UTF-8 ({error.reason})") from error
    except csv.Error as error:
        raise CsvError(f"{source}: {f'row {number}' if number else 'the first line'}: {error}") from error


def _place(header: list[str], column: str, source: Path) -> int:
    if not header:
        raise CsvError(f"{source}: is empty")
    if header.count(column) != 1:
        raise CsvError(
            f"{source}: {header.count(column)} columns are named {column!r}, where there must be one; its first line "
            f"names {', '.join(map(repr, header))}: choose with --column"
        )
    taken = [name for name in ADDED if name in header]
    if taken:
        raise CsvError(f"{source}: has a column {taken[0]!r} already, which is to be added; rename it")
    return header.index(column)
