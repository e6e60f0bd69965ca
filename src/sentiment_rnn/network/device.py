"""Where networks are trained and run, and what else decides the bytes that come out."""

import os
import platform
from typing import Any

import torch


def use_deterministic_device() -> torch.device:
    """CUDA when there is one, else one thread of the CPU; either way the same seed gives the same bytes.

    One thread a training, and several trainings side by side, is faster than several threads in one.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # cuBLAS reads it when CUDA starts
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms loads the compiler: 1 s
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, and never read
    torch.backends.cudnn.rnn.fp32_precision = "ieee"  # type: ignore[attr-defined]  # TF32, the default, keeps 3 digits
    torch.set_num_threads(1)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def environment(device: torch.device) -> dict[str, Any]:
    """What decides the bytes of a training beside its parameters: device, threads and versions."""
    on_cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_cuda else f"CPU, {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
