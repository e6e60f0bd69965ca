"""dvc.yaml against the code: what a stage imports is what it depends on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT
from ruamel.yaml import YAML

STAGES = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]

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
    declared = {path for path in STAGES[stage]["deps"] if path.startswith("src/") and path.endswith(".py")}
    assert declared == imported[script_of(stage)]
    assert script_of(stage) in STAGES[stage]["deps"]


def test_only_evaluations_read_the_test_reviews():
    readers = {name for name, stage in STAGES.items() if any("test.safetensors" in path for path in stage["deps"])}
    assert readers == {name for name in STAGES if name.startswith("evaluate_")}
    trainings = {name for name in STAGES if script_of(name) == "stages/train.py"}
    assert {f"evaluate_{name}" for name in trainings} == readers
    for name in trainings:  # of the data, exactly these
        assert [Path(path).name for path in STAGES[name]["deps"] if path.startswith("data/")] == [
            "train.safetensors",
            "valid.safetensors",
            "vocabulary.txt",
        ]


@pytest.mark.parametrize("script", ["fetch", "split", "vocab", "report"])
def test_stages_without_a_model_do_not_load_torch(script: str, imported: dict[str, set[str]]):
    assert not any("torch" in Path(PROJECT / path).read_text() for path in imported[f"stages/{script}.py"])
