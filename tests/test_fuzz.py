"""Bad input by the thousand: all of it ends in a result, or in an error that says what is wrong.

`make fuzz` tries a hundred times as many.
"""

import csv
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import committed, hyperparameters
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

from sentiment_rnn.cli.predict_csv import predict_csv
from sentiment_rnn.cli.serve import create_app
from sentiment_rnn.corpus.csv_rows import CsvError
from sentiment_rnn.corpus.reviews import CorpusError, read_reviews
from sentiment_rnn.encoding.tokens import Tokenizer, plain_tokens, plain_words
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.model_json import ModelFolderError, write_metadata
from sentiment_rnn.models.bag_of_words import BagOfWords
from sentiment_rnn.models.registry import load, trained_models
from sentiment_rnn.network.model import build_model
from sentiment_rnn.network.model_io import save_model
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import study_catalogue

WORDS = ["good", "dull", "film"]
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates, NUL and all
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    ["review", "sentiment", "positive", "negative", "a good film", '"', "", ",", "\n", "\r", "\0", "\ufeff", "é"]
)


@contextmanager
def folder() -> Iterator[Path]:
    """Empty; hypothesis calls a test many times, for which pytest has one tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def damaged(content: bytes, places: list[tuple[int, int]], end: float) -> bytes:
    """With some bytes changed, and cut."""
    changed = bytearray(content)
    for place, value in places:
        changed[place % len(changed)] = value
    return bytes(changed[: round(len(changed) * end)])


PLACES = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=8)
END = st.sampled_from([1.0, 1.0, 0.99, 0.5, 0.01, 0.0])


@given(
    content=st.binary() | st.lists(FIELDS).map(lambda fields: ",".join(fields).encode()),
    name=st.sampled_from(["x.csv", "x.csv.gz", "x.zip", "x.tar.gz"]),
)
def test_corpus_of_any_bytes(content: bytes, name: str):
    with folder() as here:
        (here / name).write_bytes(content)
        with suppress(CorpusError, CsvError):
            read_reviews(here / name)
        assert [path.name for path in here.iterdir()] == [name]


@cache
def good_csv() -> bytes:
    rows = "".join(
        f'"film {number}, <br /> ""good""",{label}\n' for number in range(10) for label in ("positive", "negative")
    )
    return f"review,sentiment\n{rows}".encode()


@given(PLACES, END)
def test_corpus_of_a_damaged_csv(places: list[tuple[int, int]], end: float):
    with folder() as here:
        (here / "x.csv").write_bytes(damaged(good_csv(), places, end))
        with suppress(CorpusError, CsvError):
            assert set(read_reviews(here / "x.csv")["sentiment"]) == {"positive", "negative"}


@given(
    texts=st.lists(st.text("ab") | st.text('ab ,"\n'), min_size=30, max_size=30),
    row=st.integers(0, 29),
    place=st.integers(0, 9),
)
def test_stray_quote_swallows_no_review(texts: list[str], row: int, place: int):
    """The file is refused, or all of its rows are found."""
    lines = []
    for number, text in enumerate(texts):
        line = io.StringIO()
        # the text begins with a letter: a quote too many before a comma or a line's end can make another sound file
        csv.writer(line).writerow([f"a{text}", ("pos", "neg")[number % 2]])
        lines.append(line.getvalue())
    lines[row] = f'{lines[row][:place]}"{lines[row][place:]}'
    with folder() as here:
        (here / "x.csv").write_text("".join(["review,sentiment\n", *lines]), newline="")
        with suppress(CorpusError, CsvError):
            assert len(read_reviews(here / "x.csv")) == len(texts)


@cache
def good_archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number in range(20):
            member = tarfile.TarInfo(f"aclImdb/train/{('pos', 'neg')[number % 2]}/{number}_5.txt")
            member.size = 4
            archive.addfile(member, io.BytesIO(b"good"))
    return stream.getvalue()


@given(PLACES, END)
def test_corpus_of_a_damaged_archive(places: list[tuple[int, int]], end: float):
    with folder() as here:
        (here / "x.tar.gz").write_bytes(damaged(good_archive(), places, end))
        with suppress(CorpusError, CsvError):
            read_reviews(here / "x.tar.gz")


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["aclImdb/train/pos/1_9.txt", "../../x", "/tmp/x", "aclImdb/train/pos/../../../x", "a" * 300])
        | st.text(max_size=20),
        st.sampled_from(
            [
                tarfile.GNUTYPE_LONGNAME,
                tarfile.XHDTYPE,
                tarfile.REGTYPE,
                tarfile.SYMTYPE,
                tarfile.LNKTYPE,
                tarfile.CHRTYPE,
                tarfile.FIFOTYPE,
                tarfile.DIRTYPE,
            ]
        ),
        st.sampled_from([0, 4, 10**6, 10**6 + 1, 2**31, 2**60]),
    ),
    max_size=5,
)


