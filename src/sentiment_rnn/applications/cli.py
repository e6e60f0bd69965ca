"""The command `sentiment`: ask trained models for their answers, and for what these are made of."""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from sentiment_rnn.errors import PipelineError, exit_on_error, printable
from sentiment_rnn.models.classifier import Classifier, Explanation
from sentiment_rnn.models.store import best_of, find, load, locate, stored_models

CHUNK = 256  # texts from standard input that are answered at a time, where nobody waits for each


def main() -> None:
    """Run the command."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # what is not UTF-8 is refused with its line
    try:
        exit_on_error(run)
    except BrokenPipeError:  # `sentiment ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
        sys.exit(1)


def run() -> None:
    """What the command line asks for."""
    arguments = _parser().parse_args()
    arguments.action(arguments)


def predict(arguments: argparse.Namespace) -> None:
    """`sentiment predict`."""
    if arguments.csv is not None:
        _predict_csv(arguments)
        return
    if arguments.out or arguments.column:
        raise PipelineError("--out and --column belong to --csv FILE")
    classifier = _named_on_stderr(arguments.model)
    first = 1
    for texts in _texts(arguments.text):
        for number, text in enumerate(texts, start=first):
            _require_utf8(text, f"text {number}")
        print_predictions(classifier, texts, as_json=arguments.json)
        first += len(texts)


def _predict_csv(arguments: argparse.Namespace) -> None:
    if arguments.out is None:
        raise PipelineError("--csv wants --out FILE too, for the answers")
    if arguments.text or arguments.json:
        raise PipelineError("--csv takes neither texts nor --json")
    from sentiment_rnn.applications.csv_prediction import predict_csv  # noqa: PLC0415

    started = time.perf_counter()
    name, folder = locate(arguments.model)
    print(f"model {name}", file=sys.stderr)
    n_rows, n_cut = predict_csv(folder, arguments.csv, arguments.column or "review", arguments.out)
    seconds = time.perf_counter() - started
    print(f"{n_rows:,} rows in {seconds:.1f} s, {n_rows / seconds:,.0f} a second: {arguments.out}")
    if n_cut:
        print(f"of {n_cut:,} the model did not read all words: it reads the first ones alone", file=sys.stderr)


def print_predictions(classifier: Classifier, texts: list[str], *, as_json: bool) -> None:
    """A line for each text."""
    for text, answer, n_unread in zip(texts, classifier.predict(texts), classifier.n_unread(texts), strict=True):
        if as_json:
            print(json.dumps({"text": text, **asdict(answer)}), flush=True)
        else:
            shown = printable(" ".join(text.split())[:80])
            print(f"{answer.label}  {answer.probability:.3f}  {shown}", flush=True)
        if n_unread:
            print(f"the last {n_unread:,} words of this text are not read", file=sys.stderr)


def explain(arguments: argparse.Namespace) -> None:
    """`sentiment explain`."""
    if arguments.text is None and sys.stdin.isatty():
        print("the text; Ctrl-D ends it", file=sys.stderr)
    text = sys.stdin.read() if arguments.text is None else arguments.text
    _require_utf8(text, "the text")
    name, folder = locate(arguments.model)
    explanation = load(folder).explain(text)
    if arguments.html is not None:
        from sentiment_rnn.applications.explanation import page  # noqa: PLC0415

        _write(arguments.html, page({name: explanation}))
        print(arguments.html, file=sys.stderr)
    if arguments.json:
        print(json.dumps(_as_dict(name, explanation)))
    elif arguments.html is None:
        from sentiment_rnn.applications.explanation import print_explanation  # noqa: PLC0415

        print_explanation(name, explanation)


def list_models(arguments: argparse.Namespace) -> None:
    """`sentiment models`."""
    models, damaged = stored_models()
    if not models and not damaged:
        find(None)  # says which command makes some
    for error in damaged.values():
        print(f"left out: {error}", file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(model) | {"folder": str(model.folder)} for model in models], indent=2))
        return
    best = best_of(models)
    print(f"  {'model':34}{'valid accuracy':>15}{'test accuracy':>15}{'parameters':>13}")
    for model in models:
        tested = "" if model.test_accuracy is None else f"{model.test_accuracy:.4f}"
        mark = "*" if model is best else " "
        print(f"{mark} {model.name:34}{model.valid_accuracy:>15.4f}{tested:>15}{model.n_parameters:>13,}")
    print("* the best on the valid reviews, which is taken where --model does not say another")


def serve(arguments: argparse.Namespace) -> None:
    """`sentiment serve`."""
    with _extra("serve"):
        from sentiment_rnn.applications.server import serve as serve_page  # noqa: PLC0415
    serve_page(arguments.port)


def export(arguments: argparse.Namespace) -> None:
    """`sentiment export`."""
    with _extra("onnx"):
        from sentiment_rnn.applications.onnx_export import export_onnx  # noqa: PLC0415
    name, folder = locate(arguments.model)
    try:
        inputs = export_onnx(load(folder), arguments.out)
    except OSError as error:
        raise PipelineError(f"{arguments.out}: cannot be written: {error.strerror}") from error
    print(f"{name}: {arguments.out}")
    for key, dimensions in inputs.items():
        print(f"input {key}: int64 [{', '.join(dimensions)}]")
    print("output log_odds: float [batch]")


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Around the import of something that an extra of the package brings."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise PipelineError(f"{error.name} is not installed; run: pip install -e '.[{name}]'") from error


def _named_on_stderr(model: str | None) -> Classifier:
    name, folder = locate(model)
    print(f"model {name}", file=sys.stderr)
    return load(folder)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PipelineError(f"{path}: cannot be written: {error.strerror}") from error


def _require_utf8(text: str, where: str) -> None:
    """Bytes that are not UTF-8 arrive as surrogates, from the command line and from standard input."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PipelineError(f"{where}: must be UTF-8") from error


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"must be 0 to 65535, not {text}")
    return int(text)


