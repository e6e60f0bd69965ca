"""Workers of `make cluster` whose own work is slept: `python simulated_worker.py ADDRESS NUMBER`, in the project.

What they leave is what real ones leave: an entry of dvc.lock, and in the DVC remote the same entry in the run cache and
files of the real sizes. The folder must hold simulation.json, which cluster_scale.py writes.
"""

import asyncio
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import dask
from distributed import Worker

from scripts.worker import Entry

SIMULATION = Path("simulation.json")


def simulate(stage: str, commit: str, known: list[Entry], *before: tuple[Entry, str]) -> tuple[Entry, str]:  # noqa: ARG001
    """What `run_stage` does, as seen from outside: it takes the time, fills the remote, and returns the entry."""
    simulation = json.loads(SIMULATION.read_text(encoding="utf-8"))
    kind, name = stage.split("@")
    time.sleep(simulation["seconds"][kind])
    entry = json.loads(json.dumps(simulation["entries"][kind]).replace(simulation["template"], name))
    outs = {out["path"]: out for _, other in [*known, *(made for made, _ in before)] for out in other["outs"]}
    entry["deps"] = [dependency | outs.get(dependency["path"], {}) for dependency in entry["deps"]]
    remote = Path(simulation["remote"])
    entry["outs"][0] |= store(simulation["files"][kind], name, remote)
    key = hashlib.sha256(stage.encode()).hexdigest()
    write(remote / "runs" / key[:2] / key / key, json.dumps(entry).encode())
    return (stage, entry), ""


def store(sizes: dict[str, int], name: str, remote: Path) -> dict[str, Any]:
    """Put a folder of files with these sizes into the remote, as `dvc push` does; what dvc.lock says of it."""
    listing = []
    for path, size in sorted(sizes.items()):
        content = f"{name} {path} ".encode() + os.urandom(size)
        listing.append({"md5": put(content[:size], remote), "relpath": path})
    md5 = put(json.dumps(listing, sort_keys=True).encode(), remote, ".dir")
    return {"md5": f"{md5}.dir", "size": sum(sizes.values()), "nfiles": len(sizes)}


def put(content: bytes, remote: Path, suffix: str = "") -> str:
    """One file; its hash."""
    md5 = hashlib.md5(content).hexdigest()
    write(remote / "files/md5" / md5[:2] / f"{md5[2:]}{suffix}", content)
    return md5


def write(target: Path, content: bytes) -> None:
    """A file, and the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


async def serve(address: str, number: int) -> None:
    """Until this process is ended."""
    dask.config.set({"distributed.worker.profile.enabled": False})  # would look at all threads, for each worker
    workers = [Worker(address, nthreads=1, name=place, dashboard=False) for place in range(number)]
    await asyncio.gather(*workers)
    await asyncio.gather(*(worker.finished() for worker in workers))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
