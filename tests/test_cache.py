"""A training is done once: DVC's cache is looked up by everything that decides the bytes, and any change counts."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import PROJECT, Log, Scratch, stages_run

from sentiment_rnn import dvc_stage
from sentiment_rnn.dvc_stage import InputHashes
from sentiment_rnn.encoding.arrays import EncodedReviews
from sentiment_rnn.model_json import read_metadata
from sentiment_rnn.study.params import load_params
from sentiment_rnn.study.variants import Variant, study_catalogue
from sentiment_rnn.training import fingerprint, training
from sentiment_rnn.training.cache import CachedTraining, copy_verified
from sentiment_rnn.training.training import run_training

EXPERIMENT = "train_experiment@experiment"
TAKEN = "trained before: taken from DVC's cache"


def trained(output: str) -> list[str]:
    """The seeds that a train stage trained."""
    return [line.partition(" | ")[0] for line in output.splitlines() if "| trained in" in line]


def test_seed_added_trains_that_seed_alone(scratch: Scratch):
    """And an experiment that is the base takes its seeds from there; the seeds of before are evaluated again."""
    weights = scratch.folder / "data/models/n_layers-2/0/weights.safetensors"
    before = weights.read_bytes()

    def change(params: Any) -> None:
        params["study"]["base"]["seeds"] = [0, 1]
        params.update(seeds=[0, 1], hidden_dim=params["study"]["base"]["hidden_dim"])

    scratch.edit(change)
    output = scratch.run("dvc", "repro", "evaluate_n_layers", "train_experiment")
    assert set(stages_run(output)) == {EXPERIMENT, *(f"{kind}_n_layers@n_layers-2" for kind in ("train", "evaluate"))}
    assert output.count(f"seed 0 | {TAKEN}") == 2
    assert trained(output) == ["seed 1", "seed 1"]
    assert weights.read_bytes() == before
    metadata = read_metadata(scratch.folder / "data/models/experiment/0")
    assert (metadata["variant"], metadata["seed"]) == ("experiment", 0)
    assert sorted(path.name for path in (scratch.folder / "results/n_layers-2").iterdir()) == ["0", "1"]


def test_training_of_an_experiment_before_the_last_is_not_done_again(scratch: Scratch):
    """It is in DVC's cache, though dvc.lock no longer names it."""
    outputs = []
    for seeds in ([0, 1], [2], [0, 2]):
        scratch.edit(lambda params, seeds=seeds: params.update(seeds=seeds))
        outputs.append(trained(scratch.run("dvc", "repro", "train_experiment")))
    assert outputs == [["seed 1"], ["seed 2"], []]


@pytest.mark.long
def test_after_a_pull_and_in_a_queue(scratch: Scratch, tmp_path: Path):
    """Where nothing was ever trained in this folder."""
    scratch.run("git", "add", "--force", "data/tiny.csv")  # a queue works on what git has
    scratch.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    scratch.run("dvc", "push", "train_experiment", "vocab")
    other = Scratch(tmp_path / "other")
    scratch.run("git", "clone", "-q", ".", str(other.folder))
    other.run("dvc", "pull", "train_experiment", "vocab")
    shutil.rmtree(other.folder / "data/models")
    other.edit(lambda params: params.update(seeds=[0, 1]))
    output = other.run("dvc", "repro", "--single-item", EXPERIMENT)
    assert (output.count(TAKEN), trained(output)) == (1, ["seed 1"])
    scratch.run("dvc", "exp", "run", "--queue", "-S", "seeds=[0,1]", "train_experiment")
    scratch.run("dvc", "queue", "start")
    (name,) = [line.split()[0] for line in scratch.run("dvc", "queue", "status").splitlines()[1:2]]
    output = scratch.run("dvc", "queue", "logs", "--follow", name)
    assert (output.count(TAKEN), trained(output)) == (1, ["seed 1"])


@pytest.mark.long
def test_queued_experiment_runs_its_own_code(scratch: Scratch):
    """Not that of the workspace, which has changed since."""
    scratch.run("git", "add", "--force", "data/tiny.csv")
    scratch.run("git", "add", "-A")
    scratch.run("git", "commit", "-qm", "results")
    loop = scratch.folder / "src/sentiment_rnn/training/loop.py"
    text = loop.read_text()
    loop.write_text(
        text.replace('reporter.log(f"resumed', 'reporter.log(f"RESUMED').replace("epoch {epoch}/", "EPOCH {epoch}/")
    )
    scratch.run("dvc", "exp", "run", "--queue", "-S", "hidden_dim=9", "evaluate_experiment")
    loop.write_text(text)
    scratch.run("dvc", "queue", "start")
    (name,) = [line.split()[0] for line in scratch.run("dvc", "queue", "status").splitlines()[1:2]]
    assert "EPOCH 1/2" in scratch.run("dvc", "queue", "logs", "--follow", name)


