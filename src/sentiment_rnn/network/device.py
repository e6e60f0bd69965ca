"""Where networks are trained and run, and what else decides the bytes that come out."""

import os
import platform
from typing import Any

import torch


def use_deterministic_device() -> torch.device:
    """CUDA when there is one, else one thread of the CPU: several trainings at once are faster than several threads.

    The same seed gives the same bytes on the same kind of device, with the same versions.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # cuBLAS reads it when CUDA starts
    torch.set_deterministic_debug_mode(
        "error"
    )  # like use_deterministic_algorithms(True), which imports the compiler: 1 s
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, and never read
    torch.backends.cudnn.rnn.fp32_precision = "ieee"  # type: ignore[attr-defined]  # float32; TF32, the default, has 10 bits
    torch.set_num_threads(1)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def environment(device: torch.device) -> dict[str, Any]:
    """What decides the bytes of a training besides its parameters: device, threads and versions."""
    capability, on_cuda = torch.backends.cpu.get_cpu_capability(), device.type == "cuda"
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    name = torch.cuda.get_device_name(device) if on_cuda else f"CPU, {platform.machine()}, {capability}"
    return {"device": name, "threads": torch.get_num_threads(), **versions}
