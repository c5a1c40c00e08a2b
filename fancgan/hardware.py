"""What the machine can do, asked at run time, and how its memory is handed out.

torch is imported where it is used: the allocator is tuned before the first tensor, and a help
text does not wait for it.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from fancgan.errors import UserError

if TYPE_CHECKING:
    import torch

M_TRIM_THRESHOLD = -1  # malloc.h
M_MMAP_MAX = -4

PRECISION_VARIABLE = "FANCGAN_PRECISION"


def bf16_pays(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32: GPUs that have it, CPUs with AMX or AVX512-BF16."""
    import torch

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
    import torch

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
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tune_allocator() -> bool:
    """Serve large tensors from the heap, and keep freed memory; return whether that was done.

    Above 32 MB glibc gives every tensor a mapping of its own and hands it back at once, so that
    each element-wise operation pays for its page faults (a factor of two on whole micrographs).
    To be called once, before the first tensor. The price: the process keeps its peak memory, until
    `return_memory`. With another C library (macOS, Windows, musl) nothing happens.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(M_MMAP_MAX, 0)) and bool(libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def return_memory() -> None:
    """Give what is freed back to the system (glibc alone); the next tensors fault their pages."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def resident_mb() -> float:
    """Return the memory that this process occupies, 0 where the system does not tell (Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def return_memory_regularly(ended: Event, seconds: float = 10, grown_mb: float = 100) -> None:
    """Give freed memory back, from a thread of its own, whenever the process has grown."""

    def watch() -> None:
        kept = 0.0
        while not ended.wait(seconds):
            if resident_mb() > kept + grown_mb:
                return_memory()
                kept = resident_mb()

    Thread(target=watch, daemon=True).start()