@pytest.fixture
def variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: Scratch) -> Variant:
    """The base, in a folder with its inputs."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished.folder / "data/encoded", "data/encoded")
    return study_catalogue(load_params(finished.folder / "params.yaml")).find("lstm-adam")


def run(variant: Variant, log: Log, cached: dict[str, CachedTraining], force: bool = False) -> Path:
    inputs = InputHashes(variant.training_files)
    return run_training((variant, 0), log, inputs=inputs, cached=cached, force=force)


@pytest.fixture
def cached(variant: Variant, finished: Scratch, tmp_path: Path) -> dict[str, CachedTraining]:
    """The training of the finished clone as if it were one of this process, with this checkout's modules."""
    folder = shutil.copytree(finished.folder / "data/models/lstm-adam/0", tmp_path / "cached")
    inputs = InputHashes(variant.training_files)
    key = fingerprint.training_fingerprint(variant.hyperparameters, 0, inputs, torch.device("cpu"))
    (folder / "model.json").write_text(json.dumps(read_metadata(folder) | {"fingerprint": key}))
    return {key: {path.name: (path, md5_of(path)) for path in folder.iterdir()}}


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def change_seeds_and_name(variant: Variant, _: pytest.MonkeyPatch) -> Variant:
    return replace(variant, name="experiment", stage="experiment@experiment", seeds=(0, 7))


def change_hyperparameter(variant: Variant, _: pytest.MonkeyPatch) -> Variant:
    return replace(variant, hyperparameters=variant.hyperparameters.model_copy(update={"lr": 0.002}))


def change_input(variant: Variant, _: pytest.MonkeyPatch) -> Variant:
    path = variant.encoded / "train.safetensors"
    reviews = EncodedReviews.load(path)
    EncodedReviews(reviews.tokens, reviews.lengths, 1 - reviews.labels, reviews.metadata).save(path)
    return variant


def change_version(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Variant:
    monkeypatch.setattr(fingerprint, "version", lambda _: "0.0.1")
    return variant


def change_module(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Variant:
    real = dvc_stage.sha256
    monkeypatch.setattr(dvc_stage, "sha256", lambda path: "another" if path.name == "model.py" else real(path))
    return variant


@pytest.mark.parametrize(
    ("change", "is_found"),
    [
        (change_seeds_and_name, True),
        (change_hyperparameter, False),
        (change_input, False),
        (change_version, False),
        (change_module, False),
    ],
)
def test_what_decides_the_bytes_trains_again(
    change: Any, is_found: bool, variant: Variant, cached: dict[str, CachedTraining], monkeypatch: pytest.MonkeyPatch
):
    log = Log()
    folder = run(change(variant, monkeypatch), log, cached)
    assert (folder / "weights.safetensors").exists()
    assert (TAKEN in log.lines) == is_found
    assert any(line.startswith("trained in") for line in log.lines) == (not is_found)


def test_code_that_decides_the_bytes_counts(variant: Variant):
    """And no other: a tokenizer for the models that are for use changes no training."""
    modules = InputHashes(variant.training_files).modules
    names = {"/".join(path.parts[-2:]) for path in modules}
    assert {"network/model.py", "training/loop.py", "encoding/arrays.py"} <= names
    assert "encoding/tokens.py" not in names
    path = PROJECT / "src/sentiment_rnn/network/model.py"
    assert modules[path] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.fault
@pytest.mark.parametrize("name", ["weights.safetensors", "model.json", "curves.csv"])
def test_damaged_file_of_the_cache_is_noticed(
    name: str, variant: Variant, cached: dict[str, CachedTraining], finished: Scratch, tmp_path: Path
):
    """The training is done again, to the bytes of before."""
    ((_, files),) = cached.items()
    path, _ = files[name]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (tmp_path / "copy").mkdir()
    assert not copy_verified(files, tmp_path / "copy")
    log = Log()
    folder = run(variant, log, cached)
    assert "trained before, but a file of it in DVC's cache is damaged or missing" in log.lines
    original = finished.folder / "data/models/lstm-adam/0"
    for file in ("weights.safetensors", "curves.csv", "vocabulary.txt"):
        assert (folder / file).read_bytes() == (original / file).read_bytes()


def test_force_trains_again_and_a_finished_seed_is_kept(variant: Variant, cached: dict[str, CachedTraining]):
    def files(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "timing.json"}

    folder = run(variant, Log(), cached, force=True)
    first = files(folder)
    log = Log()
    # as the next run finds it, when the stage was interrupted before its other seeds were finished
    assert run(variant, log, {}) == folder
    assert log.lines == ["finished before the stage was interrupted"]
    log = Log()
    run(variant, log, cached, force=True)
    assert any(line.startswith("trained in") for line in log.lines)
    assert files(folder) == first
    assert json.loads(first["model.json"])["fingerprint"] in cached


@pytest.mark.fault
def test_checkpoint_and_finished_training_have_names_of_their_own(variant: Variant, cached: dict[str, CachedTraining]):
    """A kill while a checkpoint is written leaves a file that is in no training's way."""
    folder = training.CHECKPOINTS / variant.name
    folder.mkdir(parents=True)
    (folder / "0.unfinished").write_bytes(b"half")
    (folder / "0.pt").write_bytes(b"half")
    log = Log()
    run(variant, log, cached)
    assert TAKEN in log.lines


@pytest.mark.fault
def test_damaged_finished_training_is_not_kept(variant: Variant):
    """As a power failure may leave it."""
    folder = run(variant, Log(), {})
    (folder / "weights.safetensors").write_bytes(b"")
    log = Log()
    run(variant, log, {})
    assert any(line.startswith("trained in") for line in log.lines)
