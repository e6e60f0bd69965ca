"""What is read from elsewhere runs no code."""

import re
from pathlib import Path

import pytest
import torch
from conftest import PROJECT, Scratch

import sentiment_rnn
from sentiment_rnn.errors import PipelineError, exit_on_error
from sentiment_rnn.model_json import ModelFolderError

# what unpickles, or evaluates
UNSAFE = re.compile(
    r"\b(pickle|cPickle|dill|joblib|shelve|marshal)\.(?!UnpicklingError)|torch\.load\((?!.*weights_only=True)|"
    r"\bimport (cPickle|dill|joblib|shelve|marshal)\b|read_pickle|to_pickle|"
    r"allow_pickle|unsafe_load|typ=.unsafe|(?<!\.)\b(eval|exec)\(|shell=True|os\.system"
)


@pytest.mark.parametrize(
    "path",
    [path for folder in ("src", "stages", "scripts") for path in (PROJECT / folder).rglob("*.py")],
    ids=lambda path: str(path.relative_to(PROJECT)),
)
def test_no_code_unpickles_or_evaluates(path: Path):
    assert UNSAFE.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "pickle.load(file)",
        "import dill",
        "torch.load(path)",
        "pd.read_pickle(path)",
        "np.load(x, allow_pickle=True)",
        "y = eval(x)",
    ],
)
def test_such_code_would_be_found(line: str):
    assert UNSAFE.search(line)


class Bomb:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["data/models/lstm-adam/0", "data/extensions/models/nbsvm/0"])
def test_pickled_weights_are_refused_unopened(name: str, finished: Scratch, tmp_path: Path):
    copy = finished.copy(tmp_path / "copy").folder / name
    weights = copy / "weights.safetensors"
    weights.unlink()
    torch.save({"embedding.weight": Bomb(tmp_path / "taken")}, weights)
    with pytest.raises(ModelFolderError):
        sentiment_rnn.load(copy)
    assert not (tmp_path / "taken").exists()
    torch.load(weights.rename(tmp_path / "weights.pt"), weights_only=False)  # the bomb is one
    assert (tmp_path / "taken").exists()


def test_no_error_drives_the_terminal():
    def fail() -> None:
        raise PipelineError("row 1: \x1b[2J\x07\x9b and two\n\tlines of caf\u00e9")

    with pytest.raises(SystemExit, match=re.escape("error: row 1: \\x1b[2J\\x07\\x9b and two\n\tlines of caf\u00e9")):
        exit_on_error(fail)
