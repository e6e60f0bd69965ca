"""params.yaml: the variants it spells out, and an answer to every mistake that names the key."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT, shrink
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from sentiment_rnn.params import ParamsError, load_params
from sentiment_rnn.results.rows import run_folders, study_rows
from sentiment_rnn.results.studies import compared

yaml = YAML(typ="safe", pure=True)


def write(folder: Path, change: Callable[[Any], object]) -> Path:
    """A shrunk params.yaml with a change."""
    content = yaml.load(PROJECT / "params.yaml")
    shrink(content)
    change(content)
    yaml.dump(content, folder / "params.yaml")
    return folder / "params.yaml"


def put(*keys: str | int, value: object) -> Callable[[Any], None]:
    """A change that sets one key, however deep."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


def test_variants_and_tables(tmp_path: Path):
    params = load_params(write(tmp_path, put("study", "grids", "n_layers", value=[3, 2])))
    variants = ["lstm-adam", "n_layers-3", "n_layers-2", "compound", "attention", "experiment"]
    assert list(params.variants()) == [*variants, "champion"]
    rows = study_rows(params)
    grids = ["lstm_optimizers", "n_layers", "hidden_dim", "embedding_dim", "compound", "attention", "experiment"]
    assert list(rows) == [*grids, "baselines", "champion"]
    assert list(rows["n_layers"].items()) == [("1", "lstm-adam"), ("2", "n_layers-2"), ("3", "n_layers-3")]
    assert rows["hidden_dim"] == {"4": "lstm-adam"}
    assert {variant for study in grids for variant in rows[study].values()} == set(variants)
    assert params.variant("n_layers-3").model_dump(exclude_defaults=True) == {
        "cell": "lstm",
        "optimizer": "adam",
        "embedding_dim": 1,
        "hidden_dim": 4,
        "n_layers": 3,
        "bidirectional": False,
        "dropout": 0.0,
        "lr": params.study.learning_rates["adam"],
    }
    assert params.experiment.hidden_dim == 6


def test_demo_settings_lead_to_valid_parameters(tmp_path: Path):
    """As DVC writes them into params.yaml, which it reformats."""
    (command,) = re.findall("dvc exp run --name demo (.*)", (PROJECT / "Makefile").read_text())
    settings = [word for word in shlex.split(command) if word != "-S"]
    shutil.copy(PROJECT / "params.yaml", tmp_path / "params.yaml")
    apply_overrides(tmp_path / "params.yaml", settings)
    params = load_params(tmp_path / "params.yaml")
    assert (params.dataset, params.seeds, params.study.tuning.seeds) == ("sample", [0], [])
    assert not [study for study in study_rows(params) if study.endswith("_tuned")]


def test_champion_and_its_trials(tmp_path: Path):
    params = load_params(
        write(
            tmp_path, put("study", "champion_trials", value={"names": ["flat"], "changes": {"flat": {"batch_size": 7}}})
        )
    )
    assert params.variant("champion").head == "mean_max"
    assert params.protocol("champion")["max_length"] == 20
    assert params.protocol("lstm-adam")["max_length"] == params.max_length == 16
    assert params.protocol("champion")["init"] == params.init
    assert params.protocol("champion-flat") == params.protocol("champion") | {"batch_size": 7}
    for changes, message in (
        ({"head": "round"}, "flat.head: input should be 'flatten' or 'mean_max', not 'round'"),
        ({"heads": 2}, "flat.heads: unknown key"),
        ({"max_length": 7}, "flat: neither stop_words nor max_length"),
        ({}, "flat: changes nothing of the champion"),
        ({"batch_size": 64}, "flat: changes nothing of the champion"),
    ):
        with pytest.raises(ParamsError, match=f"study.champion_trials.changes.{message}"):
            load_params(
                write(
                    tmp_path, put("study", "champion_trials", value={"names": ["flat"], "changes": {"flat": changes}})
                )
            )
    with pytest.raises(ParamsError, match=r"params.yaml: study.champion_trials.names: flat stands there twice"):
        load_params(write(tmp_path, put("study", "champion_trials", "names", value=["flat", "flat"])))
    with pytest.raises(ParamsError, match=r"study.champion_trials.changes: no changes for wide"):
        load_params(write(tmp_path, put("study", "champion_trials", "names", value=["wide"])))


