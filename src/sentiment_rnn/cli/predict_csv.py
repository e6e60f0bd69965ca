"""Predictions for the rows of a CSV file, however many, on all cores."""

import csv
import io
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from sentiment_rnn.corpus.csv_rows import CsvError, column_index, csv_rows
from sentiment_rnn.models.classifier import Classifier, Prediction
from sentiment_rnn.models.registry import load
from sentiment_rnn.parallel import n_cores, n_workers, preload, process_pool

CHUNK = 1024  # rows that a worker takes at a time
OUTPUT_COLUMNS = ("label", "probability", "has_known_word")

Rows = list[list[str]]


def predict_csv(model: Path, source: Path, column: str, target: Path) -> Counter[str]:
    """Copy a CSV with a header, and add to each row a label, the probability of positive and whether a word is known.

    The target, or the file that it links to, is replaced once all rows are there. Its lines end in a line feed.

    Returns:
        The number of rows, of the truncated ones (only the first words were read), and of those without a known word.

    Raises:
        CsvError: a file cannot be read or written, or a row has not the columns of the header.
    """
    _check_paths(source, target)
    preload("torch")
    named, target = target, target.resolve()
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    try:
        with (
            source.open("rb") as raw,
            io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as lines,
            unfinished.open("x", encoding="utf-8", newline="") as out,
            tqdm(total=source.stat().st_size, desc=source.name, unit="B", unit_scale=True, disable=None) as progress,
        ):
            rows = csv_rows(lines, source)
            header = next(rows, [])
            index = _column_index(header, column, source)
            write_row = _row_writer(out)
            write_row([*header, *OUTPUT_COLUMNS])
            counts = Counter[str]()
            chunks = iter(lambda: list(islice(rows, CHUNK)), [])
            for chunk, predictions in _predicted(model, chunks, index):
                for row, prediction in zip(chunk, predictions, strict=True):
                    write_row([*row, prediction.label, f"{prediction.probability:.6f}", str(prediction.has_known_word)])
                    counts["truncated"] += prediction.n_truncated > 0
                    counts["unknown"] += not prediction.has_known_word
                counts["rows"] += len(chunk)
                progress.update(raw.tell() - progress.n)
        unfinished.replace(target)
    except OSError as error:
        where = named if error.filename in (None, str(unfinished)) else error.filename
        raise CsvError(f"{where}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return counts


def _check_paths(source: Path, target: Path) -> None:
    """Tell what is wrong with them before hours of work."""
    if not source.is_file():
        raise CsvError(f"{source}: there is no such file")
    if not target.parent.is_dir():
        raise CsvError(f"{target}: there is no folder {target.parent}")
    if target.exists() and not target.is_file():
        raise CsvError(f"{target}: is not a file that can be replaced")
    if target.exists() and target.samefile(source):
        raise CsvError(f"{target}: is the file that is read; name another one")


def _row_writer(out: TextIO) -> Callable[[list[str]], object]:
    """A function that writes a row of a CSV; older Pythons do not quote a carriage return, which would end the row."""
    plain = csv.writer(out, lineterminator="\n")
    quoting = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    return lambda row: (quoting if any("\r" in field for field in row) else plain).writerow(row)


def _column_index(header: list[str], column: str, source: Path) -> int:
    try:
        index = column_index(header, column, source)
    except CsvError as error:
        raise CsvError(f"{error}{'; --column NAME chooses' if header else ''}") from error
    if taken := [name for name in OUTPUT_COLUMNS if name in header]:
        raise CsvError(f"{source}: has a column {taken[0]!r} already, which is to be added; rename it")
    return index


def _predicted(model: Path, chunks: Iterator[Rows], index: int) -> Iterator[tuple[Rows, list[Prediction]]]:
    """Each chunk with its predictions, in order; two chunks for each worker are in memory."""
    size = n_workers(n_cores())
    waiting: deque[tuple[Rows, Future[list[Prediction]]]] = deque()
    with process_pool(size, _load, (model,)) as pool:
        while True:
            for chunk in islice(chunks, 2 * size - len(waiting)):
                waiting.append((chunk, pool.submit(_predict, [row[index] for row in chunk])))
            if not waiting:
                return
            chunk, future = waiting.popleft()
            yield chunk, future.result()


_classifier: Classifier  # of a worker


def _load(model: Path) -> None:
    global _classifier  # noqa: PLW0603
    _classifier = load(model)


def _predict(texts: list[str]) -> list[Prediction]:
    return _classifier.predict(texts)
