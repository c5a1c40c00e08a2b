"""Show that a change of the code changes nothing: sha256 of what the product gives.

    python tests/support/fingerprint.py --root BEFORE --out before.json
    python tests/support/fingerprint.py --root BEFORE --begin-run old-run
    python tests/support/fingerprint.py --root AFTER --out after.json --old-run old-run
    python tests/support/fingerprint.py --compare before.json after.json

--root is a checkout of this repository, of any version: only its public faces are used
(`fancgan.Pipeline`, `python -m fancgan`, train.py, export.py, app.py and its API). Figures can be
compared where machine and packages are the same: sums are taken on one thread, and in float32
wherever a precision can be asked for (`segment` and `evaluate` take what is fastest on the
machine). --old-run finishes a copy of the run that another version began. Exit status of
--compare: 1 if an entry differs or is on one side alone.

Left out, because two runs of the same code differ in it: the times of creation in an XLSX file and
its zip entries; the bytes of checkpoint.pt and of TorchScript files, whose tensors and outputs are
compared instead; hence, in a bundle's config.json, the sha256 of TorchScript files and of itself;
the seconds that `evaluate` took; the free port that the app was given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",  # memory is kept, which saves a third of the time
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "COLUMNS": "100",  # the width of help texts
    "NO_COLOR": "1",
}
FOREIGN = ("FANCGAN_", "GRADIO_SERVER_", "RANK", "WORLD_SIZE", "ACCELERATE_")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, metavar="CHECKOUT", help="the code to look at")
    parser.add_argument("--out", type=Path, metavar="JSON", help="write its figures here")
    parser.add_argument("--old-run", type=Path, metavar="DIR", help="finish a copy of this run")
    parser.add_argument("--begin-run", type=Path, metavar="DIR", help="only begin a run here")
    parser.add_argument("--full", action="store_true", help="`evaluate --full` too: slow")
    parser.add_argument("--compare", nargs=2, type=Path, metavar="JSON", help="two files of --out")
    args = parser.parse_args()
    if not args.compare and not (args.root and (args.out or args.begin_run)):
        parser.error("give --root with --out or --begin-run, or --compare")
    return args


def start_again(root: Path) -> None:
    """Replace this process by one in the settled environment, where it is not in it yet."""
    wanted = ENVIRONMENT | {"PYTHONPATH": str(root)}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        kept = {name: v for name, v in os.environ.items() if not name.startswith(FOREIGN)}
        os.execve(sys.executable, [sys.executable, *sys.argv], kept | wanted)


def made_on() -> dict[str, str]:
    """What the figures rest on besides the code."""
    import gradio
    import numpy
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    versions = {module.__name__: module.__version__ for module in (torch, numpy, gradio)}
    return {"python": platform.python_version(), "processor": capability, **versions}


def cpu_seconds() -> float:
    """Of this process and of the programs that it has run."""
    return sum(os.times()[:4])


def take(root: Path, out: Path, old_run: Path | None, full: bool) -> None:
    """Write {"made_on": ..., "figures": {entry: sha256}} of the code in root."""
    import fingerprint_parts as parts

    figures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="fingerprint-") as folder:
        bench = parts.Bench(root, Path(folder), full)
        for part in parts.PARTS:
            started = cpu_seconds()
            found = parts.training(bench, old_run) if part is parts.training else part(bench)
            figures |= {f"{part.__name__}/{name}": value for name, value in found.items()}
            seconds = cpu_seconds() - started
            print(f"{part.__name__}: {len(found)} entries, {seconds:.0f} s of CPU", flush=True)
    text = json.dumps({"made_on": made_on(), "figures": dict(sorted(figures.items()))}, indent=1)
    out.write_text(text + "\n", encoding="utf-8")


def compare(before: Path, after: Path) -> int:
    """Print each entry with "equal", "different" or the side that lacks it; return how many."""
    one, other = (json.loads(path.read_text(encoding="utf-8")) for path in (before, after))
    if one["made_on"] != other["made_on"]:
        print(f"note: made on {one['made_on']} and {other['made_on']}")
    bad = []
    for name in sorted(one["figures"] | other["figures"]):
        values = [side["figures"].get(name) for side in (one, other)]
        word = "equal" if values[0] == values[1] else "different"
        if None in values:
            word = "only after" if values[0] is None else "only before"
        print(f"{word:11} {name}")
        if word != "equal":
            bad.append(f"{word:11} {name}")
    total = len(one["figures"] | other["figures"])
    print(f"{total - len(bad)} of {total} entries are equal.", *bad, sep="\n")
    return len(bad)


def main() -> int:
    args = parse_arguments()
    if args.compare:
        return 1 if compare(*args.compare) else 0
    root = args.root.resolve()
    start_again(root)
    if args.begin_run:
        import fingerprint_parts as parts

        with tempfile.TemporaryDirectory(prefix="fingerprint-") as folder:
            parts.begin_run(parts.Bench(root, Path(folder)), args.begin_run.resolve())
    if args.out:
        take(root, args.out, args.old_run, args.full)
    return 0


if __name__ == "__main__":
    sys.exit(main())
