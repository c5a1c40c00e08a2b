"""Processes of this machine, as /proc shows them (Linux)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def children(parent: int) -> list[tuple[int, str]]:
    """Return (process, command line) of all that a process has started, and they in turn."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, above = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # ended meanwhile
            continue
        if state != "Z":
            parents[int(path.parent.name)] = int(above)
    found = [parent]
    for pid in found:
        found += [child for child, above in parents.items() if above == pid]
    return [(pid, command(pid)) for pid in found[1:]]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def wait_until(true: Callable[[], object], seconds: float = 30) -> None:
    """Return once true() is; raise AssertionError after some time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "this did not come about"
        time.sleep(0.02)