def test_alternatives_and_tuning(tmp_path: Path):
    def change(content: Any) -> None:
        content["study"]["grids"]["cell"] = ["lstm", "gru"]
        content["study"]["alternatives"] |= {"init": ["pytorch"], "split": ["official"]}
        content["study"]["tuning"] |= {"seeds": [0], "trials": ["b"], "learning_rates": {"b": {"adam": 0.5}}}

    params = load_params(write(tmp_path, change))
    assert params.protocol("init-pytorch-gru")["init"] == "pytorch"
    assert params.protocol("gru-adam")["init"] == params.protocol("split-official-gru")["init"] == "study"
    assert params.variant("init-pytorch-gru") == params.variant("gru-adam")
    assert params.variant("tuning-gru-adam-b").lr == 0.5
    rows = study_rows(params)
    assert rows["init"]["gru-pytorch"] == "init-pytorch-gru"
    assert rows["official_split"] == {name: f"split-official-{name}" for name in ("lstm", "gru", "tfidf", "nbsvm")}
    assert rows["gru_tuned"] == {"adam": "tuned-gru-adam"}
    assert run_folders(params, rows)["tuned-gru-adam"] == ["tuned-gru-adam/0"]
    assert run_folders(params, rows)["split-official-nbsvm"] == ["split-official-nbsvm"]
    pairs = compared(params, rows, {})
    assert pairs["init"] == [("init.lstm-study", "init.lstm-pytorch"), ("init.gru-study", "init.gru-pytorch")]
    assert pairs["cells"] == [("lstm_optimizers.adam", "gru_optimizers.adam")]
    assert "keep_epoch" not in rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("hiden_dim", value=150), "hiden_dim: unknown key"),
        (put("study", "grids", "dropout", value=[0.5]), "study.grids.dropout: unknown key"),
        (lambda content: content.pop("hidden_dim"), "hidden_dim: missing"),
        (
            lambda content: content.update(cell="attention", n_layers=2),
            "cell: attention has one layer and no direction",
        ),
        (put("batch_size", value=0), "batch_size: input should be greater than 0, not 0"),
        (put("batch_size", value="96"), "batch_size: input should be a valid integer, not '96'"),
        (put("batch_size", value=True), "batch_size: input should be a valid integer, not True"),
        (put("bidirectional", value=1), "bidirectional: input should be a valid boolean"),
        (
            put("optimizer", value="adamm"),
            "optimizer: input should be 'sgd', 'momentum', 'adagrad', 'rmsprop' or 'adam'",
        ),
        (put("cell", value="rnn"), "cell: input should be 'lstm', 'gru' or 'attention', not 'rnn'"),
        (put("lr", value=0), "lr: input should be greater than 0"),
        (put("lr", value=float("nan")), "lr: input should be"),
        (put("dropout", value=1.0), "dropout: input should be less than 1"),
        (put("seeds", 0, value="zero"), "seeds.0: input should be a valid integer, not 'zero'"),
        (put("seeds", value=[0, 0]), "seeds: 0 stands there twice"),
        (
            put("study", "tuning", value={"seeds": [7], "trials": ["b"], "learning_rates": {"b": {"adam": 0.5}}}),
            "study.tuning.seeds: 7 is not among the seeds",
        ),
        (
            put("study", "tuning", value={"seeds": [0], "trials": ["b"], "learning_rates": {"b": {"adam": 0.001}}}),
            "study.tuning.learning_rates: adam has [0.001, 0.001], its own first",
        ),
        (put("study", "tuning", "seeds", value=[0]), "study.tuning.trials: none to choose from"),
        (put("study", "tuning", "trials", value=["b"]), "study.tuning.learning_rates.b: no learning rate for adam"),
        (put("study", "alternatives", "init", value=["xavier"]), "study.alternatives.init.0: input should be 'study'"),
        (
            put("study", "alternatives", "init", value=["study"]),
            "study.alternatives.init: study is what init itself says",
        ),
        (
            put("study", "alternatives", "split", value=["official"] * 2),
            "study.alternatives.split: official stands there twice",
        ),
        (put("baselines", "nbsvm", "beta", value=[2.0]), "baselines.nbsvm.beta.0: input should be less than"),
        (put("seeds", value=[]), "seeds: list should have at least 1 item"),
        (
            lambda content: content["study"]["learning_rates"].pop("adam"),
            "study.learning_rates: no learning rate for adam",
        ),
        (put("study", "learning_rates", "adamw", value=0.1), "study.learning_rates.adamw: input should be 'sgd'"),
        (put("study", "grids", "n_layers", value=[1]), "study.grids.n_layers: 1 is the base's own value"),
        (put("study", "grids", "n_layers", value=[3, 3]), "study.grids.n_layers: 3 stands there twice"),
        (put("study", "grids", "optimizer", value=["sgd"]), "study.grids.optimizer: must list the base's own adam"),
        (
            put("study", "grids", "n_layers", 0, value=-2),
            "study.grids.n_layers.0: input should be greater than 0, not -2",
        ),
        (put("dataset", value="../etc.csv"), "dataset: must be imdb, sample or the name of a CSV file"),
        (put("plots", "colors", 0, value="blue"), "plots.colors.0: string should match pattern"),
    ],
)
def test_mistake_is_named(tmp_path: Path, change: Callable[[Any], object], message: str):
    path = write(tmp_path, change)
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert f"{path}: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("init: [", "cannot be read"),
        ("init: study\ninit: pytorch", "cannot be read"),
        ("\0", "cannot be read"),
        ("", "holds no keys"),
        ("just text", "holds no keys"),
        ("- a\n- list", "holds no keys"),
    ],
)
def test_file_that_is_no_mapping(tmp_path: Path, content: str, message: str):
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(ParamsError, match=message):
        load_params(path)


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path):
    path = write(tmp_path, put("lr", value=0.123))
    path.write_text(path.read_text().replace("0.123", "1e-3"))
    assert load_params(path).lr == 0.001


def test_unknown_variant_lists_the_known_ones(tmp_path: Path):
    params = load_params(write(tmp_path, lambda _: None))
    with pytest.raises(ParamsError, match=r"no variant 'lstm-lion'.*lstm-adam.*compound"):
        params.variant("lstm-lion")
