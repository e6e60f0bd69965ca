"""What `make cluster` costs: `python benchmarks/on_cluster.py`, for some minutes; writes on_cluster.json.

In scratch clones, on the sample corpus with one training of each kind: once with `make repro`, then with one and with
two workers on this machine, through a DVC remote that is a folder; and Dask alone, on empty tasks.
"""

import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster
from machine import machine
from processes import run
from ruamel.yaml import YAML

PROJECT = Path(__file__).parents[1]
N_TASKS = 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        local = measure(folder / "local", "repro.py", "repro")
        one, two = (measure(folder / f"workers_{n}", "cluster.py", "--workers", str(n)) for n in (1, 2))
    n_stages = one["stages"]
    figures = {
        "machine": machine(),
        "stages_given_away": n_stages,
        "seconds": {"make repro": local["seconds"], "one worker": one["seconds"], "two workers": two["seconds"]},
        "stages_a_minute": {
            "one worker": 60 * n_stages / one["seconds"],
            "two workers": 60 * n_stages / two["seconds"],
        },
        "seconds_a_stage_more_than_make_repro": (one["seconds"] - local["seconds"]) / n_stages,
        "milliseconds_a_task_of_dask": 1000 * seconds_of_empty_tasks() / N_TASKS,
    }
    text = json.dumps(figures, indent=2)
    Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    print(text)


def measure(clone: Path, script: str, *arguments: str) -> dict[str, Any]:
    """Run everything in a clone of the last commit: seconds, and how many stages the workers were given."""
    run("git", "clone", "--quiet", str(PROJECT), str(clone), folder=PROJECT)
    shorten(clone / "params.yaml")
    author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    run("git", *author, "commit", "--quiet", "--all", "-m", "shortened", folder=clone)
    run(
        "dvc",
        "remote",
        "add",
        "--local",
        "--default",
        "store",
        str(clone.with_name(f"{clone.name}_store")),
        folder=clone,
    )
    started = time.perf_counter()
    output = run("python", f"scripts/{script}", *arguments, folder=clone)
    given = set(re.findall(r"^(?:train|evaluate)\S+ \| Running stage", output, re.MULTILINE))
    return {"seconds": time.perf_counter() - started, "stages": len(given)}


def shorten(path: Path) -> None:
    """One training of each kind, on the sample."""
    yaml = YAML()
    params = yaml.load(path)
    params |= {"dataset": "sample", "seeds": [0]}
    study = params["study"]
    study["grids"] |= {"cell": ["lstm"], "optimizer": ["adam"], "n_layers": [2], "hidden_dim": [150]}
    study["grids"]["embedding_dim"] = [50]
    yaml.dump(params, path)


def seconds_of_empty_tasks() -> float:
    """From giving the first to having the last, with one worker."""
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.submit(int).result()
        started = time.perf_counter()
        client.gather([client.submit(int, number) for number in range(N_TASKS)])
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
