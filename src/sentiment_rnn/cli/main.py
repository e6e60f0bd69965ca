"""The command `sentiment`: predict, explain, models, serve, export."""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from sentiment_rnn.errors import PipelineError, exit_on_error, printable
from sentiment_rnn.files import writing
from sentiment_rnn.models.classifier import Classifier, Explanation
from sentiment_rnn.models.registry import best_model, find, load, locate, trained_models

CHUNK = 256  # lines of standard input that are predicted together, unless a person types them


def main() -> None:
    """Run the command."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # check_utf8() names the text
    try:
        exit_on_error(run)
    except BrokenPipeError:  # `sentiment ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
        sys.exit(1)


def run() -> None:
    """Do what the command line asks for."""
    arguments = _parser().parse_args()
    arguments.action(arguments)


def predict(arguments: argparse.Namespace) -> None:
    """`sentiment predict`."""
    if arguments.csv is not None:
        _predict_csv(arguments)
        return
    if arguments.out or arguments.column:
        raise PipelineError("--out and --column belong to --csv FILE")
    name, folder = locate(arguments.model)
    print(f"model {name}", file=sys.stderr)
    classifier, n_before = load(folder), 0
    for texts in _texts(arguments.text):
        numbered = dict(enumerate(texts, n_before + 1))
        for number, text in numbered.items():
            check_utf8(text, f"text {number}")
        print_predictions(classifier, numbered, as_json=arguments.json)
        n_before += len(texts)


def _predict_csv(arguments: argparse.Namespace) -> None:
    if arguments.out is None:
        raise PipelineError("--csv wants --out FILE too, for the predictions")
    if arguments.text or arguments.json:
        raise PipelineError("--csv takes neither texts nor --json")
    from sentiment_rnn.cli.predict_csv import predict_csv  # noqa: PLC0415

    started = time.perf_counter()
    name, folder = locate(arguments.model)
    print(f"model {name}", file=sys.stderr)
    counts = predict_csv(folder, arguments.csv, arguments.column or "review", arguments.out)
    seconds, n_rows = time.perf_counter() - started, counts["rows"]
    print(f"{n_rows:,} rows in {seconds:.1f} s, {n_rows / seconds:,.0f} a second: {arguments.out}")
    if counts["truncated"]:
        print(f"only the first words were read in {counts['truncated']:,} rows", file=sys.stderr)
    if counts["unknown"]:
        print(f"{counts['unknown']:,} rows have no word that the model knows: has_known_word is False", file=sys.stderr)


def print_predictions(classifier: Classifier, texts: dict[int, str], *, as_json: bool) -> None:
    """Print a line for each text, and by its number what of it is not read."""
    for (number, text), prediction in zip(texts.items(), classifier.predict(texts.values()), strict=True):
        if as_json:
            print(json.dumps({"text": text, **asdict(prediction)}), flush=True)
        else:
            shown = printable(" ".join(text.split())[:80])
            print(f"{prediction.label}  {prediction.probability:.3f}  {shown}", flush=True)
        for note in prediction.notes:
            print(f"text {number}: {note}", file=sys.stderr)


def explain(arguments: argparse.Namespace) -> None:
    """`sentiment explain`."""
    if arguments.text is None and sys.stdin.isatty():
        print("the text; Ctrl-D ends it", file=sys.stderr)
    text = sys.stdin.read() if arguments.text is None else arguments.text
    check_utf8(text, "the text")
    name, folder = locate(arguments.model)
    explanation = load(folder).explain(text)
    from sentiment_rnn.cli.explain import page, print_explanation  # noqa: PLC0415

    if arguments.html is not None:
        with writing(arguments.html):
            arguments.html.write_text(page({name: explanation}), encoding="utf-8")
        print(arguments.html, file=sys.stderr)
    if arguments.json:
        print(json.dumps(_as_dict(name, explanation)))
    elif arguments.html is None:
        print_explanation(name, explanation)


def list_models(arguments: argparse.Namespace) -> None:
    """`sentiment models`."""
    models, damaged = trained_models()
    for error in damaged.values():
        print(f"left out: {error}", file=sys.stderr)
    if not models:
        find(None)  # its error names the command that trains some
    if arguments.json:
        print(json.dumps([asdict(model) | {"folder": str(model.folder)} for model in models], indent=2))
        return
    best = best_model(models)
    print(f"  {'model':34}{'validation accuracy':>20}{'test accuracy':>15}{'parameters':>13}")
    for model in models:
        tested = "" if model.test_accuracy is None else f"{model.test_accuracy:.4f}"
        mark = "*" if model is best else " "
        print(f"{mark} {model.name:34}{model.validation_accuracy:>20.4f}{tested:>15}{model.n_parameters:>13,}")
    print("* the default of --model: the best of those with the validation reviews of the package's models")


def serve(arguments: argparse.Namespace) -> None:
    """`sentiment serve`."""
    with _extra("serve"):
        from sentiment_rnn.cli.serve import serve as serve_page  # noqa: PLC0415
    serve_page(arguments.port)


def export(arguments: argparse.Namespace) -> None:
    """`sentiment export`."""
    with _extra("onnx"):
        from sentiment_rnn.cli.export import export_onnx  # noqa: PLC0415
    name, folder = locate(arguments.model)
    with writing(arguments.out):
        inputs = export_onnx(load(folder), arguments.out)
    print(f"{name}: {arguments.out}")
    for key, dimensions in inputs.items():
        print(f"input {key}: int64 [{', '.join(dimensions)}]")
    print("output log_odds: float [batch]")


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Name the extra of the package that brings a missing module."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise PipelineError(f"{error.name} is not installed; run: pip install 'sentiment_rnn[{name}]'") from error


def check_utf8(text: str, where: str) -> None:
    """Check that a text of the command line or of standard input is UTF-8: other bytes arrive as surrogates.

    Raises:
        PipelineError: it is not; the message begins with `where`.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PipelineError(f"{where}: must be UTF-8") from error


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"must be 0 to 65535, not {text}")
    return int(text)


