"""Pairs per second and peak memory of make-dataset; what is left of it after kills.

    python benchmarks/dataset.py                   # 100 and 1000 pairs of 256 x 256
    python benchmarks/dataset.py --n 50 500 --workers 4
    python benchmarks/dataset.py --kills 10 --n 1000

With --kills the data set is made once undisturbed, and once while all its processes are killed
(SIGKILL) again and again at random moments and the same command is given anew; then both are
compared byte for byte. The exit code is 1 where they differ.

Resident memory of the process and all its children is read from /proc (Linux) five times a second:
the largest process, and the sum, in which shared pages count several times.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
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
    parser.add_argument("--kills", type=int, default=0, help="kill it that often, and compare")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--bundle", default="tio2-sem")
    return parser.parse_args()


def start(args: argparse.Namespace, n: int, out: Path) -> subprocess.Popen:
    """Start make-dataset with all its processes in a group of its own."""
    command = [sys.executable, "-m", "fancgan", "make-dataset", "--n", str(n)]
    command += ["--out", str(out), "--workers", str(args.workers), "--bundle", args.bundle]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> None:
    if process.wait():
        raise SystemExit(f"make-dataset ended with {process.returncode}")


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


def measure(args: argparse.Namespace, n: int) -> tuple[float, float]:
    """Make n pairs; print the figures and return the peaks in MB."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        begun = time.monotonic()
        process = start(args, n, out)
        largest = total = 0.0
        first = None
        while process.poll() is None:
            sizes = resident_mb(tree(process.pid))
            largest, total = max(largest, *sizes), max(total, sum(sizes))
            if first is None and (out / ".records").is_dir() and any((out / "labels").glob("*")):
                first = time.monotonic()
            time.sleep(0.2)
        ended = time.monotonic()
        finish(process)
        made = len((out / "manifest.jsonl").read_text().splitlines())
    pace = made / (ended - first)
    print(f"n = {made}: {pace:.1f} pairs a second; start {first - begun:.1f} s", end="")
    print(f", all {ended - begun:.1f} s; peak {largest:.0f} MB in the largest process", end="")
    print(f", {total:.0f} MB in all", flush=True)
    return largest, total


def records(out: Path) -> int:
    """Return how many pairs are whole."""
    return sum(1 for _ in (out / ".records").glob("*.json"))


def make_with_kills(args: argparse.Namespace, n: int, out: Path) -> list[int]:
    """Make n pairs in spite of kills; return how many pairs were whole at each of them."""
    rng = random.Random(args.seed)
    moments = sorted(rng.randrange(n) for _ in range(args.kills))
    killed = []
    for moment in moments:
        process = start(args, n, out)
        before = records(out)
        while process.poll() is None and records(out) < max(moment, before + 1):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))  # somewhere in the next pair
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed.append(records(out))
        process.wait()
    finish(start(args, n, out))
    return killed


def differences(first: Path, second: Path) -> list[str]:
    """Return the names of files that are in one folder only, or of other content."""
    names = [{str(p.relative_to(f)) for p in f.rglob("*") if p.is_file()} for f in (first, second)]
    both = names[0] & names[1]
    other = {n for n in both if (first / n).read_bytes() != (second / n).read_bytes()}
    return sorted((names[0] ^ names[1]) | other)


def survive(args: argparse.Namespace, n: int) -> int:
    """Make n pairs undisturbed and with kills; print what was found and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder) / "whole", Path(folder) / "broken"
        begun = time.monotonic()
        finish(start(args, n, whole))
        middle = time.monotonic()
        killed = make_with_kills(args, n, broken)
        ended = time.monotonic()
        found = differences(whole, broken)
        files = sum(1 for path in whole.rglob("*") if path.is_file())
    print(f"n = {n}: undisturbed {middle - begun:.1f} s; killed {len(killed)} times, at", end=" ")
    print(f"{', '.join(map(str, killed))} whole pairs, in all {ended - middle:.1f} s")
    if found:
        print(f"{len(found)} of {files} files differ: {', '.join(found[:9])}")
    else:
        print(f"all {files} files are the same, byte for byte")
    return int(bool(found) or len(killed) < args.kills)


def main() -> int:
    args = parse_args()
    print(f"256 x 256, {args.workers} workers")
    if args.kills:
        return max(survive(args, n) for n in args.n)
    peaks = [measure(args, n) for n in args.n]
    for name, first, last in zip(("largest process", "sum"), peaks[0], peaks[-1], strict=True):
        print(f"memory at {args.n[-1]} against {args.n[0]} pairs, {name}: {last / first - 1:+.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
