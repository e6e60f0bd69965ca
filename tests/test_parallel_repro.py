"""`make repro`: what starts first, and what its user sees. Its real runs are in test_pipeline.py."""

import os
import signal
import subprocess
import termios
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import PROJECT, Scratch, clone
from dvc.repo import Repo
from repro_plan import training_cost
from stage_runner import Display, end_all, read

from sentiment_rnn.params import load_params

PARAMS = load_params(PROJECT / "params.yaml")
TOKENS = PARAMS.max_length * PARAMS.n_epochs  # of the longest review, over all epochs
TRAININGS = {"optimizers", "n_layers", "hidden_dim", "embedding_dim", "compound", "experiment", "tuning", "splits"} | {
    "init",
    "keep_epoch",
    "stop_words",
    "attention",
    "champion",
    "champion_trials",
}


@pytest.mark.parametrize(
    ("command", "cost"),
    [
        ("python stages/train.py --variant lstm-adam --seed 0", 4 * 100 * (1 + 100) * TOKENS),
        ("python stages/train.py --variant gru-sgd --seed 1", 3 * 100 * (1 + 100) * TOKENS),
        (
            "python stages/train.py --variant n_layers-2 --seed 0",
            (4 * 100 * (1 + 100) + 4 * 100 * (100 + 100)) * TOKENS,
        ),
        ("python stages/evaluate.py --model data/models/lstm-adam/0", 0),
    ],
)
def test_cost_of_a_training_is_its_multiplications_for_the_longest_review(command: str, cost: int):
    assert training_cost(SimpleNamespace(cmd=command), PARAMS) == cost


def test_every_training_of_dvc_yaml_has_its_cost():
    """The command is where it is read from."""
    with Repo(PROJECT) as repo:
        costs = {stage.addressing: training_cost(stage, PARAMS) for stage in repo.index.stages}
    trainings = {name for name in costs if name.partition("@")[0] in TRAININGS}
    assert {name for name, cost in costs.items() if cost > 0} == trainings
    assert max(costs, key=costs.__getitem__).startswith(("hidden_dim@", "compound@"))


def test_interrupt_waits_for_who_writes(finished: Scratch, monkeypatch: pytest.MonkeyPatch):
    """DVC writes dvc.lock while it holds its lock, and would leave half of it."""
    monkeypatch.chdir(finished.folder)
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    stopping = threading.Thread(target=end_all, args=([process], signal.SIGTERM))
    with Repo() as repo, repo.lock:
        stopping.start()
        time.sleep(1)
        assert process.poll() is None
    stopping.join()
    assert process.returncode == -signal.SIGTERM


def test_cost_counts_both_directions():
    both = PARAMS.model_copy(update={"bidirectional": True, "n_layers": 2, "hidden_dim": 10, "embedding_dim": 3})
    command = SimpleNamespace(cmd="python stages/train.py --variant experiment --seed 0")
    assert training_cost(command, both) == (2 * 4 * 10 * (3 + 10) + 2 * 4 * 10 * (20 + 10)) * TOKENS


def test_finished_lines_are_printed_and_progress_bars_are_shown(capsys: pytest.CaptureFixture[str]):
    display = Display(n_stages=1, jobs=1, width=9)
    output, theirs = os.pipe()
    written = (
        "\r 10%|█  | 1/10\r 20%|██ | 2/10\r            \r\x1b[32mkept epoch 2\x1b[0m\r\nTo track the changes\n\r 50%|█"
    )
    os.write(theirs, written.encode()[:-1])  # within a character
    os.close(theirs)
    with display.line("compound@0") as line:
        display.follow("compound@0", output, line)
        assert line.desc.startswith("compound@0 | 50%|")
    os.close(output)
    assert capsys.readouterr().out == "compound@0 | kept epoch 2\n"


def test_last_line_of_a_program_that_was_cut_off_is_printed(capsys: pytest.CaptureFixture[str]):
    display = Display(n_stages=1, jobs=1, width=5)
    output, theirs = os.pipe()
    os.write(theirs, b"one\nno newline")
    os.close(theirs)
    with display.line("fetch") as line:
        display.follow("fetch", output, line)
    os.close(output)
    assert capsys.readouterr().out == "fetch | one\nfetch | no newline\n"


def test_on_a_terminal_each_stage_has_its_progress_line(tmp_path: Path):
    """A real run, until the vocabulary is there."""
    scratch = clone(tmp_path / "clone")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = ["python", "scripts/parallel_repro.py", "1"]
    scratch.edit(lambda params: params.update(dataset="sample"))
    process = subprocess.Popen(
        command, cwd=scratch.folder, env=scratch.environment, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    written = b""
    while b"tokens a review" not in written and (chunk := read(ours)):
        written += chunk
    os.killpg(process.pid, signal.SIGINT)
    while read(ours):
        pass
    assert process.wait() != 0
    for progress in (b"| starting", b"counting train:", b"stages:"):
        assert progress in written
    assert b"vocab@random-drop | Running stage 'vocab@random-drop':\r\n" in written
