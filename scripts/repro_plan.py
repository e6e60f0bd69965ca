"""Which stages `dvc repro` would run, what they wait for, and what starts first; and what is left to do at the end."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx
from dvc.exceptions import DvcException
from dvc.repo.reproduce import plan_repro
from dvc.stage import Stage
from dvc.utils.serialize import dump_yaml, load_yaml
from safeguards import project
from stage_runner import DVC

from sentiment_rnn.errors import PipelineError
from sentiment_rnn.params import Params

GATES = {"lstm": 4, "gru": 3, "attention": 3}  # of attention: the keys, queries and values


class Plan(NamedTuple):
    """What there is to do.

    Attributes:
        order: all stages, as `dvc repro` would go through them.
        waiting: those that are not up to date, the longest trainings first, each with those of them that it waits for.
        needs: all stages, each with those that it depends on directly.
        outputs: all stages, each with the paths of its outputs in the project.
        trainings: those that train a network.
    """

    order: list[str]
    waiting: dict[str, set[str]]
    needs: dict[str, set[str]]
    outputs: dict[str, list[str]]
    trainings: set[str]


def make_plan(params: Params) -> Plan:
    """Plan for the project in the working directory.

    Raises:
        PipelineError: DVC finds a mistake.
    """
    with project() as repo:
        stages = plan_repro(repo.index.graph)
        graph = nx.relabel_nodes(repo.index.graph, {stage: stage.addressing for stage in repo.index.graph})
        changed = set(repo.status())
        outputs = {stage.addressing: [out.def_path for out in stage.outs] for stage in stages}
    todo = changed.union(*(nx.ancestors(graph, stage) for stage in changed))  # edges point at dependencies
    costs = {stage.addressing: training_cost(stage, params) for stage in stages}
    names = sorted((name for name in costs if name in todo), key=costs.__getitem__, reverse=True)
    return Plan(
        order=list(costs),
        waiting={name: todo & nx.descendants(graph, name) for name in names},
        needs={name: set(graph.successors(name)) for name in graph},
        outputs=outputs,
        trainings={name for name, cost in costs.items() if cost},
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
def stages_in_order(order: list[str]) -> Iterator[None]:
    """Leave the stages in dvc.lock in the order in which `dvc repro` would write them, if it wrote them all.

    So the file does not tell in which order they ended, nor where a run was interrupted.
    """
    try:
        yield
    finally:
        # of a dvc.lock that is cut off the next run tells: here it would hide why this one ended
        with suppress(PipelineError):
            found = read_lock()
            stages = {name: found[name] for name in dict.fromkeys([*order, *found]) if name in found}
            if list(stages) != list(found):
                write_lock(stages)


def read_lock() -> dict[str, Any]:
    """dvc.lock's entries, by stage.

    Raises:
        PipelineError: it is damaged.
    """
    try:
        lock = (load_yaml("dvc.lock") if Path("dvc.lock").exists() else None) or {}
        stages: dict[str, Any] = lock.get("stages", {})
        hashes = [out["md5"] for entry in stages.values() for out in entry.get("outs", [])]
        if not all(isinstance(md5, str) and len(md5) >= 32 for md5 in hashes):  # hexadecimal digits
            raise ValueError("an output has no hash")
    except (DvcException, AttributeError, KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            f"dvc.lock cannot be read: {error}\n"
            "git checkout dvc.lock brings the committed one back; what was finished since comes from DVC's cache"
        ) from error
    return stages


def write_lock(stages: dict[str, Any]) -> None:
    """Replace dvc.lock in one step."""
    unfinished = Path(".dvc/tmp/dvc.lock.unfinished")
    dump_yaml(unfinished, {"schema": "2.0", "stages": stages})
    unfinished.replace("dvc.lock")


def check_nothing_is_left(*options: str) -> str:
    """Ask DVC itself; its last line says so.

    Args:
        options: of `dvc repro --dry`.

    Raises:
        PipelineError: something is.
    """
    command = [*DVC, "--wait-for-lock", "repro", "--dry", *options]
    result = subprocess.run(command, check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL)
    left = [line for line in result.stdout.splitlines() if line.startswith("Running stage")]
    if result.returncode or left:
        raise PipelineError("something is left to do: " + ("; ".join(left) or f"{result.stdout}{result.stderr}"))
    return result.stdout.rstrip().rpartition("\n")[2]