def _texts(texts: list[str]) -> Iterator[list[str]]:
    """The given texts, or else the lines of standard input, some at a time; line by line for a person typing."""
    if texts:
        yield texts
        return
    is_typing = sys.stdin.isatty()
    if is_typing:
        print("a text a line; Ctrl-D ends it", file=sys.stderr)
    lines = (line.rstrip("\n") for line in sys.stdin)
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
    model, as_json = argparse.ArgumentParser(add_help=False), argparse.ArgumentParser(add_help=False)
    model.add_argument("--model", metavar="NAME", help="a name of `sentiment models`, or a folder; default: the best")
    as_json.add_argument("--json", action="store_true", help="print JSON")

    command = commands.add_parser("predict", parents=[model, as_json], help="label and probability of positive")
    command.add_argument("text", nargs="*", help="texts; without any, the lines of standard input")
    command.add_argument("--csv", type=Path, metavar="FILE", help="predict each row of a CSV instead")
    command.add_argument("--column", metavar="NAME", help="the CSV's column with the texts (review)")
    command.add_argument("--out", type=Path, metavar="FILE", help="the CSV to write: a copy with three columns more")
    command.set_defaults(action=predict)

    command = commands.add_parser("explain", parents=[model, as_json], help="what each word adds to the prediction")
    command.add_argument("text", nargs="?", help="the text; without one, all of standard input")
    command.add_argument("--html", type=Path, metavar="FILE", help="write it as a web page")
    command.set_defaults(action=explain)

    command = commands.add_parser("models", parents=[as_json], help="the trained models, the best first")
    command.set_defaults(action=list_models)

    command = commands.add_parser("serve", help="a page to play with, for this machine alone")
    command.add_argument("--port", type=_port, default=8000, help="default 8000; 0 is a free one")
    command.set_defaults(action=serve)

    command = commands.add_parser("export", parents=[model], help="a model as an ONNX graph")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write: model.onnx")
    command.set_defaults(action=export)
    return parser
