"""params.yaml: the committed one is valid, and every mistake is answered with the key's name."""

from pathlib import Path

import pytest
from conftest import PROJECT

from sentiment_rnn.params import Params, ParamsError, load_params
from sentiment_rnn.studies import study_rows

TEXT = (PROJECT / "params.yaml").read_text()


def test_committed_file_is_the_study():
    params = load_params(PROJECT / "params.yaml")
    assert params.dataset == "imdb"
    assert params.experiment == params.variant("lstm-adam")
    rows = study_rows(params)
    assert list(rows["n_layers"].items()) == [
        ("1", "lstm-adam"),
        ("2", "n_layers-2"),
        ("3", "n_layers-3"),
        ("4", "n_layers-4"),
    ]
    assert {variant for study in rows.values() for variant in study.values()} == set(params.variants())
    assert params.variant("lstm-sgd").lr == 0.01
    assert params.variant("gru-adagrad").lr == 0.001
    assert params.variant("compound").model_dump() == {
        "cell": "lstm",
        "optimizer": "adam",
        "embedding_dim": 150,
        "hidden_dim": 150,
        "n_layers": 2,
        "bidirectional": False,
        "dropout": 0.0,
        "lr": 0.001,
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden_dim: 100\nn", "hidden_dm: 100\nn", "hidden_dm: unknown key"),
        ("hidden_dim: 100\nn", "n", "hidden_dim: missing"),
        ("batch_size: 96", "batch_size: 0", "batch_size: input should be greater than 0, not 0"),
        ("batch_size: 96", 'batch_size: "96"', "batch_size: input should be a valid integer, not '96'"),
        ("batch_size: 96", "batch_size: true", "batch_size: input should be a valid integer, not True"),
        ("bidirectional: false", "bidirectional: 1", "bidirectional: input should be a valid boolean"),
        ("optimizer: adam ", "optimizer: adamm ", "optimizer: input should be 'sgd', 'adagrad', 'rmsprop' or 'adam'"),
        ("cell: lstm", "cell: rnn", "cell: input should be 'lstm' or 'gru', not 'rnn'"),
        ("lr: 0.001\n", "lr: 0\n", "lr: input should be greater than 0"),
        ("lr: 0.001\n", "lr: .nan\n", "lr: input should be"),
        ("dropout: 0.0  ", "dropout: 1.0  ", "dropout: input should be less than 1"),
        ("  - 0\n", "  - zero\n", "seeds.0: input should be a valid integer, not 'zero'"),
        ("  - 0\n", "  - 0\n  - 0\n", "seeds: a seed stands there twice"),
        ("    adam: 0.001\n", "", "study.learning_rates: no learning rate for adam"),
        ("    adam: 0.001\n", "    adamw: 0.001\n", "study.learning_rates.adamw: input should be 'sgd'"),
        ("      - 2\n", "      - 1\n", "study.grids.n_layers: 1 is the base's own value"),
        ("      - 2\n", "      - 3\n", "study.grids.n_layers: a value stands there twice"),
        ("      - adam\n", "", "study.grids.optimizer: must list the base's own adam"),
        ("      - 2\n", "      - -2\n", "study.grids.n_layers.0: input should be greater than 0, not -2"),
        ("dataset: imdb", "dataset: ../etc.csv", "dataset: must be imdb, sample or the name of a CSV file"),
        ('    - "#4477aa"', "    - blue", "plots.colors.0: string should match pattern"),
        ("init: study", "init: [", "cannot be read"),
        ("init: study", "init: study\ninit: pytorch", "cannot be read"),
    ],
)
def test_mistake_is_named(tmp_path: Path, old: str, new: str, message: str):
    assert old in TEXT
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert f"{path}: {message}" in str(caught.value)


@pytest.mark.parametrize("content", ["", "just text", "- a\n- list"])
def test_file_without_keys(tmp_path: Path, content: str):
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(ParamsError, match="holds no keys"):
        load_params(path)


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("lr: 0.001\n", "lr: 1e-3\n", 1))
    assert load_params(path).lr == 0.001


def test_unknown_variant_lists_the_known_ones():
    params: Params = load_params(PROJECT / "params.yaml")
    with pytest.raises(ParamsError, match=r"no variant 'lstm-lion'.*lstm-adam.*compound"):
        params.variant("lstm-lion")
