"""dvc.yaml against the code: what a stage imports is what it depends on, and what it reads is among its params."""

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT, Scratch, committed, yaml

from sentiment_rnn.study.params import Base, Hyperparameters, load_params
from sentiment_rnn.study.variants import study_catalogue

STAGES: dict[str, Any] = yaml.load(PROJECT / "dvc.yaml")["stages"]
ENTRIES: dict[str, Any] = yaml.load(PROJECT / "extensions/dvc.yaml")["stages"]
EXTENSIONS = {f"extensions:{name}": stage.get("do", stage) for name, stage in ENTRIES.items()}
ALL = STAGES | EXTENSIONS

# what a stage and its workers import; the workers import what the functions of the main process import when called
IMPORTED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
ours = ("sentiment_rnn", "stages", "extensions")
modules = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in ours]
print(json.dumps({"modules": modules, "torch": "torch" in sys.modules}))
"""
NETWORK = [f"sentiment_rnn.network.{name}" for name in ("batching", "device", "inference", "model_io")]
OF_WORKERS = {
    "train": ["sentiment_rnn.training.training"],
    "evaluate": NETWORK,
    "release": ["sentiment_rnn.models.trained_rnn"],  # which load() imports
}

DECIDES_NO_OUTPUT = ("__init__.py", "errors.py")  # docstrings and the path of imports; messages of what fails


def script_of(stage: dict[str, Any]) -> str:
    return str(stage["cmd"].split()[2])


@cache
def imported(script: str, *others: str) -> dict[str, Any]:
    """The project's modules that are loaded when a stage is, and whether PyTorch is."""
    command = [sys.executable, "-c", IMPORTED, script, *others]
    result: dict[str, Any] = json.loads(
        subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    )
    return result


@pytest.mark.parametrize("name", ALL)
def test_dependencies_are_the_import_closure(name: str):
    """Each module that decides an output is in a package that is declared, and none of these is superfluous."""
    script = script_of(ALL[name])
    of_workers = OF_WORKERS.get(script.partition(".")[2], [])
    paths = map(Path, imported(script, *of_workers)["modules"])
    read = {str(path.relative_to(PROJECT)) for path in paths if path.name not in DECIDES_NO_OUTPUT}
    declared = [path for path in ALL[name]["deps"] if path.endswith(".py") or path.startswith("src/")]
    declared = [path for path in declared if "pretrained" not in path]
    declared_for = {module: [path for path in declared if Path(module).is_relative_to(path)] for module in read}
    assert not [module for module, paths in declared_for.items() if not paths]
    assert set(declared) == {path for paths in declared_for.values() for path in paths}


@pytest.mark.parametrize("script", sorted({script_of(stage) for stage in STAGES.values()}))
def test_no_stage_loads_torch_before_its_workers_do(script: str):
    """It takes a second or two, and the forkserver loads it meanwhile."""
    assert not imported(script)["torch"]


def test_only_evaluations_read_the_test_reviews():
    """Each part of the split is a file of its own. vocab encodes all, and no choice depends on it."""
    readers = {
        name for name, stage in STAGES.items() if any(path.endswith("/test.safetensors") for path in stage["deps"])
    }
    assert readers == {name for name in STAGES if name.startswith("evaluate_")}
    for name in [name for name in STAGES if name.startswith("train_")]:
        assert [Path(path).name for path in STAGES[name]["deps"] if path.startswith("data/")] == [
            "train.safetensors",
            "valid.safetensors",
            "vocabulary.txt",
        ]


def test_each_variant_has_its_stages(tmp_path: Path):
    """The catalogue says what DVC calls them."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(committed(name), tmp_path)
    scratch = Scratch(tmp_path)
    scratch.run("dvc", "init", "--no-scm", "--quiet")
    names = scratch.run("dvc", "stage", "list", "--name-only", "dvc.yaml").split()
    variants = study_catalogue(load_params(committed("params.yaml"))).variants.values()
    expected = {f"{kind}_{variant.stage}" for kind in ("train", "evaluate") for variant in variants}
    assert {name for name in names if "@" in name} == expected


def params_of(stage: dict[str, Any]) -> set[str]:
    """The keys, those of the shared list included."""
    return {key for part in stage["params"] for key in (part["params.yaml"] if isinstance(part, dict) else [part])}


def test_trainings_depend_on_every_parameter_that_they_read():
    """Each hyperparameter: from the base, from the grid (the matrix), or from the top level; and the optimizer's."""
    of_base = {f"study.base.{field}" for field in Base.model_fields}
    base_optimizer = "optimizers.${study.base.optimizer}"
    expected = {
        "train_optimizers": of_base - {"study.base.cell", "study.base.optimizer"} | {"optimizers.${item.value}"},
        "train_compound": {*of_base, "study.compound", base_optimizer},
        "train_experiment": {*Hyperparameters.model_fields, "seeds", "optimizers.${optimizer}"},
    }
    for name in [name for name in STAGES if name.startswith("train_")]:
        axis, found = name.removeprefix("train_"), params_of(STAGES[name])
        if "study.base" in found:  # all of it, as docs/parameters.md has it
            found = found - {"study.base"} | of_base - {f"study.base.{axis}"}
        assert found == expected.get(name, of_base - {f"study.base.{axis}"} | {base_optimizer}), name