def _texts(texts: list[str]) -> Iterator[list[str]]:
    """Those given, or else the lines of standard input, some at a time; for a person typing, line by line."""
    if texts:
        yield texts
        return
    is_typing = sys.stdin.isatty()
    if is_typing:
        print("a text a line; Ctrl-D ends it", file=sys.stderr)
    lines: Iterable[str] = (line.rstrip("\n") for line in sys.stdin)
    while chunk := list(islice(lines, 1 if is_typing else CHUNK)):
        yield chunk


def _as_dict(name: str, explanation: Explanation) -> dict[str, Any]:
    words = [{"word": explanation.text[part.start : part.end], **asdict(part)} for part in explanation.contributions]
    content = {"model": name, "text": explanation.text, **asdict(explanation.prediction)}
    return content | {"log_odds": explanation.log_odds, "bias": explanation.bias, "contributions": words}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sentiment", description="Is a text positive or negative, and which words make it so?"
    )
    parser.set_defaults(action=lambda _: parser.print_help())
    commands = parser.add_subparsers(metavar="COMMAND")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model", metavar="NAME", help="a name of `sentiment models`, or a folder; by default the best one"
    )
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON")

    command = commands.add_parser("predict", parents=[model, as_json], help="label and probability of positive")
    command.add_argument("text", nargs="*", help="texts; without any, the lines of standard input")
    command.add_argument("--csv", type=Path, metavar="FILE", help="answer for each row of a CSV instead")
    command.add_argument("--column", metavar="NAME", help="the CSV's column with the texts (review)")
    command.add_argument("--out", type=Path, metavar="FILE", help="the CSV to write: a copy with two columns more")
    command.set_defaults(action=predict)

    command = commands.add_parser("explain", parents=[model, as_json], help="what each word adds to the answer")
    command.add_argument("text", nargs="?", help="the text; without one, all of standard input")
    command.add_argument("--html", type=Path, metavar="FILE", help="write it as a web page")
    command.set_defaults(action=explain)

    command = commands.add_parser("models", parents=[as_json], help="what is trained, the best first")
    command.set_defaults(action=list_models)

    command = commands.add_parser("serve", help="a page to play with, for this machine alone")
    command.add_argument("--port", type=_port, default=8000, help="8000 where none is given; 0 is a free one")
    command.set_defaults(action=serve)

    command = commands.add_parser("export", parents=[model], help="a model as an ONNX graph")
    command.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the file to write, such as model.onnx"
    )
    command.set_defaults(action=export)
    return parser
