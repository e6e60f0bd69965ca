"""dvc.yaml against the code: what a stage imports is what it depends on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT
from ruamel.yaml import YAML

from sentiment_rnn.params import Architecture, Hyperparameters, load_params

STAGES = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]

# hyperparameters that a stage has of its own, from study.STAGE or by its nature
OWN = {
    "compound": {"hidden_dim", "n_layers", "embedding_dim"},
    "attention": {"cell", "hidden_dim", "n_layers", "embedding_dim", "bidirectional"},
}

IMPORTED = """
import json, runpy, sys
sys.argv = [sys.argv[1]]
runpy.run_path(sys.argv[0], run_name="imported")
print(json.dumps([module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "sentiment_rnn"]))
"""


def script_of(stage: str) -> str:
    return STAGES[stage]["cmd"].split()[1]


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Script -> the modules of src that are loaded when it is."""
    closures = {}
    for script in {script_of(stage) for stage in STAGES}:
        command = [sys.executable, "-c", IMPORTED, str(PROJECT / script)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        closures[script] = {str(Path(path).relative_to(PROJECT)) for path in json.loads(output)}
    return closures


@pytest.mark.parametrize("stage", STAGES)
def test_dependencies_are_the_import_closure(stage: str, imported: dict[str, set[str]]):
    """A folder stands for all its modules: a stage depends on one if it imports them all."""
    declared = [PROJECT / path for path in STAGES[stage]["deps"] if path.startswith("src/")]
    modules = {module for path in declared for module in ([path] if path.is_file() else path.rglob("*.py"))}
    read = {str(path.relative_to(PROJECT)) for path in modules if path.suffix == ".py"}
    assert read == imported[script_of(stage)]
    assert script_of(stage) in STAGES[stage]["deps"]


def test_only_evaluations_read_the_test_reviews():
    """But for vocab, which encodes them, and no choice depends on it: each part is a file of its own."""
    test_files = ("/test.safetensors", "/test.csv")
    readers = {name for name, stage in STAGES.items() if any(path.endswith(test_files) for path in stage["deps"])}
    assert readers == {name for name in STAGES if name.startswith("evaluate_")}
    trainings = {name for name in STAGES if script_of(name) == "stages/train.py"}
    # of the trials of tuning the chosen ones are evaluated, of the champion's none
    answering = trainings - {"tuning", "champion_trials"} | {"tuned", "baselines", "other_baselines"}
    assert {f"evaluate_{name}" for name in answering} == readers
    for name in trainings:  # of the data, exactly these
        assert [Path(path).name for path in STAGES[name]["deps"] if path.startswith("data/")] == [
            "train.safetensors",
            "valid.safetensors",
            "vocabulary.txt",
        ]


def test_only_the_stages_with_a_model_load_torch():
    for script in ("fetch", "split", "vocab", "baseline", "choose", "evaluate_baseline", "collect", "report"):
        code = "import runpy, sys; runpy.run_path(sys.argv[1]); sys.exit('torch' in sys.modules)"
        subprocess.run([sys.executable, "-c", code, str(PROJECT / "stages" / f"{script}.py")], check=True)


def test_choices_read_no_evaluation():
    for name in ("tuned", "baselines", "other_baselines"):
        read = [path for path in STAGES[name]["deps"] if path.startswith("data/")]
        assert all(path.startswith("data/models/") or path.endswith(("train.csv", "valid.csv")) for path in read), name


def test_trainings_depend_on_every_parameter_that_they_read():
    """The protocol, and each hyperparameter: from the base, from the grid (the matrix), or from the top level."""
    protocol = load_params(PROJECT / "params.yaml").protocol("experiment").keys()
    for name, stage in STAGES.items():
        if script_of(name) != "stages/train.py":
            continue
        if name.startswith("champion"):  # it has a protocol of its own
            changes = ["study.champion_trials.changes.${item.trial}"] if name == "champion_trials" else []
            assert stage["params"] == ["init", "keep_epoch", "study.champion", *changes]
            continue
        of_matrix = stage["matrix"].keys() | OWN.get(name, set())
        if name == "experiment":
            read = set(Hyperparameters.model_fields)
        else:
            read = {f"study.base.{field}" for field in Architecture.model_fields if field not in of_matrix}
            read |= {rate_of(name, of_matrix)} | ({f"study.{name}"} if name in OWN else set())
        assert set(stage["params"]) == protocol - of_matrix | read, name


def rate_of(stage: str, of_matrix: set[str]) -> str:
    """The key of the learning rate."""
    if stage == "tuning":
        return "study.tuning.learning_rates.${item.trial}.${item.optimizer}"
    optimizer = "item.optimizer" if "optimizer" in of_matrix else "study.base.optimizer"
    return f"study.learning_rates.${{{optimizer}}}"
