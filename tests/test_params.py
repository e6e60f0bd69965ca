"""params.yaml: the variants it spells out, and an answer to every mistake that names the key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from catalogue import ExtendedCatalogue, extended_catalogue
from conftest import PROJECT, shrink, shrink_extensions
from ruamel.yaml import YAML
from schema import load_extensions

from sentiment_rnn.study.params import ParamsError, load_params
from sentiment_rnn.study.variants import study_catalogue

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
    catalogue = study_catalogue(load_params(write(tmp_path, put("study", "grids", "n_layers", value=[3, 2]))))
    assert list(catalogue.variants) == ["lstm-adam", "n_layers-3", "n_layers-2", "compound", "experiment"]
    grids = ["lstm_optimizers", "n_layers", "hidden_dim", "embedding_dim", "compound", "experiment"]
    assert sorted(catalogue.tables) == sorted(grids)
    assert list(catalogue.tables["n_layers"].items()) == [("1", "lstm-adam"), ("2", "n_layers-2"), ("3", "n_layers-3")]
    assert catalogue.tables["hidden_dim"] == {"4": "lstm-adam"}
    variant = catalogue.find("n_layers-3")
    assert variant.hyperparameters.model_dump(exclude_defaults=True) == {
        "cell": "lstm",
        "optimizer": "adam",
        "embedding_dim": 1,
        "hidden_dim": 4,
        "n_layers": 3,
        "bidirectional": False,
        "dropout": 0.0,
        "lr": 0.001,
    }
    assert (variant.stage, variant.seeds, str(variant.models)) == (
        "n_layers@n_layers-3",
        (0,),
        "data/models/n_layers-3",
    )
    assert variant.protocol.max_length == 16
    assert catalogue.find("experiment").hyperparameters.hidden_dim == 6
    assert catalogue.rows_of("compound") == ["compound.compound"]
    assert len(catalogue.rows_of("lstm-adam")) == 6
    assert list(catalogue.runs("n_layers-3").values()) == [(variant, 0)]
    for find in (catalogue.find, catalogue.runs):
        with pytest.raises(ParamsError, match=r"no variant 'lstm-lion'.*lstm-adam.*compound"):
            find("lstm-lion")


@pytest.mark.parametrize(("axis", "value", "row"), [("bidirectional", True, "true"), ("lr", 0.01, "0.01")])
def test_any_hyperparameter_can_be_an_axis(axis: str, value: object, row: str, tmp_path: Path):
    catalogue = study_catalogue(load_params(write(tmp_path, put("study", "grids", axis, value=[value]))))
    assert list(catalogue.tables[axis].values()) == ["lstm-adam", f"{axis}-{row}"]
    assert getattr(catalogue.find(f"{axis}-{row}").hyperparameters, axis) == value
    assert catalogue.find(f"{axis}-{row}").stage == f"{axis}@{axis}-{value}"


def extended(folder: Path, *keys: str | int, value: object) -> ExtendedCatalogue:
    """With a change of the shrunk extensions/params.yaml."""
    content = yaml.load(PROJECT / "extensions/params.yaml")
    shrink_extensions(content)
    put("extensions", *keys, value=value)(content)
    yaml.dump(content, folder / "extensions.yaml")
    return extended_catalogue(load_params(write(folder, lambda _: None)), load_extensions(folder / "extensions.yaml"))


def test_champion_and_its_trials(tmp_path: Path):
    trials = {"names": ["flat"], "changes": {"flat": {"batch_size": 7}}}
    catalogue = extended(tmp_path, "champion_trials", value=trials)
    champion, trial = catalogue.find("champion"), catalogue.find("champion_trials/flat")
    assert champion.hyperparameters.head == "mean_max"
    assert (champion.protocol.max_length, champion.protocol.init) == (20, "study")
    assert trial.protocol == champion.protocol.model_copy(update={"batch_size": 7})
    for changes, message in (
        ({"head": "round"}, "flat.head: input should be 'flatten' or 'mean_max', not 'round'"),
        ({"heads": 2}, "flat.heads: unknown key"),
        ({"max_length": 7}, "flat: neither stop_words nor max_length"),
        ({}, "flat: changes nothing of the champion"),
        ({"batch_size": 64}, "flat: changes nothing of the champion"),
    ):
        with pytest.raises(ParamsError, match=f"extensions.champion_trials.changes.{message}"):
            extended(tmp_path, "champion_trials", value={"names": ["flat"], "changes": {"flat": changes}})
    with pytest.raises(ParamsError, match=r"extensions.champion_trials.names: flat stands there twice"):
        extended(tmp_path, "champion_trials", "names", value=["flat", "flat"])
    with pytest.raises(ParamsError, match=r"extensions.champion_trials.changes: no changes for wide"):
        extended(tmp_path, "champion_trials", "names", value=["wide"])


def test_variants_beyond_the_study(tmp_path: Path):
    catalogue = extended(tmp_path, "splits", value=["official"])
    assert catalogue.find("init-pytorch/lstm").protocol.init == "pytorch"
    assert str(catalogue.find("split-official/lstm").encoded) == "data/extensions/encoded/split-official"
    assert [variant.name for variant, _ in catalogue.runs("split_seed-7").values()] == ["split_seed-7/lstm"]
    assert list(catalogue.runs("tuning/lstm")) == ["adam/second, seed 0", "momentum/second, seed 0"]
    assert catalogue.find("tuning/lstm/adam/second").hyperparameters.lr == 0.1
    assert [variant.name for variant in catalogue.candidates["tuned/lstm/momentum"]] == [
        "momentum/lstm",
        "tuning/lstm/momentum/second",
    ]
    assert catalogue.tables["init"] == {"lstm-study": "lstm-adam", "lstm-pytorch": "init-pytorch/lstm"}
    assert list(catalogue.tables["official_split"]) == ["lstm", "tfidf", "nbsvm"]
    assert catalogue.tables["lstm_tuned"] == {"adam": "tuned/lstm/adam", "momentum": "tuned/lstm/momentum"}


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("protocol", "init"), ["xavier"], "extensions.protocol.init.0: input should be 'study'"),
        (("protocol", "init"), ["study"], "extensions.protocol.init: study is what params.yaml itself says"),
        (("splits",), ["odd"], "extensions.splits.0: input should be 'official'"),
        (("protocol", "init"), ["pytorch"] * 2, "extensions.protocol.init: pytorch stands there twice"),
        (("tuning", "seeds"), [7], "extensions.tuning.seeds: 7 is not among the seeds"),
        (("tuning", "trials"), ["b"], "extensions.tuning.learning_rates.b: no learning rate for adam"),
        (
            ("tuning", "learning_rates", "second", "adam"),
            0.001,
            "tuning.learning_rates: adam has [0.001, 0.001]",
        ),
        (("baselines", "nbsvm", "beta"), [2.0], "extensions.baselines.nbsvm.beta.0: input should be less than"),
        (("heads",), 1, "extensions.heads: unknown key"),
    ],
)
def test_mistake_beyond_the_study_is_named(tmp_path: Path, keys: tuple[str, ...], value: object, message: str):
    with pytest.raises(ParamsError) as caught:
        extended(tmp_path, *keys, value=value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("hiden_dim", value=150), "hiden_dim: unknown key"),
        (put("study", "grids", "droput", value=[0.5]), "study.grids.droput: unknown key"),
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
        (put("dropout", value=0.5), "dropout: 0.5 would do nothing: it is between layers, and n_layers is 1"),
        (put("seeds", 0, value="zero"), "seeds.0: input should be a valid integer, not 'zero'"),
        (put("seeds", value=[0, 0]), "seeds: 0 stands there twice"),
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
            "study.grids.n_layers: input should be greater than 0, not -2",
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


@pytest.mark.parametrize("key", ["hidden_dim", "embedding_dim", "max_length", "batch_size"])
def test_size_that_no_machine_has_is_named(tmp_path: Path, key: str):
    params = load_params(write(tmp_path, put(key, value=10**15)))
    with pytest.raises(ParamsError, match=rf"^{key}: {10**15} is too much for .*: its training would take .* GB"):
        study_catalogue(params)


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
