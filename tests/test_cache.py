"""A training is done once: it is found in DVC's cache by all that decides its bytes, and any change of that counts."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import PROJECT, SILENT, Scratch, stages_run
from sentiment_rnn.encoding.dataset import EncodedReviews
from sentiment_rnn.running import input_guard
from sentiment_rnn.running.side_by_side import Reporter
from sentiment_rnn.training.seed import input_files, train_seed
from sentiment_rnn.training.stored import Files, copy_whole

from sentiment_rnn.model_json import read_description
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import Variant, study_catalogue
from sentiment_rnn.training import identity, seed

EXPERIMENT = "train_experiment@experiment"
TAKEN = "trained before: taken from DVC's cache"


def trained(output: str) -> list[str]:
    """The seeds that a train stage trained."""
    return [line.partition(" | ")[0] for line in output.splitlines() if "| trained in" in line]


def test_seed_added_trains_that_seed_alone(scratch: Scratch):
    """And an experiment that is the base takes its seeds from there; the seeds of before are evaluated again."""
    weights = scratch.folder / "data/models/n_layers-2/0/weights.safetensors"
    before = weights.read_bytes()
    scratch.edit(lambda params: params.update(seeds=[0, 1], hidden_dim=params["study"]["base"]["hidden_dim"]))
    output = scratch.run("dvc", "repro", "evaluate_n_layers", "train_experiment")
    assert set(stages_run(output)) == {EXPERIMENT, *(f"{kind}_n_layers@n_layers-2" for kind in ("train", "evaluate"))}
    assert output.count(f"seed 0 | {TAKEN}") == 2
    assert trained(output) == ["seed 1", "seed 1"]
    assert weights.read_bytes() == before
    facts = read_description(scratch.folder / "data/models/experiment/0")
    assert (facts["variant"], facts["seed"]) == ("experiment", 0)
    assert sorted(path.name for path in (scratch.folder / "data/evaluations/n_layers-2").iterdir()) == ["0", "1"]
    assert not list((scratch.folder / "data/checkpoints").iterdir())


@pytest.mark.long
def test_after_a_pull_and_in_a_queue(scratch: Scratch, tmp_path: Path):
    """Where no folder of ours was ever trained in."""
    scratch.run("git", "add", "--force", "data/tiny.csv")  # a queue works on what git has
    scratch.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    scratch.run("dvc", "push", "train_n_layers", "vocab")
    other = Scratch(tmp_path / "other")
    scratch.run("git", "clone", "-q", ".", str(other.folder))
    other.run("dvc", "pull", "train_n_layers", "vocab")
    shutil.rmtree(other.folder / "data/models")
    other.edit(lambda params: params.update(seeds=[0, 1]))
    output = other.run("dvc", "repro", "--single-item", "train_n_layers@n_layers-2")
    assert (output.count(TAKEN), trained(output)) == (1, ["seed 1"])
    scratch.run("dvc", "exp", "run", "--queue", "-S", "seeds=[0,1]", "train_n_layers")
    scratch.run("dvc", "queue", "start")
    (name,) = [line.split()[0] for line in scratch.run("dvc", "queue", "status").splitlines()[1:2]]
    output = scratch.run("dvc", "queue", "logs", "--follow", name)
    assert (output.count(TAKEN), trained(output)) == (1, ["seed 1"])


@pytest.fixture
def variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: Scratch) -> Variant:
    """The base, in a folder with its inputs."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished.folder / "data/encoded", "data/encoded")
    return study_catalogue(load_params(finished.folder / "params.yaml")).find("lstm-adam")


def stored_as(variant: Variant, finished: Scratch) -> dict[str, Files]:
    """The training of the finished clone as if it were one of this process, with this checkout's modules."""
    folder = finished.folder / "data/models/lstm-adam/0"
    key = identity.training_hash(variant, 0, input_guard.InputGuard(input_files(variant)), torch.device("cpu"))
    files = {path.name: (path, md5_of(path)) for path in folder.iterdir()}
    return {key: files}


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def change_protocol(variant: Variant, _: pytest.MonkeyPatch) -> Variant:
    return replaced(variant, protocol=variant.protocol.model_copy(update={"keep_epoch": "last"}))


