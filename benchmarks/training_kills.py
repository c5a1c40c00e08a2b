"""What a small training of each kind leaves after kills at random moments, and on a full disk.

    python benchmarks/training_kills.py                    # 50 kills, 20 full disks
    python benchmarks/training_kills.py --kills 5 --full 3 --seed 1

Networks of a few channels learn from drawn discs, by train.py's own command: once undisturbed, then
killed (SIGKILL) again and again and started anew until done; the weights and logs of both are
compared byte for byte. On a full disk (no file may grow beyond a random size) it has to end with
one sentence, and the same command to finish the run to the same bytes. Flipped bits and cut files
are tests/training/test_damage.py's. The exit code is 1 where anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import painter_trainings, trainings  # noqa: E402
from tests.support.drawing import write_pairs  # noqa: E402

COMPARED = ("weights.safetensors", "log.jsonl", "val.jsonl")
STEPS = 60


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--full", type=int, default=20, help="runs on a full disk")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    return parser.parse_args()


def command(kind: str, data: Path, run: Path) -> list[str]:
    flags = (
        trainings.tiny_flags(steps=STEPS)
        if kind == "cycle"
        else painter_trainings.tiny_flags(steps=STEPS)
    )
    flags += ["--save-every-steps", "1"]  # the last one counts
    return [sys.executable, "train.py", "--data", str(data), "--run", str(run), *flags]


def start(words: list[str], room: int | None = None) -> subprocess.Popen:
    """Start a training in a process group of its own; no file may grow beyond room bytes."""
    limit = room and partial(resource.setrlimit, resource.RLIMIT_FSIZE, (room, room))
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=limit,
    )


def finish(words: list[str]) -> None:
    process = start(words)
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {errors[-400:]}")


def differences(first: Path, second: Path) -> list[str]:
    """Return the files of COMPARED that differ, and what should not be left in the second run."""
    other = [n for n in COMPARED if (first / n).read_bytes() != (second / n).read_bytes()]
    return other + [str(path.relative_to(second)) for path in second.rglob(".*")]


def killed(words: list[str], run: Path, rng: random.Random) -> str:
    """Kill a training somewhere from its first file on; return how far its log was."""
    process = start(words)
    before = (run / "checkpoint.pt").stat().st_mtime_ns if (run / "checkpoint.pt").exists() else 0
    while process.poll() is None:
        path = run / "checkpoint.pt"
        if path.exists() and path.stat().st_mtime_ns != before:
            break
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 1))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return str(len((run / "log.jsonl").read_bytes().splitlines()))
    process.communicate()
    return "done"


def with_kills(kind: str, count: int, data: Path, place: Path, rng: random.Random) -> int:
    """Compare runs killed count times in all with an undisturbed one; return how many differ."""
    whole, wrong, moments, runs = place / f"{kind}-whole", 0, [], 0
    finish(command(kind, data, whole))
    while len(moments) < count:
        runs += 1
        run = place / f"{kind}-{runs}"
        words = command(kind, data, run)
        while len(moments) < count and (moment := killed(words, run, rng)) != "done":
            moments.append(moment)
        finish(words)
        if found := differences(whole, run):
            wrong += 1
            print(f"{kind}: {', '.join(found)} differ", flush=True)
    print(f"{kind}: {runs} runs killed {count} times, at steps {', '.join(moments)}", flush=True)
    return wrong


def on_full_disks(kind: str, count: int, data: Path, place: Path, rng: random.Random) -> int:
    """Let count trainings meet a full disk; return how many ended otherwise than wanted."""
    whole, wrong, met = place / f"{kind}-whole", 0, 0
    largest = max(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    for number in range(count):
        run = place / f"{kind}-full-{number}"
        process = start(command(kind, data, run), int(largest ** rng.uniform(0.4, 1)))
        _, errors = process.communicate()
        met += process.returncode == 2
        finish(command(kind, data, run))
        found = differences(whole, run)
        if found or process.returncode not in (0, 2) or "Traceback" in errors:
            wrong += 1
            print(f"{kind}: {process.returncode}, {errors[-300:]}, differ: {found}", flush=True)
    print(f"{kind}: {count} limits of a file's size, {met} met and said so", flush=True)
    return wrong


def main() -> int:
    args, wrong = parse_args(), 0
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = write_pairs(place / "pairs", count=4, height=160, width=192)
        for kind, share in (("cycle", args.kills // 2), ("painter", args.kills - args.kills // 2)):
            wrong += with_kills(kind, share, data, place, rng)
            wrong += on_full_disks(kind, args.full // 2, data, place, rng)
    print("all the same, byte for byte" if not wrong else f"{wrong} runs differ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
