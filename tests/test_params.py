"""params.yaml: the variants it spells out, and an answer to every mistake that names the key."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT, committed, shrink
from ruamel.yaml import YAML

from sentiment_rnn.memory import check_memory
from sentiment_rnn.report.settings import report_settings
from sentiment_rnn.study.params import OPTIMIZER_SETTINGS, Hyperparameters, ParamsError, load_params
from sentiment_rnn.study.variants import study_catalogue

yaml = YAML(typ="safe", pure=True)


def write(folder: Path, change: Callable[[Any], object]) -> Path:
    """A shrunk params.yaml with a change."""
    content = yaml.load(committed("params.yaml"))
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
    catalogue = study_catalogue(load_params(write(tmp_path, put("study", "grids", "n_layers", value=[3, 2]))))
    assert list(catalogue.variants) == ["lstm-adam", "n_layers-3", "n_layers-2", "compound", "experiment"]
    grids = ["lstm_optimizers", "n_layers", "hidden_dim", "embedding_dim", "compound", "experiment"]
    assert sorted(catalogue.tables) == sorted(grids)
    assert list(catalogue.tables["n_layers"].items()) == [("1", "lstm-adam"), ("2", "n_layers-2"), ("3", "n_layers-3")]
    assert catalogue.tables["hidden_dim"] == {"4": "lstm-adam"}
    variant = catalogue.find("n_layers-3")
    assert variant.hyperparameters.model_dump() == {
        "cell": "lstm",
        "optimizer": "adam",
        "embedding_dim": 1,
        "hidden_dim": 4,
        "n_layers": 3,
        "bidirectional": False,
        "dropout": 0.0,
        "warmup_steps": 0,
        "clip_norm": None,
        "batch_size": 64,
        "n_epochs": 2,
        "init": "source",
        "keep_epoch": "best",
        "lr": 0.001,
        "momentum": None,
        "eps": 1e-6,
    }
    assert (variant.stage, variant.seeds) == ("n_layers@n_layers-3", (0,))
    assert [str(path) for path in (variant.models, variant.results)] == ["data/models/n_layers-3", "results/n_layers-3"]
    assert catalogue.find("experiment").hyperparameters.hidden_dim == 6
    assert catalogue.rows_with("compound") == ["compound.compound"]
    assert len(catalogue.rows_with("lstm-adam")) == 6
    with pytest.raises(ParamsError, match=r"no variant 'lstm-lion'.*lstm-adam.*compound"):
        catalogue.find("lstm-lion")


AXES = {  # every hyperparameter, with a value that is not the base's
    "embedding_dim": 2,
    "hidden_dim": 5,
    "n_layers": 2,
    "bidirectional": True,
    "warmup_steps": 7,
    "clip_norm": 1.0,
    "batch_size": 7,
    "n_epochs": 7,
    "init": "pytorch",
    "keep_epoch": "last",
    "lr": 0.01,
    "eps": 1e-7,
}


@pytest.mark.parametrize("axis", AXES)
def test_any_hyperparameter_can_be_an_axis(axis: str, tmp_path: Path):
    value = AXES[axis]
    catalogue = study_catalogue(load_params(write(tmp_path, put("study", "grids", axis, value=[value]))))
    row = "true" if value is True else str(value)
    assert set(catalogue.tables[axis].values()) == {"lstm-adam", f"{axis}-{row}"}
    assert getattr(catalogue.find(f"{axis}-{row}").hyperparameters, axis) == value
    assert catalogue.find(f"{axis}-{row}").stage == f"{axis}@{axis}-{value}"


def test_axes_that_have_conditions(tmp_path: Path):
    """Those of the optimizer are axes where it has them; dropout is one where there are layers."""

    def change(content: Any) -> None:
        content["study"]["base"].update(optimizer="rmsprop", n_layers=3)
        content["study"]["grids"].update(optimizer=["rmsprop"], n_layers=[2], momentum=[0.0], dropout=[0.5])

    catalogue = study_catalogue(load_params(write(tmp_path, change)))
    assert catalogue.find("momentum-0.0").hyperparameters.momentum == 0
    assert catalogue.find("dropout-0.5").hyperparameters.dropout == 0.5
    assert {*AXES, "momentum", "dropout", "cell", "optimizer"} == Hyperparameters.model_fields.keys()


@pytest.mark.parametrize("optimizer", OPTIMIZER_SETTINGS)
def test_optimizer_is_its_settings(optimizer: str, tmp_path: Path):
    """As the source's assignment has them; what the top level says comes first."""
    settings = {
        "sgd": (0.01, 0.9, None),
        "adagrad": (0.001, None, 1e-6),
        "rmsprop": (0.001, 0.9, 1e-6),
        "adam": (0.001, None, 1e-6),
    }
    experiment = load_params(write(tmp_path, put("optimizer", value=optimizer))).experiment
    assert (experiment.lr, experiment.momentum, experiment.eps) == settings[optimizer]
    for key in ("lr", "momentum", "eps"):
        path = write(tmp_path, lambda content, key=key: content.update({"optimizer": optimizer, key: 0.5}))
        if key in OPTIMIZER_SETTINGS[optimizer]:
            assert getattr(load_params(path).experiment, key) == 0.5
        else:
            with pytest.raises(ParamsError, match=f"{key}: {optimizer} has no {key}"):
                load_params(path)