def change_hyperparameter(variant: Variant, _: pytest.MonkeyPatch) -> Variant:
    return replaced(variant, hyperparameters=variant.hyperparameters.model_copy(update={"lr": 0.002}))


def change_input(variant: Variant, _: pytest.MonkeyPatch) -> Variant:
    reviews = EncodedReviews.load(variant.encoded / "train.safetensors")
    labels = reviews.labels.copy()
    labels[0] = 1 - labels[0]
    EncodedReviews(reviews.tokens, reviews.lengths, labels).save(variant.encoded / "train.safetensors", "other reviews")
    return variant


def change_version(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Variant:
    monkeypatch.setattr(identity, "version", lambda name: f"{name} of tomorrow")
    return variant


def change_module(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Variant:
    real = input_guard._sha256

    def sha256(path: Path) -> str:
        return "changed" if path.name == "recurrent.py" else real(path)

    monkeypatch.setattr(input_guard, "_sha256", sha256)
    return variant


def change_name_and_seeds(variant: Variant, _: pytest.MonkeyPatch) -> Variant:
    return replaced(variant, name="experiment", stage="experiment@experiment", seeds=(0, 7))


def replaced(variant: Variant, **changes: Any) -> Variant:
    return Variant(**{name: getattr(variant, name) for name in Variant.__dataclass_fields__} | changes)


@pytest.mark.parametrize(
    ("change", "is_found"),
    [
        (change_name_and_seeds, True),
        (change_protocol, False),
        (change_hyperparameter, False),
        (change_input, False),
        (change_version, False),
        (change_module, False),
    ],
)
def test_what_decides_the_bytes_trains_anew(
    change: Any, is_found: bool, variant: Variant, finished: Scratch, monkeypatch: pytest.MonkeyPatch
):
    stored = stored_as(variant, finished)
    monkeypatch.setattr(seed, "_train_into", lambda folder, *_: folder.mkdir(parents=True))
    told: list[str] = []
    folder = train_seed(change(variant, monkeypatch), 0, stored, anew=False, reporter=reporter(told))
    assert ((folder / "weights.safetensors").exists(), TAKEN in told) == (is_found, is_found)


def reporter(told: list[str]) -> Reporter:
    return Reporter(lambda message: told.append(message[1]))


def test_every_module_that_is_imported_counts(variant: Variant):
    modules = input_guard.InputGuard(input_files(variant)).modules
    assert {"sentiment_rnn.network.recurrent", "sentiment_rnn.training.loop", "sentiment_rnn.encoding.dataset"} <= set(
        modules
    )
    content = (PROJECT / "src/sentiment_rnn/network/recurrent.py").read_bytes()
    assert modules["sentiment_rnn.network.recurrent"] == hashlib.sha256(content).hexdigest()


@pytest.mark.fault
def test_damaged_file_of_the_cache_is_noticed(variant: Variant, finished: Scratch, tmp_path: Path):
    """The training is done anew, to the bytes of before."""
    stored = stored_as(variant, finished)
    ((_, files),) = stored.items()
    damaged = tmp_path / "weights"
    damaged.write_bytes(files["weights.safetensors"][0].read_bytes()[:-1] + b"x")
    files["weights.safetensors"] = (damaged, files["weights.safetensors"][1])
    assert not copy_whole(files, tmp_path / "copy")
    told: list[str] = []
    folder = train_seed(variant, 0, stored, anew=False, reporter=reporter(told))
    assert "trained before, but a file of it in DVC's cache is damaged" in told
    whole = finished.folder / "data/models/lstm-adam/0"
    assert (folder / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    assert (folder / "curves.csv").read_bytes() == (whole / "curves.csv").read_bytes()


def test_switch_trains_anew_and_a_finished_seed_is_kept(variant: Variant, finished: Scratch):
    stored = stored_as(variant, finished)
    folder = train_seed(variant, 0, stored, anew=True, reporter=SILENT)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    told: list[str] = []
    # as the next run finds it, when the stage was cut short before its other seeds were finished
    assert train_seed(variant, 0, {}, anew=False, reporter=reporter(told)) == folder
    assert told == ["finished before the stage was cut short"]
    told.clear()
    train_seed(variant, 0, stored, anew=True, reporter=reporter(told))
    assert any(line.startswith("trained in") for line in told if isinstance(line, str))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert json.loads(first["model.json"])["training"] in stored
