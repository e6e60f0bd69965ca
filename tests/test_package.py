"""The package without its repository: a wheel, installed in a folder, with what its base requires and nothing else."""

import json
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LARGEST = 6_000_000  # bytes

PROGRAM = """
import sys

refused, wheel, arguments = sys.argv[1].split(","), sys.argv[2], sys.argv[3:]

class Refuser:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuser())
sys.path.insert(0, wheel)
"""
LIBRARY = """
from sentiment_rnn import load

for name in (None, "pretrained/ensemble", "pretrained/nbsvm", "pretrained/gru", "pretrained/lstm"):
    model = load(name)
    good, bad = model.predict(["A wonderful film, the best.", "The worst, a dull waste of money."])
    assert good.probability > 0.5 > bad.probability, name
    assert model.explain("A wonderful film").prediction.label == "positive", name
"""
COMMAND = """
from sentiment_rnn.cli.main import main

sys.argv = ["sentiment", *arguments]
main()
"""


@cache
def modules_beyond_base() -> list[str]:
    """The installed modules that neither the base requires nor what it requires in turn."""
    of_base, names = set[str](), set(map(name_of, project()["dependencies"]))
    while names:
        of_base |= names
        names = {name_of(text) for name in names for text in installed_requirements(name)} - of_base
    return [
        module
        for module, names in packages_distributions().items()
        if of_base.isdisjoint(map(canonicalize_name, names)) and module != "sentiment_rnn"
    ]


def project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def installed_requirements(name: str) -> list[str]:
    """What a distribution requires without extras; nothing, where it is of another platform and so not installed."""
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return []
    return [text for text in texts if not (marker := Requirement(text).marker) or marker.evaluate({"extra": ""})]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the content of the wheel of the last commit."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(["git", "clone", "-q", PROJECT, folder / "clone"], check=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder]
    subprocess.run([*command, folder / "clone"], check=True)
    (path,) = folder.glob("*.whl")
    assert path.stat().st_size < LARGEST
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(wheel: Path, program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM + program, ",".join(modules_beyond_base()), str(wheel), *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=120)


def test_library_needs_the_base_alone(wheel: Path, tmp_path: Path):
    result = run(wheel, LIBRARY, tmp_path)
    assert result.returncode == 0, result.stderr


def test_command_needs_the_base_alone(wheel: Path, tmp_path: Path):
    (tmp_path / "in.csv").write_text("review\na wonderful film\n")
    for arguments in (
        ["models"],
        ["predict", "A wonderful film"],
        ["explain", "A wonderful film"],
        ["explain", "A wonderful film", "--html", "page.html"],
    ):
        result = run(wheel, COMMAND, tmp_path, *arguments)
        assert result.returncode == 0, result.stderr
    shown = json.loads(run(wheel, COMMAND, tmp_path, "models", "--json").stdout)
    assert sorted(model["name"] for model in shown) == [
        f"pretrained/{name}" for name in ("ensemble", "gru", "lstm", "nbsvm")
    ]


@pytest.mark.parametrize(("arguments", "extra"), [(["serve"], "serve"), (["export", "--out", "x.onnx"], "onnx")])
def test_missing_extra_is_named_as_the_user_of_a_wheel_can_type_it(
    arguments: list[str], extra: str, wheel: Path, tmp_path: Path
):
    result = run(wheel, COMMAND, tmp_path, *arguments)
    assert f"is not installed; run: pip install 'sentiment_rnn[{extra}]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_lock_has_every_requirement_with_one_version_in_its_range():
    content = project()
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    parts = [part for part in map(Requirement, lines) if not part.marker or part.marker.evaluate()]
    locked = {canonicalize_name(part.name): part.specifier for part in parts}
    assert len(locked) == len(parts)
    for text in chain(content["dependencies"], *content["optional-dependencies"].values()):
        requirement = Requirement(text)
        if requirement.name != content["name"]:
            (exact,) = locked[canonicalize_name(requirement.name)]
            assert exact.operator == "=="
            assert "+" not in exact.version  # a build of torch
            assert requirement.specifier.contains(exact.version)
