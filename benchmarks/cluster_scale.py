"""How far one coordinator of `make cluster` reaches: `python benchmarks/cluster_scale.py`, for 20 minutes.

The coordinator is the real one: DVC, dvc.lock, a remote that is a folder, Dask's scheduler. What its workers do by
themselves is slept (simulated_worker.py), FACTOR times as fast as a real worker, or not at all. Writes
cluster_scale.json.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from dvc.utils.serialize import dump_yaml, load_yaml
from machine import machine
from processes import run, timed

from sentiment_rnn.errors import PipelineError, exit_on_error

PROJECT = Path(__file__).parents[1]
TEMPLATE = "hidden_dim-150"  # the variant whose times and files those of all others are
KINDS = ("train_hidden_dim", "evaluate_hidden_dim")
FACTOR = 20
# stages, workers, and whether they sleep at all
RUNS = (
    (50, 1, True),
    (50, 10, True),
    (50, 50, True),
    (250, 50, True),
    (1000, 50, True),
    (50, 50, False),
    (250, 50, False),
    (1000, 50, False),
)
PARTS = 4  # into how many pipelines the largest is divided


def main() -> None:
    if sys.argv[1:2] == ["coordinate"]:
        coordinate(sys.argv[2], int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["work"]:
        work(*sys.argv[2:])
        return
    figures: dict[str, Any] = {"machine": machine(), "factor": FACTOR}
    with tempfile.TemporaryDirectory() as name:
        project = small_project(Path(name))
        simulation = one_real_worker(project)
        figures["seconds_of_a_real_worker"] = {kind: round(value, 1) for kind, value in simulation["seconds"].items()}
        figures["of_these_dvc"] = simulation["seconds_of_dvc"]
        figures["runs"] = []
        for n_stages, n_workers, asleep in RUNS:
            factor = FACTOR if asleep else float("inf")
            clone = grown(project, n_stages, simulation, factor)
            figures["runs"].append(
                {"stages": n_stages, "workers": n_workers, "slept": asleep, **measure(clone, n_workers)}
            )
            print(figures["runs"][-1], flush=True)
            write(figures)
            if (n_stages, n_workers, asleep) == RUNS[-1]:
                figures[f"of_these_dvc_with_{n_stages}_stages"] = one_real_worker(clone)["seconds_of_dvc"]
                figures["dvc.lock"] = {"whole": cost_of_lock(clone, "."), f"in {PARTS} parts": divided(clone)}
                write(figures)
            shutil.rmtree(clone)
            shutil.rmtree(store_of(clone))


def write(figures: dict[str, Any]) -> None:
    """What has been measured so far."""
    Path(__file__).with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def small_project(folder: Path) -> Path:
    """A clone with the sample corpus, split and encoded, and one axis: the hidden dimensions."""
    clone = folder / "project"
    run("git", "clone", "--quiet", str(PROJECT), str(clone), folder=PROJECT)
    stages = load_yaml(clone / "dvc.yaml")["stages"]
    dump_yaml(clone / "dvc.yaml", {"stages": {name: stages[name] for name in ("fetch", "split", "vocab", *KINDS)}})
    shutil.rmtree(clone / "extensions")
    (clone / "dvc.lock").unlink()
    params = load_yaml(clone / "params.yaml")
    params |= {"dataset": "sample", "n_epochs": 1}
    params["study"]["grids"] |= {"hidden_dim": [int(TEMPLATE.rpartition("-")[2])]}
    dump_yaml(clone / "params.yaml", params)
    commit(clone)
    connect(clone)
    run("dvc", "repro", "vocab", folder=clone)
    run("dvc", "push", "vocab", folder=clone)
    return clone


def one_real_worker(project: Path) -> dict[str, Any]:
    """What a worker takes for the template, with one epoch on the sample, and what it leaves."""
    clone = project.with_name(f"{project.name}_worker")
    run("git", "clone", "--quiet", str(project), str(clone), folder=project)
    shutil.copy(project / ".dvc/config.local", clone / ".dvc")
    stages = [f"{kind}@{TEMPLATE}" for kind in KINDS]
    head = run("git", "rev-parse", "HEAD", folder=project).strip()
    command = ("python", __file__, "work", head, str(project / "dvc.lock"), *stages)
    # once more, and the run cache has both stages: all that is left to do is DVC's part
    worked, again = (
        dict(zip(KINDS, map(json.loads, run(*command, folder=clone).splitlines()[-len(KINDS) :]), strict=True))
        for _ in range(2)
    )
    # as many seeds as there are run at once: a training takes the time of one
    training = json.loads((PROJECT / "benchmarks/trainings.json").read_text())["cpu_seconds"][TEMPLATE]
    of_dvc = {kind: again[kind]["seconds"] for kind in KINDS}
    return {
        "template": TEMPLATE,
        "entries": {kind: of_stage["entry"] for kind, of_stage in worked.items()},
        "seconds": {KINDS[0]: training + of_dvc[KINDS[0]], KINDS[1]: worked[KINDS[1]]["seconds"]},
        "seconds_of_dvc": {kind: round(seconds, 1) for kind, seconds in of_dvc.items()},
        "files": {KINDS[0]: sizes_of_models(clone), KINDS[1]: sizes_in(PROJECT / "results" / TEMPLATE)},
    }


def work(commit: str, lock: str, *stages: str) -> None:
    """Run the stages as a real worker does; print for each its entry and its seconds."""
    from scripts.worker import run_stage  # noqa: PLC0415

    known = [("vocab", load_yaml(lock)["stages"]["vocab"])]
    for stage in stages:
        started = time.perf_counter()
        made, _ = run_stage(stage, commit, known)
        known.append(made)
        print(json.dumps({"entry": made[1], "seconds": time.perf_counter() - started}))


def sizes_in(folder: Path) -> dict[str, int]:
    """By path within the folder."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def sizes_of_models(clone: Path) -> dict[str, int]:
    """Those of the clone's models, with weights as large as the committed ones."""
    sizes = sizes_in(clone / "data/models" / TEMPLATE)
    committed = load_yaml(PROJECT / "dvc.lock")["stages"][f"{KINDS[0]}@{TEMPLATE}"]["outs"][0]["size"]
    weights = [path for path in sizes if path.endswith("weights.safetensors")]
    others = sum(sizes.values()) - sum(sizes[path] for path in weights)
    return sizes | dict.fromkeys(weights, (committed - others) // len(weights))


def grown(project: Path, n_stages: int, simulation: dict[str, Any], factor: float) -> Path:
    """A copy of the project with so many stages for workers."""
    clone = project.with_name("grown")
    shutil.copytree(project, clone)
    shutil.copytree(store_of(project), store_of(clone))
    params = load_yaml(clone / "params.yaml")
    params["study"]["grids"]["hidden_dim"] = list(range(101, 101 + n_stages // len(KINDS)))
    dump_yaml(clone / "params.yaml", params)
    commit(clone)
    connect(clone)
    seconds = {kind: value / factor for kind, value in simulation["seconds"].items()}
    content = simulation | {"seconds": seconds, "remote": str(store_of(clone))}
    (clone / "simulation.json").write_text(json.dumps(content), encoding="utf-8")
    return clone


def measure(clone: Path, n_workers: int) -> dict[str, Any]:
    """One run of the coordinator, with a scheduler and workers of its own."""
    with dask(clone, n_workers) as (address, scheduler):
        output = run("python", __file__, "coordinate", address, str(n_workers), folder=clone)
        if "Data and pipelines are up to date" not in output:
            raise PipelineError("what the simulated workers left is not what DVC expects of real ones")
        figures: dict[str, Any] = json.loads(output.strip().rpartition("\n")[2])
        spent = psutil.Process(scheduler).cpu_times()
        return figures | {"cpu_seconds_of_the_scheduler": round(spent.user + spent.system, 1)}


@contextmanager
def dask(clone: Path, n_workers: int) -> Iterator[tuple[str, int]]:
    """A scheduler and so many workers: its address, and its process."""
    file = clone / ".dvc/tmp/scheduler.json"
    modules = os.pathsep.join(str(PROJECT / folder) for folder in ("benchmarks", ".", "src"))
    settings: dict[str, Any] = {"cwd": clone, "env": os.environ | {"PYTHONPATH": modules}}
    with (clone / ".dvc/tmp/dask.log").open("w") as log:
        command = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        scheduler = subprocess.Popen([sys.executable, "-m", "dask", *command], stderr=log, **settings)
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        hosts = [sys.executable, str(PROJECT / "benchmarks/simulated_worker.py"), address, str(n_workers)]
        workers = subprocess.Popen(hosts, stderr=log, **settings)
        try:
            yield address, scheduler.pid
        finally:
            for process in (workers, scheduler):
                process.terminate()
                process.wait()


def coordinate(address: str, n_workers: int) -> None:
    """Run the coordinator in this process, with simulated workers; print what it took."""
    from simulated_worker import simulate  # noqa: PLC0415

    from scripts import cluster  # noqa: PLC0415 - takes a second, for this process alone

    spans: dict[str, float] = {}
    run_on_workers, keep = cluster.run_on_workers, cluster.keep

    def measured(client: Any, given: dict[str, set[str]], *arguments: Any, **options: Any) -> None:
        spans["before"] = time.perf_counter() - started
        while len(client.scheduler_info(n_workers=-1)["workers"]) < n_workers:
            time.sleep(0.1)
        begun, cpu = time.perf_counter(), cpu_seconds()
        run_on_workers(client, given, *arguments, **options)
        spans["running"], spans["cpu"] = time.perf_counter() - begun, cpu_seconds() - cpu
        spans["stages"] = len(given)

    def measured_at_the_end(made: dict[str, dict[str, Any]]) -> None:
        spans["keeping"] = timed(lambda: keep(made))

    cluster.run_on_workers, cluster.keep, cluster.run_stage = measured, measured_at_the_end, simulate  # type: ignore[attr-defined]
    sys.argv[1:] = ["--scheduler", address]
    started = time.perf_counter()
    cluster.main()
    n_stages, running = spans["stages"], spans["running"]
    figures = {
        "stages_a_minute": 60 * n_stages / (running - spans["keeping"]),
        "seconds_before": spans["before"],
        "seconds_running": running,
        "of_these_keeping": spans["keeping"],
        "seconds_after": time.perf_counter() - started - spans["before"] - running,
        "cpu_seconds_a_stage": spans["cpu"] / n_stages,
        "share_of_a_core": spans["cpu"] / running,
    }
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def cpu_seconds() -> float:
    """Of this process and of those that it has started and that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def divided(clone: Path) -> dict[str, float]:
    """What one of PARTS pipelines costs into which the stages of a finished run are divided."""
    stages, entries = (load_yaml(clone / name)["stages"] for name in ("dvc.yaml", "dvc.lock"))
    params = load_yaml(clone / "params.yaml")
    values = params["study"]["grids"].pop("hidden_dim")
    dump_yaml(clone / "params.yaml", params)
    size = len(values) // PARTS
    for part in range(PARTS):
        own = values[part * size : (part + 1) * size]
        matrix = {"matrix": {"axis": ["hidden_dim"], "value": own}, "wdir": ".."}
        folder = clone / f"part-{part}"
        folder.mkdir()
        dump_yaml(
            folder / "dvc.yaml",
            {"vars": ["../params.yaml"], "stages": {kind: stages[kind] | matrix for kind in KINDS}},
        )
        names = [f"{kind}@hidden_dim-{value}" for kind in KINDS for value in own]
        dump_yaml(folder / "dvc.lock", {"schema": "2.0", "stages": {name: entries[name] for name in names}})
    others = ("fetch", "split", "vocab")
    dump_yaml(clone / "dvc.yaml", {"stages": {name: stages[name] for name in others}})
    dump_yaml(clone / "dvc.lock", {"schema": "2.0", "stages": {name: entries[name] for name in others}})
    return cost_of_lock(clone, "part-0")


def cost_of_lock(clone: Path, pipeline: str) -> dict[str, float]:
    """Seconds to read and write a pipeline's dvc.lock, and to pull one of its stages."""
    lock = clone / pipeline / "dvc.lock"

    def read_and_write() -> None:
        dump_yaml(lock, load_yaml(lock))

    stage = next(name for name in load_yaml(lock)["stages"] if name.startswith(KINDS[0]))
    pull = ("dvc", "pull", "--force", stage if pipeline == "." else f"{pipeline}/dvc.yaml:{stage}")
    return {
        "kilobytes": round(lock.stat().st_size / 1000),
        "seconds_to_read_and_write": round(median(timed(read_and_write) for _ in range(3)), 2),
        "seconds_to_pull_a_stage": round(median(timed(lambda: run(*pull, folder=clone)) for _ in range(3)), 2),
    }


def store_of(clone: Path) -> Path:
    """The folder that is the clone's remote."""
    return clone.with_name(f"{clone.name}_store")


def connect(clone: Path) -> None:
    """Make that folder its remote."""
    run("dvc", "remote", "add", "--local", "--force", "--default", "store", str(store_of(clone)), folder=clone)


def commit(clone: Path) -> None:
    """All that has changed."""
    author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    run("git", *author, "commit", "--quiet", "--all", "-m", "scaled", folder=clone)


if __name__ == "__main__":
    exit_on_error(main)
