"""One setting of glibc's malloc that makes large tensors cheap on the CPU."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD = -1  # malloc.h
M_MMAP_MAX = -4


def tune_allocator() -> bool:
    """Serve large tensors from the heap, and keep freed memory; return whether that was done.

    Above 32 MB glibc gives every tensor a mapping of its own and hands it back at once, so that
    each element-wise operation pays for its page faults (a factor of two on whole micrographs).
    To be called once, before the first tensor. The price: the process keeps its peak memory. With
    another C library (macOS, Windows, musl) nothing happens.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(M_MMAP_MAX, 0)) and bool(libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
