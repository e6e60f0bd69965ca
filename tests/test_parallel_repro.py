"""`make repro`: what starts first, and what its user sees. Its real runs are in test_pipeline.py."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from parallel_repro import training_cost
from stage_runner import Display

from sentiment_rnn.params import load_params

PARAMS = load_params(Path(__file__).parents[1] / "params.yaml")


@pytest.mark.parametrize(
    ("command", "cost"),
    [
        ("python stages/train.py --variant lstm-adam --seed 0", 4 * 100 * (1 + 100)),
        ("python stages/train.py --variant gru-sgd --seed 1", 3 * 100 * (1 + 100)),
        ("python stages/train.py --variant n_layers-2 --seed 0", 4 * 100 * (1 + 100) + 4 * 100 * (100 + 100)),
        ("python stages/evaluate.py --model data/models/lstm-adam/0", 0),
    ],
)
def test_cost_of_a_training_is_its_multiplications_a_token(command: str, cost: int):
    assert training_cost(SimpleNamespace(cmd=command), PARAMS) == cost


def test_cost_counts_both_directions():
    both = PARAMS.model_copy(update={"bidirectional": True, "n_layers": 2, "hidden_dim": 10, "embedding_dim": 3})
    command = SimpleNamespace(cmd="python stages/train.py --variant experiment --seed 0")
    assert training_cost(command, both) == 2 * 4 * 10 * (3 + 10) + 2 * 4 * 10 * (20 + 10)


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
