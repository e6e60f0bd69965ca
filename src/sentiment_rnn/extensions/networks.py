"""The networks of extensions/params.yaml: each an entry that changes some hyperparameters of the study's base."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sentiment_rnn.study.params import ParamsError, Seeds, StrictModel, load_params, parse, read_yaml
from sentiment_rnn.study.variants import Catalogue, Variant

FILE = Path("extensions/params.yaml")
MODELS, RESULTS = Path("data/extensions/models"), Path("extensions/results")

Name = Annotated[str, Field(pattern=r"^[a-zA-Z][\w-]*$")]  # also of a stage, a parameter and a folder


class Entry(StrictModel):
    """A row of the report."""

    table: str
    compare_with: str | None  # a row of the table with the same test reviews; None for no comparison
    data: str  # the folder that it reads


class Network(Entry):
    """A recurrent network or self-attention; `changes` are those of the study's base."""

    changes: dict[str, Any]


class Networks(BaseModel):
    """What a training reads of extensions/params.yaml. It is trained with each seed."""

    model_config = ConfigDict(strict=True, frozen=True)

    seeds: Seeds
    networks: dict[Name, Network]


def read_entries() -> Any:
    """What extensions/params.yaml has.

    Raises:
        ParamsError: it cannot be read.
    """
    content = read_yaml(FILE)
    if list(content) != ["extensions"]:
        raise ParamsError(f"{FILE}: must have all keys below one, extensions")
    return content["extensions"]


def load_networks() -> Catalogue:
    """The variants that the networks are.

    Raises:
        ParamsError: params.yaml or extensions/params.yaml is invalid; the message names the key.
    """
    params, entries = load_params(), parse(Networks, FILE, read_entries())
    variants = {}
    for name, entry in entries.networks.items():
        try:
            hyperparameters = params.with_changes(entry.changes, f"networks.{name}.changes")
        except ValueError as error:
            raise ParamsError("\n".join(f"{FILE}: {line}" for line in str(error).split("\n"))) from error
        folders = (Path(entry.data), MODELS / name, RESULTS / name)
        variants[name] = Variant(name, hyperparameters, tuple(entries.seeds), f"extension@{name}", *folders)
    return Catalogue(variants, {})