def test_protocol_is_that_of_the_assignment():
    """As params.yaml has it in git."""
    text = subprocess.run(["git", "show", "HEAD:params.yaml"], cwd=PROJECT, capture_output=True, text=True, check=False)
    if text.returncode:
        pytest.skip("this is not a git clone")
    committed = yaml.load(text.stdout)
    base = committed["study"]["base"]
    assert base.pop("seeds") == [12, 13, 14, 15, 16] == committed["seeds"]
    assert base == {
        "cell": "lstm",
        "optimizer": "adam",
        "embedding_dim": 1,
        "hidden_dim": 100,
        "n_layers": 1,
        "bidirectional": False,
        "dropout": 0.0,
        "warmup_steps": 200,
        "clip_norm": None,
        "batch_size": 96,
        "n_epochs": 5,
        "init": "source",
        "keep_epoch": "best",
    }
    assert (committed["stop_words"], committed["split_seed"], committed["max_length"]) == ("source", 12, 256)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("hiden_dim", value=150), "hiden_dim: unknown key"),
        (put("study", "grids", "droput", value=[0.5]), "study.grids.droput: not a hyperparameter that can be varied"),
        (put("study", "grids", "seeds", value=[1]), "study.grids.seeds: not a hyperparameter that can be varied"),
        (lambda content: content.pop("hidden_dim"), "hidden_dim: missing"),
        (
            lambda content: content.update(cell="attention", n_layers=2),
            "cell: attention has one layer and no direction",
        ),
        (put("batch_size", value=0), "batch_size: input should be greater than 0, not 0"),
        (put("batch_size", value="96"), "batch_size: input should be a valid integer, not '96'"),
        (put("batch_size", value=True), "batch_size: input should be a valid integer, not True"),
        (put("bidirectional", value=1), "bidirectional: input should be a valid boolean"),
        (put("optimizer", value="adamm"), "optimizer: input should be 'sgd', 'adagrad', 'rmsprop' or 'adam'"),
        (put("optimizer", value=["adam"]), "optimizer: input should be 'sgd', 'adagrad', 'rmsprop' or 'adam'"),
        (put("study", "grids", "optimizer", value=["adam", []]), "study.grids.optimizer: input should be 'sgd'"),
        (put("study", "compound", value={"cell": {}}), "study.compound.cell: input should be 'lstm'"),
        (put("cell", value="rnn"), "cell: input should be 'lstm', 'gru' or 'attention', not 'rnn'"),
        (put("lr", value=0), "lr: input should be greater than 0"),
        (put("lr", value=float("nan")), "lr: input should be"),
        (put("momentum", value=0.9), "momentum: adam has no momentum"),
        (put("clip_norm", value=0), "clip_norm: input should be greater than 0"),
        (put("dropout", value=1.0), "dropout: input should be less than 1"),
        (put("dropout", value=0.5), "dropout: 0.5 would do nothing: it is between layers, and n_layers is 1"),
        (put("seeds", 0, value="zero"), "seeds.0: input should be a valid integer, not 'zero'"),
        (put("seeds", value=[0, 0]), "seeds: 0 is repeated"),
        (put("seeds", value=[]), "seeds: must not be empty"),
        (put("study", "base", "seeds", value=[]), "study.base.seeds: must not be empty"),
        (put("study", "base", "lr", value=0.1), "study.base.lr: unknown key"),
        (lambda content: content["optimizers"].pop("adam"), "optimizers: no settings for adam"),
        (lambda content: content["optimizers"]["adam"].pop("eps"), "optimizers.adam.eps: missing"),
        (put("optimizers", "adam", "momentum", value=0.9), "optimizers.adam.momentum: adam has no momentum"),
        (put("optimizers", "adamw", value={"lr": 0.1}), "optimizers.adamw: input should be 'sgd'"),
        (put("study", "grids", "n_layers", value=[1]), "study.grids.n_layers: 1 is the base's own value"),
        (put("study", "grids", "lr", value=[0.001]), "study.grids.lr: 0.001 is the base's own value"),
        (put("study", "grids", "dropout", value=[0]), "study.grids.dropout: 0.0 is the base's own value"),
        (put("study", "grids", "bidirectional", value=[False]), "study.grids.bidirectional: False is the base's own"),
        (put("study", "grids", "eps", value=[None]), "study.grids.eps: 1e-06 is the base's own value"),
        (put("study", "grids", "clip_norm", value=[1, 1.0]), "study.grids.clip_norm: 1.0 is repeated"),
        (put("study", "grids", "n_layers", value=[3, 3]), "study.grids.n_layers: 3 is repeated"),
        (put("study", "grids", "optimizer", value=["sgd"]), "study.grids.optimizer: must list the base's own adam"),
        (
            put("study", "grids", "n_layers", 0, value=-2),
            "study.grids.n_layers: input should be greater than 0, not -2",
        ),
        (
            lambda content: (
                content["study"]["base"].update(dropout=0.5, n_layers=3),
                content["study"]["compound"].update(n_layers=1),
            ),
            "study.compound.dropout: 0.5 would do nothing",
        ),
        (put("study", "compound", value={"hidden_dim": 4}), "study.compound: changes nothing of the base"),
        (put("study", "compound", "optimizer", value="sgd"), "study.compound.optimizer: compound keeps the base's"),
        (put("study", "compound", "width", value=3), "study.compound.width: unknown key"),
        (put("dataset", value="../etc.csv"), "dataset: must be imdb, sample or the name of a CSV file"),
        (put("dataset", value="reviews.txt"), "dataset: must be imdb, sample or the name of a CSV file"),
    ],
)
def test_mistake_is_named(tmp_path: Path, change: Callable[[Any], object], message: str):
    path = write(tmp_path, change)
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    assert f"{path}: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("margin", value=0), "margin: input should be greater than 0"),
        (put("plots", "colors", 0, value="blue"), "plots.colors.0: string should match pattern"),
        (put("plots", "color", value="blue"), "plots.color: unknown key"),
    ],
)
def test_mistake_in_a_key_of_the_report_is_named(tmp_path: Path, change: Callable[[Any], object], message: str):
    with pytest.raises(ParamsError, match=f"params.yaml: {message}"):
        report_settings(load_params(write(tmp_path, change)))


@pytest.mark.parametrize("name", ["UPPER.CSV", "reviews (1).csv", "caf\u00e9 & 'co'.csv", "a.csv.gz", "b.csv.zip"])
def test_names_of_files(tmp_path: Path, name: str):
    assert load_params(write(tmp_path, put("dataset", value=name))).dataset == name


@pytest.mark.parametrize("key", ["hidden_dim", "embedding_dim", "max_length", "batch_size"])
def test_size_that_no_machine_has_is_named_where_a_training_begins(tmp_path: Path, key: str):
    """A report of results that were made elsewhere needs no such memory."""
    params = load_params(write(tmp_path, put(key, value=10**15)))
    experiment = study_catalogue(params).find("experiment")
    with pytest.raises(
        ParamsError, match=rf"^{key}: {10**15} is too much for experiment: its training would take .* GB"
    ):
        check_memory(experiment, params.max_length)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("init: [", "cannot be read"),
        ("init: source\ninit: pytorch", "cannot be read"),
        ("\0", "cannot be read"),
        ("", "has no keys"),
        ("just text", "has no keys"),
        ("- a\n- list", "has no keys"),
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
