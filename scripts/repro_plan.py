"""Which stages `dvc repro` would run, what they wait for, and what starts first; and what is left to do at the end."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from dvc.scm import SCMError
from dvc.stage import Stage
from dvc.utils.serialize import dump_yaml, load_yaml
from stage_runner import DVC

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.params import Params

MEND_LOCK = "git checkout dvc.lock brings the committed one back; what was finished since comes from DVC's cache"
GATES = {"lstm": 4, "gru": 3, "attention": 3}  # of attention: the keys, queries and values


class Plan(NamedTuple):
    """What there is to do.

    Attributes:
        order: all stages, as `dvc repro` would go through them.
        waiting: those that are not up to date, the longest trainings first, each with those of them that it waits for.
        needs: all stages, each with those that it depends on directly.
        outputs: all stages, each with the paths of its outputs in the project.
    """

    order: list[str]
    waiting: dict[str, set[str]]
    needs: dict[str, set[str]]
    outputs: dict[str, list[str]]


def make_plan(params: Params) -> Plan:
    """Plan for the project in the working directory.

    Raises:
        PipelineError: DVC finds a mistake, in dvc.yaml say.
    """
    try:
        with Repo() as repo:
            stages = plan_repro(repo.index.graph)
            graph = nx.relabel_nodes(repo.index.graph, {stage: stage.addressing for stage in repo.index.graph})
            changed = set(repo.status())
            outputs = {stage.addressing: [out.def_path for out in stage.outs] for stage in stages}
    except (DvcException, SCMError) as error:
        hint = f"\n{MEND_LOCK}" if "dvc.lock" in str(error) else ""
        raise PipelineError(f"{error}{hint}") from error
    todo = changed.union(*(nx.ancestors(graph, stage) for stage in changed))  # edges point at dependencies
    longest_first = sorted(stages, key=lambda stage: training_cost(stage, params), reverse=True)
    names = [stage.addressing for stage in longest_first if stage.addressing in todo]
    return Plan(
        order=[stage.addressing for stage in stages],
        waiting={name: todo & nx.descendants(graph, name) for name in names},
        needs={name: set(graph.successors(name)) for name in graph},
        outputs=outputs,
    )


def training_cost(stage: Stage, params: Params) -> int:
    """The multiplications that the longest review takes in the recurrent layers; 0 where nothing is trained."""
    found = re.search(r"stages/train\.py --variant (\S+)", str(stage.cmd))
    if found is None:
        return 0
    variant = params.variant(found[1])
    directions = 2 if variant.bidirectional else 1
    inputs, cost = variant.embedding_dim, 0
    for _ in range(variant.n_layers):
        cost += directions * GATES[variant.cell] * variant.hidden_dim * (inputs + variant.hidden_dim)
        inputs = directions * variant.hidden_dim
    protocol = params.protocol(found[1])
    return cost * int(protocol["max_length"]) * int(protocol["n_epochs"])


@contextmanager
def new_stages_in_order(order: list[str]) -> Iterator[None]:
    """Leave the stages that came new into dvc.lock as `dvc repro` would: in its order, behind those of before."""
    before = list(read_lock())
    try:
        yield
    finally:
        found = read_lock()
        stages = {name: found[name] for name in dict.fromkeys([*before, *order, *found]) if name in found}
        if list(stages) != list(found):
            write_lock(stages)


def read_lock() -> dict[str, Any]:
    """dvc.lock's entries, by stage.

    Raises:
        PipelineError: it is damaged.
    """
    try:
        lock: dict[str, Any] = (load_yaml("dvc.lock") if Path("dvc.lock").exists() else None) or {}
        stages: dict[str, Any] = lock.get("stages", {})
    except (DvcException, AttributeError) as error:
        raise PipelineError(f"dvc.lock cannot be read: {error}\n{MEND_LOCK}") from error
    return stages


def write_lock(stages: dict[str, Any]) -> None:
    """Replace dvc.lock in one step."""
    dump_yaml("dvc.lock.unfinished", {"schema": "2.0", "stages": stages})
    Path("dvc.lock.unfinished").replace("dvc.lock")


def finish() -> None:
    """Let DVC itself say, as the last line, that nothing is left to do.

    Raises:
        PipelineError: something is.
    """
    last = subprocess.run([*DVC, "repro"], check=False, text=True, capture_output=True)
    if last.returncode:
        raise PipelineError(f"dvc repro: {last.stdout}{last.stderr}")
    print(last.stdout.rstrip().rpartition("\n")[2])