@given(MEMBERS)
def test_corpus_of_a_hostile_archive(members: list[tuple[str, bytes, int]]):
    """Paths that lead elsewhere, links, devices, sizes that are not there: nothing is written, nothing waits."""
    with folder() as here:
        with (here / "x.tar").open("wb") as archive:
            for name, kind, size in members:
                member = tarfile.TarInfo(name)
                member.type, member.linkname, member.size = kind, "/etc/passwd", size
                archive.write(member.tobuf(errors="surrogateescape") + b"good".ljust(512, b"\0"))
        with suppress(CorpusError, CsvError):
            read_reviews(here / "x.tar")
        assert [path.name for path in here.iterdir()] == ["x.tar"]


PIECES = ["<", ">", "br /", "the", "Not", " ", "é", "\0", "\ud800", "&amp;", "&", ";", "&#3", "<!--", "Хороший", "<3"]


@given(ANY_TEXT | st.lists(st.sampled_from(PIECES)).map("".join))
def test_tokens_of_any_text(text: str):
    for stop_words in ("source", "drop", "keep"):
        tokenizer = Tokenizer(stop_words, {"the"})
        tokens = tokenizer.with_spans(text)
        assert [token.word for token in tokens] == tokenizer(text)
        assert all(0 <= token.start < token.end <= len(text) for token in tokens)
        assert all(token.word.isascii() and token.word.isalpha() for token in tokens)
        if "<" not in text:
            assert [text[token.start : token.end].lower() for token in tokens] == tokenizer(text)
    tokens = plain_tokens(text)
    assert [token.word for token in tokens] == plain_words(text)
    assert all(0 <= token.start < token.end <= len(text) for token in tokens)


@pytest.mark.parametrize("text", ["a" * 10**6, "<" * 10**6, "<>" * 10**6, "\0" * 10**6, "é " * 10**6, "\ud800" * 10**6])
def test_tokens_of_a_million_characters(text: str):
    assert len(Tokenizer("source", ())(text)) <= 1
    plain_words(text)


