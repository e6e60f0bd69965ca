"""The command `sentiment`, as a user runs it."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from conftest import Scratch

import sentiment_rnn
from sentiment_rnn.cli import main as cli
from sentiment_rnn.errors import exit_on_error

WORDS = "plot acting ending music dialogue pacing script".split()
SENTIMENT = Path(sys.executable).with_name("sentiment")


@pytest.fixture
def sentiment(finished: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command where all is trained; its standard output, or where it fails its error."""

    def run(*arguments: str | Path, stdin: str = "", fails: bool = False) -> str:
        monkeypatch.chdir(finished.folder)
        monkeypatch.setattr(sys, "argv", ["sentiment", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        if fails:
            with pytest.raises(SystemExit) as end:
                exit_on_error(cli.run)
            return str(end.value.code)
        exit_on_error(cli.run)
        return capsys.readouterr().out

    return run


def test_command_is_installed(finished: Scratch):
    """And a closed pipe ends it quietly: the answers of 100,000 lines fit into no buffer."""
    command = f"yes a good film with a dull plot | head -n 100000 | '{SENTIMENT}' predict --model lstm-adam | head -n 1"
    result = subprocess.run(command, cwd=finished.folder, shell=True, capture_output=True, text=True, check=True)
    assert result.stdout.startswith(("positive  0.", "negative  0."))
    assert result.stderr == "model lstm-adam/0\n"


def test_bytes_that_are_not_utf8_are_refused(finished: Scratch, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("of before")
    for arguments, stdin in ((["predict"], b"good\ncaf\xe9\n"), (["explain", "--html", page, b"caf\xe9"], b"")):
        command = [SENTIMENT, *arguments, "--model", "lstm-adam"]
        result = subprocess.run(command, cwd=finished.folder, input=stdin, capture_output=True, check=False)
        assert result.returncode == 1
        assert b"must be UTF-8" in result.stderr
        assert b"Traceback" not in result.stderr
    assert page.read_text() == "of before"


def test_texts_and_lines(sentiment):
    by_argument = sentiment("predict", "--model", "lstm-adam", "a good film", "a dull\nfilm")
    assert len(by_argument.splitlines()) == 2
    assert by_argument.split()[0] in ("positive", "negative")
    by_line = sentiment("predict", "--model", "lstm-adam", stdin="a good film\n\n")
    assert by_line.splitlines()[0] == by_argument.splitlines()[0]
    assert len(by_line.splitlines()) == 2
    (answer,) = map(json.loads, sentiment("predict", "--json", "a good film", "--model", "lstm-adam").splitlines())
    assert answer.keys() == {"text", "label", "probability", "has_known_word", "n_truncated"}
    assert f"{answer['probability']:.3f}" == by_argument.split()[1]


def test_csv(sentiment, tmp_path: Path):
    rows = [
        ["the\rid", "comment"],
        ["1", 'good, "fine"\nfilm'],
        ["2", ""],
        *([str(i), f"{'good' if i % 3 else 'dull'} {WORDS[i % 7]} film {WORDS[i % 5]}"] for i in range(3000)),
    ]
    rows[100][1] += "\rfilm"  # the writers of older Pythons leave a carriage return unquoted
    source, target = tmp_path / "comments.csv", tmp_path / "answers.csv"
    with source.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(rows)
    output = sentiment("predict", "--csv", source, "--column", "comment", "--out", target, "--model", "lstm-adam")
    assert output.startswith("3,002 rows in ")
    assert target.read_bytes().count(b"\r") == 2
    with target.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert [row[:2] for row in found] == rows
    assert found[0][2:] == ["label", "probability", "has_known_word"]
    expected = sentiment_rnn.load("lstm-adam").predict([row[1] for row in rows[1:]])
    assert [row[2] for row in found[1:]] == [answer.label for answer in expected]
    assert [float(row[3]) for row in found[1:]] == pytest.approx([answer.probability for answer in expected], abs=1e-5)
    assert len({row[3] for row in found[1:]}) > 30
    assert {path.name for path in tmp_path.iterdir()} == {"answers.csv", "comments.csv"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\ngood\n", "0 columns are named 'review'.*its first line names 'text'; --column NAME chooses"),
        (b"", "is empty$"),
        (b"review,review\na,b\n", "2 columns are named 'review'"),
        (b"review,label\na,b\n", "has a column 'label' already"),
        (b"review,id\ngood,1\ndull\n", "row 2 has 1 fields, the first line 2"),
        (b"review\ngood\n\xff\xfe\n", "must be UTF-8"),
        (b'review\n"good" film"\n', "row 1: "),
        (b'review\n"good\n', "row 1: unexpected end of data"),
    ],
)
def test_bad_csv_names_the_row_and_writes_nothing(content: bytes, message: str, sentiment, tmp_path: Path):
    source, target = tmp_path / "comments.csv", tmp_path / "answers.csv"
    source.write_bytes(content)
    target.write_text("of before")
    error = sentiment("predict", "--csv", source, "--out", target, fails=True)
    assert str(source) in error
    assert re.search(message, error), error
    assert target.read_text() == "of before"
    assert len(list(tmp_path.iterdir())) == 2


def test_empty_line_is_an_empty_text_where_there_is_one_column(sentiment, tmp_path: Path):
    (tmp_path / "in.csv").write_text("review\ngood\n\ndull\n")
    sentiment("predict", "--csv", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--model", "lstm-adam")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4


def test_paths_that_cannot_be_written_are_named_and_left(sentiment, tmp_path: Path):
    source, other = tmp_path / "in.csv", tmp_path / "out.csv.unfinished"
    source.write_text("review\ngood\n")
    other.write_text("of the user")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for target, message in [
        (tmp_path / "folder", "is not a file that can be replaced"),
        (tmp_path / "pipe", "is not a file that can be replaced"),
        (tmp_path / "nowhere/out.csv", "there is no folder"),
        (source / "out.csv", "there is no folder"),
        (source, "is the file that is read"),
        (tmp_path / ("x" * 250), "File name too long"),
        (Path("/proc/x.csv"), "/proc/x.csv: No such file or directory"),
    ]:
        assert message in sentiment("predict", "--csv", source, "--out", target, fails=True)
    assert "there is no such file" in sentiment("predict", "--csv", "nope.csv", "--out", "x.csv", fails=True)
    sentiment("predict", "--csv", source, "--out", tmp_path / "out.csv")
    assert other.read_text() == "of the user"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv", "out.csv.unfinished", "folder", "pipe"}


def test_explanation(sentiment, tmp_path: Path):
    text = "A <i>good</i> film & a dull plot"
    explanation = json.loads(sentiment("explain", "--json", "--model", "lstm-adam", text))
    total = explanation["bias"] + sum(part["value"] for part in explanation["contributions"])
    assert total == pytest.approx(explanation["log_odds"])
    assert [part["word"] for part in explanation["contributions"]] == ["good", "film", "dull", "plot"]
    shown = sentiment("explain", "--model", "lstm-adam", text)
    assert text in shown
    unknown = [part["word"] for part in explanation["contributions"] if not part["is_known"]]
    assert 0 < len(unknown) < 4
    assert f"not in its vocabulary: {', '.join(unknown)}\n" in shown
    assert f"log-odds of positive {explanation['log_odds']:+.3f}" in shown
    sentiment("explain", "--html", tmp_path / "page.html", "--model", "lstm-adam", "<script>good</script>")
    page = (tmp_path / "page.html").read_text()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "http" not in page


def test_words_that_are_not_read_are_told(sentiment, tmp_path: Path):
    """The shrunk models read 16 words."""
    text = "good film " * 20
    assert "its last 24 words are not read" in sentiment("explain", "--model", "lstm-adam", text)
    assert "words are not read" not in sentiment("explain", "--model", "lstm-adam", "good film")
    sentiment("explain", "--html", tmp_path / "page.html", "--model", "lstm-adam", text)
    assert "its last 24 words are not read" in (tmp_path / "page.html").read_text()
    assert "none of the words that are read is known" in sentiment("explain", "--model", "lstm-adam", "")


def test_rows_without_a_known_word_are_marked(sentiment, tmp_path: Path):
    (tmp_path / "in.csv").write_text("review\na good film and a dull plot\n\U0001f600\n\n", encoding="utf-8")
    sentiment("predict", "--csv", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--model", "lstm-adam")
    assert [line.split(",")[-1] for line in (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()] == [
        "has_known_word",
        "True",
        "False",
        "False",
    ]


def test_control_characters_do_not_reach_the_terminal(sentiment):
    for command in ("predict", "explain"):
        shown = sentiment(command, "--model", "lstm-adam", "good \x1b[2J\x07 film")
        assert "\\x1b[2J\\x07" in shown
        assert "\x07" not in shown


def test_out_may_be_a_link(sentiment, tmp_path: Path):
    source, link = tmp_path / "in.csv", tmp_path / "link.csv"
    source.write_text("review\ngood\n")
    link.symlink_to(tmp_path / "out.csv")
    sentiment("predict", "--csv", source, "--out", link)
    assert link.is_symlink()
    assert (tmp_path / "out.csv").read_text().startswith("review,label,probability,has_known_word\n")


def test_models_are_listed(sentiment):
    lines = sentiment("models").splitlines()
    assert lines[1].startswith("* ")
    listed = json.loads(sentiment("models", "--json"))
    assert [line[2:].split()[0] for line in lines[1:-1]] == [model["name"] for model in listed]
    assert listed[0]["validation_accuracy"] >= listed[-1]["validation_accuracy"]


def test_export(sentiment, tmp_path: Path):
    output = sentiment("export", "--model", "compound", "--out", tmp_path / "model.json")  # the name decides nothing
    assert "input tokens: int64 [batch, time]" in output
    session = onnxruntime.InferenceSession(tmp_path / "model.json")
    assert session.run(None, {"tokens": np.array([[3, 4]]), "lengths": np.array([2])})[0].shape == (1,)
    with pytest.raises(Exception, match="16"):  # of onnxruntime's own: 16 tokens are what this model reads
        session.run(None, {"tokens": np.full((1, 17), 3), "lengths": np.array([17])})
    assert "input features: int64 [batch, n]" in sentiment("export", "--model", "nbsvm", "--out", tmp_path / "x")


def test_errors(sentiment, tmp_path: Path):
    assert "predict" in sentiment()
    assert "no trained model ''" in sentiment("predict", "--model", "", "x", fails=True)
    assert "no trained model 'nope'" in sentiment("predict", "--model", "nope", "x", fails=True)
    assert "--csv wants --out" in sentiment("predict", "--csv", "x.csv", fails=True)
    assert "neither texts nor --json" in sentiment("predict", "--csv", "x", "--out", "y", "--json", fails=True)
    assert "--out and --column belong to --csv" in sentiment("predict", "--column", "x", "--", "text", fails=True)
    assert "cannot be written" in sentiment("explain", "x", "--html", tmp_path, fails=True)
    assert sentiment("serve", "--port", "99999", fails=True) == "2"  # argparse's own error
