"""Both dvc.yaml against the code: what a stage imports is what it depends on, and what it reads is among its params."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT
from ruamel.yaml import YAML

from sentiment_rnn.study.params import Architecture, Protocol, load_params
from sentiment_rnn.study.variants import study_catalogue

yaml = YAML(typ="safe")
STUDY: dict[str, Any] = yaml.load(PROJECT / "dvc.yaml")["stages"]
EXTENSIONS: dict[str, Any] = yaml.load(PROJECT / "extensions/dvc.yaml")["stages"]
STAGES = STUDY | {f"extensions: {name}": stage for name, stage in EXTENSIONS.items()}

# the scripts one after the other in one process, those without torch first
IMPORTED = """
import json, runpy, sys
own = ("sentiment_rnn", "fitting", "catalogue", "schema", "findings")
found = {}
for script in sys.argv[1:]:
    for name in [name for name in sys.modules if name.split(".")[0] in own]:
        del sys.modules[name]
    sys.path.insert(0, script.rpartition("/")[0])
    runpy.run_path(script, run_name="imported")
    modules = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in own]
    found[script] = {"modules": modules, "torch": "torch" in sys.modules}
print(json.dumps(found))
"""
WITH_TORCH = ("train.py", "evaluate.py", "evaluate_packed.py")


def script_of(stage: dict[str, Any]) -> str:
    return str(stage["cmd"].split()[1])


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """Script -> the project's modules that are loaded when it is, and whether torch is."""
    scripts = sorted({script_of(stage) for stage in STAGES.values()}, key=lambda name: name.endswith(WITH_TORCH))
    command = [sys.executable, "-c", IMPORTED, *(str(PROJECT / script) for script in scripts)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {str(Path(script).relative_to(PROJECT)): found for script, found in json.loads(output).items()}


@pytest.mark.parametrize("name", STAGES)
def test_dependencies_are_the_import_closure(name: str, imported: dict[str, Any]):
    """Each module that is imported stands in a package that is declared, and nothing of each of these is left out."""
    script = script_of(STAGES[name])
    read = {str(Path(path).relative_to(PROJECT)) for path in imported[script]["modules"]}
    declared = [path for path in STAGES[name]["deps"] if path.startswith(("src/", "extensions/")) and path != script]
    declared = [path for path in declared if not path.endswith(".j2") and "pretrained" not in path]
    if "champion" in name and script == "extensions/train.py":  # imported where a variant's settings want it
        declared.remove("extensions/fitting")
    assert script in STAGES[name]["deps"]
    stands_in = {module: [path for path in declared if Path(module).is_relative_to(path)] for module in read}
    assert not [module for module, paths in stands_in.items() if not paths]
    assert set(declared) == {path for paths in stands_in.values() for path in paths}


def test_only_the_stages_with_a_network_load_torch(imported: dict[str, Any]):
    assert {script for script, found in imported.items() if found["torch"]} == {
        script for script in imported if script.endswith(WITH_TORCH)
    }


def test_only_evaluations_read_the_test_reviews():
    """But for vocab, which encodes them, and no choice depends on it: each part is a file of its own."""
    for stages in (STUDY, EXTENSIONS):
        test_files = ("/test.safetensors", "/test.csv")
        readers = {name for name, stage in stages.items() if any(path.endswith(test_files) for path in stage["deps"])}
        assert readers == {name for name in stages if name.startswith("evaluate_")}
        for name, stage in stages.items():
            if script_of(stage).endswith("/train.py"):
                assert [Path(path).name for path in stage["deps"] if path.startswith("data/")] == [
                    "train.safetensors",
                    "valid.safetensors",
                    "vocabulary.txt",
                ], name
            elif name.startswith(("train_", "fit_")):  # a choice
                read = [path for path in stage["deps"] if path.startswith("data/")]
                assert all("models" in Path(path).parts or path.endswith(("train.csv", "valid.csv")) for path in read)


def test_extensions_write_below_their_folders_and_declare_neither_metrics_nor_plots():
    for name, stage in EXTENSIONS.items():
        outs = [out if isinstance(out, str) else next(iter(out)) for out in stage["outs"]]
        packed = ("src/sentiment_rnn/pretrained/",) if name == "pack" else ()  # comes with the package
        assert all(out.startswith(("extensions/", "data/extensions/", *packed)) for out in outs), name
        assert not stage.keys() & {"metrics", "plots"}, name
    read = [path for stage in STUDY.values() for path in stage["deps"]]
    written = ("extensions", "data/extensions", "src/sentiment_rnn/pretrained")
    assert not [path for path in read if path.startswith(written) or path in ("data", "src", "src/sentiment_rnn")]


def test_each_variant_has_its_stages():
    """The catalogue says what DVC calls them."""
    command = [sys.executable, "-m", "dvc", "stage", "list", "--name-only", "dvc.yaml"]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    variants = study_catalogue(load_params(PROJECT / "params.yaml")).variants.values()
    expected = {f"{kind}_{variant.stage}" for kind in ("train", "evaluate") for variant in variants}
    assert {name for name in found if "@" in name} == expected


def test_trainings_depend_on_every_parameter_that_they_read():
    """The protocol, and each hyperparameter: from the base, from the grid (the matrix), or from the top level."""
    architecture = set(Architecture.model_fields)
    own = {
        "train_optimizers": ({"cell", "optimizer"}, set()),
        "train_compound": ({"hidden_dim", "n_layers", "embedding_dim"}, {"study.compound"}),
        "train_experiment": (architecture, {*architecture, "lr"}),
    }
    for name, stage in STUDY.items():
        if script_of(stage) != "stages/train.py":
            continue
        protocol, *params = stage["params"]
        assert set(protocol["params.yaml"]) == {"seeds", *Protocol.model_fields}, name
        varied, others = own.get(name, (set(stage["matrix"].get("axis", [])), set()))
        expected = {f"study.base.{field}" for field in architecture - varied} | others
        optimizer = "item.value" if name == "train_optimizers" else "study.base.optimizer"
        expected |= set() if name == "train_experiment" else {f"study.learning_rates.${{{optimizer}}}"}
        assert set(params) == expected, name