def paths_of(content: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of every key of nested mappings and lists."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path for key, value in inner for path in [(*before, key), *paths_of(value, (*before, key))]]


def replaced(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(content))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


COMMITTED = json.loads(json.dumps(YAML(typ="safe").load(committed("params.yaml"))))


@given(st.sampled_from(paths_of(COMMITTED)), JSON)
def test_params_with_any_value_anywhere(path: tuple[Any, ...], value: Any):
    with folder() as here:
        (here / "params.yaml").write_text(json.dumps(replaced(COMMITTED, path, value)))  # JSON is YAML
        with suppress(PipelineError):
            params = load_params(here / "params.yaml")
            report_settings(params)
            study_catalogue(params)


@given(st.binary() | ANY_TEXT.map(lambda text: text.encode(errors="surrogatepass")))
def test_params_of_any_bytes(content: bytes):
    with folder() as here:
        (here / "params.yaml").write_bytes(content)
        with pytest.raises(PipelineError):
            load_params(here / "params.yaml")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/models of a folder: a network, and a bag of words."""
    variant = hyperparameters(cell="gru", embedding_dim=3, hidden_dim=4, bidirectional=True)
    weights = build_model(variant, len(WORDS) + 2, 16, seed=0).state_dict()
    here = tmp_path_factory.mktemp("fuzz") / "data/models"
    metadata = {"variant": "network", "best_epoch": 1, "validation_reviews": "a", "stop_words": "drop"}
    (here / "network/0").mkdir(parents=True)
    vocabulary = "<pad>\n<unk>\ndull\nfilm\ngood\n"
    save_model(here / "network/0", weights, vocabulary, variant, max_length=16, **metadata)
    (here / "network/0/curves.csv").write_text("epoch,valid_loss,valid_accuracy\n1,0.5,0.75\n")
    bag = BagOfWords(sorted(WORDS), np.array([-1.0, 0.0, 1.0]), 0.5)
    bag.save(here / "bag/0", variant="bag", validation_reviews="a", valid_accuracy=0.5)
    return here


def sign(folder: Path) -> None:
    """Have model.json describe the files that are there now, as an attacker would."""
    metadata = json.loads((folder / "model.json").read_text())
    write_metadata(folder, **{name: value for name, value in metadata.items() if name not in ("format", "sha256")})


@given(data=st.data())
def test_model_folder_with_any_metadata_changed(data: st.DataObject, models: Path):
    name = data.draw(st.sampled_from(["network/0", "bag/0"]))
    with folder() as here:
        target = here / "data/models" / name
        shutil.copytree(models / name, target)
        description = json.loads((target / "model.json").read_text())
        path = data.draw(st.sampled_from(paths_of(description)))
        (target / "model.json").write_text(json.dumps(replaced(description, path, data.draw(JSON))))
        with suppress(PipelineError):
            load(target).predict(["a good film"])


def test_model_without_words(models: Path):
    """Found by make fuzz: PyTorch fails on an embedding of nothing in its own way."""
    with folder() as here:
        target = here / "network/0"
        shutil.copytree(models / "network/0", target)
        description = json.loads((target / "model.json").read_text())
        (target / "model.json").write_text(json.dumps(description | {"vocab_size": 0}))
        with pytest.raises(PipelineError, match="a damaged model"):
            load(target)


@given(data=st.data())
def test_model_folder_with_damaged_files(data: st.DataObject, models: Path, monkeypatch_module: pytest.MonkeyPatch):
    name = data.draw(st.sampled_from(["network/0", "bag/0"]))
    with folder() as here:
        target = here / "data/models" / name
        shutil.copytree(models / name, target)
        path = data.draw(st.sampled_from(sorted(target.iterdir())))
        path.write_bytes(
            data.draw(st.binary(max_size=50))
            if data.draw(st.booleans())
            else damaged(path.read_bytes(), data.draw(PLACES), data.draw(END))
        )
        with suppress(Exception):
            sign(target)
        monkeypatch_module.chdir(here)
        trained_models()
        with suppress(PipelineError):
            load(target).predict(["a good film"])


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int64])
def test_weights_of_another_type_are_refused(dtype: torch.dtype, models: Path):
    with folder() as here:
        target = here / "network/0"
        shutil.copytree(models / "network/0", target)
        weights = load_file(target / "weights.safetensors")
        save_file(weights | {"linear.bias": weights["linear.bias"].to(dtype)}, target / "weights.safetensors")
        sign(target)
        with pytest.raises(ModelFolderError, match=f"linear.bias is {dtype}"):
            load(target)


@settings(max_examples=10)  # each starts processes
@given(content=st.binary() | st.lists(FIELDS).map(lambda fields: ("review," + ",".join(fields)).encode()))
def test_csv_to_answer_of_any_bytes(content: bytes, models: Path, monkeypatch_module: pytest.MonkeyPatch):
    monkeypatch_module.chdir(models)  # another test may have left a folder that is gone
    with folder() as here:
        (here / "in.csv").write_bytes(content)
        with suppress(PipelineError):
            predict_csv(models / "bag/0", here / "in.csv", "review", here / "out.csv")
        assert {path.name for path in here.iterdir()} <= {"in.csv", "out.csv"}


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    path=st.sampled_from(["/", "/x", "//", "/../etc/passwd", "/%00", "/%ff"]),
    form=st.dictionaries(
        st.sampled_from(["text", "model", "x"]),
        ANY_TEXT.map(lambda text: text.encode(errors="surrogatepass")) | st.sampled_from([b"good", b"network/0"]),
    ),
    body=st.none() | st.binary(),
    content_type=st.sampled_from(
        [
            None,
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain",
            "multipart/form-data",
        ]
    ),
)
def test_server_answers_any_request(
    method: str,
    path: str,
    form: dict[str, bytes],
    body: bytes | None,
    content_type: str | None,
    models: Path,
    monkeypatch_module: pytest.MonkeyPatch,
):
    monkeypatch_module.chdir(models.parents[1])
    client = app().test_client()
    answer = client.open(path, method=method, data=form if body is None else body, content_type=content_type)
    assert answer.status_code in {200, 301, 308, 400, 404, 405, 413}
    assert b"Traceback" not in answer.data


@cache
def app() -> Any:
    return create_app()
