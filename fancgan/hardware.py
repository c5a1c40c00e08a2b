"""What the machine can do, asked at run time."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from fancgan.errors import UserError

PRECISION_VARIABLE = "FANCGAN_PRECISION"


def bf16_pays(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32: GPUs that have it, CPUs with AMX or AVX512-BF16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, name, bool)() for name in probes)


def auto_is_bf16(device: torch.device) -> bool:
    """Whether the precision "auto" stands for bfloat16 on this device: where that is faster.

    The environment variable FANCGAN_PRECISION (float32 or bfloat16) decides otherwise, so that a
    program runs as it would on another processor. Raises UserError for another value.
    """
    forced = os.environ.get(PRECISION_VARIABLE)
    if not forced:
        return bf16_pays(device)
    if forced not in ("float32", "bfloat16"):
        raise UserError(f"{PRECISION_VARIABLE} is {forced!r}; set it to float32 or bfloat16.")
    return forced == "bfloat16"


def processor_name() -> str:
    """The CPU's name as the operating system gives it, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def describe_hardware(device: torch.device, *, processes: int, precision: str) -> dict:
    """What a training runs on, for its model card."""
    return {
        "device": device.type,
        "name": torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name(),
        "processes": processes,
        "threads": torch.get_num_threads(),
        "precision": precision,
        "torch": torch.__version__,
    }


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: with more, sums may be taken in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
