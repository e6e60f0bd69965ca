"""The rows of a CSV file, read strictly: no row is swallowed by a stray quote, and each has all its fields."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from sentiment_rnn.errors import PipelineError

_LONGEST_FIELD = 10_000_000  # characters


class CsvError(PipelineError):
    """The CSV cannot be used; the message names the file, and the row where there is one."""


def csv_rows(lines: io.TextIOWrapper, source: Path) -> Iterator[list[str]]:
    """The rows of a file that was opened with newline="", the first line first; each has as many fields as that.

    Raises:
        CsvError: a row cannot be read. The rows are counted from 1 behind the first line.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    number, n_fields = 0, 0
    try:
        for fields in csv.reader(lines, strict=True):
            row = fields or [""] * (n_fields == 1)  # an empty line: an empty text, or where there are columns nothing
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
        where = f"row {number}" if number else "the first line"
        hint = "" if "field limit" in str(error) else "; a quote within a quoted text must be doubled"
        raise CsvError(f"{source}: {where}: {error}{hint}") from error


def column_index(header: list[str], column: str, source: Path) -> int:
    """The index of the column of that name.

    Raises:
        CsvError: there is none, or there are several.
    """
    if not header:
        raise CsvError(f"{source}: is empty")
    if header.count(column) != 1:
        raise CsvError(
            f"{source}: {header.count(column)} columns are named {column!r}, where there must be one; its first line "
            f"names {', '.join(map(repr, header))}"
        )
    return header.index(column)
