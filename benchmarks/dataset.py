"""Pairs per second and peak memory of make-dataset, at two numbers of pairs.

    python benchmarks/dataset.py                   # 100 and 1000 pairs of 256 x 256
    python benchmarks/dataset.py --n 50 500 --workers 4

Resident memory of the process and all its children is read from /proc (Linux) five times a second:
the largest process, and the sum, in which shared pages count several times.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def tree(root: int) -> list[int]:
    """Return a process and its descendants."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        parents[int(path.parent.name)] = int(fields[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def resident_mb(pids: list[int]) -> list[float]:
    sizes = []
    for pid in pids:
        try:
            sizes.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB)
        except OSError:
            continue
    return sizes or [0.0]


def measure(n: int, workers: int) -> tuple[float, float]:
    """Make n pairs; print the figures and return the peaks in MB."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        command = [sys.executable, "-m", "fancgan", "make-dataset", "--n", str(n)]
        command += ["--out", str(out), "--workers", str(workers)]
        begun = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        largest = total = 0.0
        first = None
        while process.poll() is None:
            sizes = resident_mb(tree(process.pid))
            largest, total = max(largest, *sizes), max(total, sum(sizes))
            if first is None and (out / ".records").is_dir() and any((out / "labels").glob("*")):
                first = time.monotonic()
            time.sleep(0.2)
        ended = time.monotonic()
        if process.returncode:
            raise SystemExit(f"make-dataset ended with {process.returncode}")
        made = len((out / "manifest.jsonl").read_text().splitlines())
    pace = made / (ended - first)
    print(f"n = {made}: {pace:.1f} pairs a second; start {first - begun:.1f} s", end="")
    print(f", all {ended - begun:.1f} s; peak {largest:.0f} MB in the largest process", end="")
    print(f", {total:.0f} MB in all", flush=True)
    return largest, total


def main() -> None:
    args = parse_args()
    print(f"256 x 256, {args.workers} workers")
    peaks = [measure(n, args.workers) for n in args.n]
    for name, first, last in zip(("largest process", "sum"), peaks[0], peaks[-1], strict=True):
        print(f"memory at {args.n[-1]} against {args.n[0]} pairs, {name}: {last / first - 1:+.1%}")


if __name__ == "__main__":
    main()
