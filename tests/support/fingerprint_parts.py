"""What fingerprint.py looks at: each part returns {entry: sha256} of one face of the product."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

Figures = dict[str, str]
BUNDLES = ("tio2-sem", "tio2-tsem")
SIZES = ((96, 128), (250, 333), (512, 768), (1344, 1600))  # the last is worked on in tiles
# Four steps, the last of the segmenter alone; the kernel distance counts from the third.
STEPS, HALF = "--steps 3 --segmenter-steps 1", "--steps 2 --segmenter-steps 0"
FLAGS = (
    "--seed 3 --crop-px 128 --widths 8 8 16 --batch-size 2 --segmenter-batch 1 --cycle-batch 1 "
    "--warmup-steps 1 --precision float32 --workers 0 --tracker none --log-every-steps 1 "
    "--eval-every-steps 2 --save-every-steps 2"
)
# Without decay a step is the same whatever --steps says, so that a run may be begun as HALF.
SMALL = "--accumulate 2 --random-batch 6 --decay-share 0 --perceptual efficientnet"
PAPER = "--preset paper --random-batch 2 --perceptual none"
MISTAKES = (
    "train.py --data nowhere --run r",
    "train.py --data pairs --run r --crop-px 8",
    "export.py --run nowhere --out b",
    "export.py --bundle nowhere --push a/b --dry-run",
    "app.py --bundle nowhere",
    "-m fancgan segment nowhere.png --out s",
    "-m fancgan synthesize --mask pictures/sem.png --seed -1",
    "-m fancgan check pictures",
)


class Bench:
    """A checkout, and a folder with drawn material in which its programs are run.

    Paths given to them are relative to the folder, so that no name of it enters a result.
    """

    def __init__(self, root: Path, folder: Path, full: bool = False):
        """full: whether the fidelity of images is judged too, which takes minutes."""
        import fancgan

        assert Path(fancgan.__file__).is_relative_to(root), fancgan.__file__
        self.root, self.folder, self.full = root, folder, full
        for number in range(5):
            image, labels = draw_discs(256, 288, seed=number)
            save(folder / f"pairs/images/discs{number}.png", image)
            save(folder / f"pairs/masks/discs{number}.png", labels.astype(np.uint16))
        save(folder / "pictures/sem.png", draw_discs(300, 400, seed=20)[0])
        deep = draw_discs(384, 512, seed=21)[0].astype(np.uint16) * 200 + 1000
        save(folder / "pictures/deep.tif", deep, resolution=(1 / 5, 1 / 5))
        barred = draw_discs(512, 640, seed=22)[0]
        barred[-40:] = 0
        barred[-28:-12, 20:200:6] = 255
        save(folder / "pictures/barred.bmp", barred)

    def command(self, line: str | list[str]) -> list[str]:
        words = line.split() if isinstance(line, str) else line
        program = words if words[0] == "-m" else [str(self.root / words[0]), *words[1:]]
        return [sys.executable, *program]

    def run(self, line: str | list[str], succeeds: bool = True) -> subprocess.CompletedProcess[str]:
        """Run "train.py ...", "-m fancgan ..." of the checkout in the folder."""
        done = subprocess.run(self.command(line), cwd=self.folder, capture_output=True, text=True)
        if succeeds and done.returncode:
            raise SystemExit(f"{line}: exit status {done.returncode}\n{done.stderr[-3000:]}")
        return done

    def files(self, line: str, out: str) -> Figures:
        """Run a command; figures of what it prints, and of each file of `out`."""
        found = {f"{out}/printed": sha(self.run(line).stdout)}
        for path in walk(self.folder / out):
            name = path.relative_to(self.folder).as_posix()
            found |= workbook(path, name) if path.suffix == ".xlsx" else {name: sha(path)}
        return found


def draw_discs(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image [H, W] uint8 like a micrograph, and labels [H, W] int32; discs may touch."""
    rng = np.random.default_rng(seed)
    labels, grey = np.zeros((height, width), np.int32), np.full((height, width), 31.0)
    for number in range(1, 2 + height * width // 5000):
        radius, level = rng.uniform(7, 20), rng.uniform(100, 160)
        row, column = rng.uniform(0, height), rng.uniform(0, width)
        rows = slice(max(0, int(row - radius)), int(row + radius) + 2)
        columns = slice(max(0, int(column - radius)), int(column + radius) + 2)
        down, right = np.mgrid[rows, columns][:, : height - rows.start, : width - columns.start]
        inside = (down - row) ** 2 + (right - column) ** 2 <= radius**2
        inside &= labels[rows, columns] == 0
        labels[rows, columns][inside], grey[rows, columns][inside] = number, level
    padded = np.pad(grey + rng.normal(0, 7, grey.shape), 1, mode="edge")
    blurred = sum(padded[r : r + height, c : c + width] for r in range(3) for c in range(3)) / 9
    return blurred.clip(0, 255).round().astype(np.uint8), labels


def save(path: Path, pixels: np.ndarray, resolution: tuple[float, float] | None = None) -> None:
    """Write a picture; a TIFF with pixels per nanometre as ImageJ does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        import tifffile

        unit = {"unit": "nm"}
        tifffile.imwrite(path, pixels, imagej=True, resolution=resolution, metadata=unit)
    else:
        Image.fromarray(pixels).save(path)


def sha(value: object) -> str:
    """Return the sha256 of a file, a text, an array or tensor (type and shape too), or JSON."""
    if isinstance(value, Path):
        return hashlib.sha256(value.read_bytes()).hexdigest()
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        head = f"{value.dtype} {value.shape}".encode()
        return hashlib.sha256(head + np.ascontiguousarray(value).tobytes()).hexdigest()
    content = value if isinstance(value, bytes) else None
    text = value if isinstance(value, str) else None if content else json.dumps(value)
    return hashlib.sha256(content or text.encode()).hexdigest()


def walk(folder: Path) -> list[Path]:
    """The files in a folder, hidden ones too; or the file itself."""
    return [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.is_file())


def workbook(path: Path, name: str) -> Figures:
    """The entries of an XLSX file, without the times at which it was written."""
    times = rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*"
    with zipfile.ZipFile(path) as archive:
        entries = {n: archive.read(n) for n in archive.namelist()}
    return {f"{name}/{n}": sha(re.sub(times, rb"\1", held)) for n, held in entries.items()}


def leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    """Yield (name, tensor or number) of nested dictionaries and lists."""
    if not isinstance(value, dict | list | tuple):
        yield name, value
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        yield from leaves(part, f"{name}/{key}")


def outputs(source: str | Path, sizes: tuple[tuple[int, int], ...]) -> Figures:
    """What a bundle makes of drawn masks and images of these sizes."""
    from fancgan import Pipeline

    pipe = Pipeline.from_pretrained(source, precision="float32")
    found = {"sample_style": sha(pipe.sample_style(5))}
    for number, (height, width) in enumerate(sizes):
        image, labels = draw_discs(height, width, seed=10 + number)
        seen = (image.astype(np.uint16) * 257, image, image.astype(np.float32) / 255)[number % 3]
        mask = labels if number == 1 else labels > 0
        at = f"{width}x{height}"
        found[f"synthesize {at}"] = sha(pipe.synthesize(mask, seed=number))
        found[f"segment {at}"] = sha(pipe.segment(seen))
        found[f"instances {at}"] = sha(pipe.instances(seen))
        found[f"measure_style {at}"] = sha(pipe.measure_style(seen))
        if height * width < 100_000:
            found[f"measure_style, mask {at}"] = sha(pipe.measure_style(seen, labels > 0))
            found[f"synthesize, style {at}"] = sha(pipe.synthesize(mask, seed=3, style=seen))
            found[f"instances, split {at}"] = sha(
                pipe.instances(seen, core_threshold=0.7, min_core_px=10)
            )
    return found


def networks(bench: Bench) -> Figures:
    """The four methods of Pipeline on both packaged bundles."""
    import torch

    torch.set_num_threads(1)
    found = {name: outputs(name, SIZES) for name in BUNDLES}
    return {f"{name}/{key}": value for name, part in found.items() for key, value in part.items()}


def datasets(bench: Bench) -> Figures:
    """All files of make-dataset, in its three formats."""
    make = "-m fancgan make-dataset --workers 1 --precision float32 --height 128 --width 160"
    return {
        **bench.files(f"{make} --n 20 --seed 11 --out made", "made"),
        **bench.files(
            f"{make} --n 2 --strip --bundle tio2-tsem --format webdataset --out shards", "shards"
        ),
        **bench.files(
            f"{make} --n 2 --style pictures/sem.png --format zip --out packed", "packed.zip"
        ),
    }


def measurements(bench: Bench) -> Figures:
    """All files of `segment` on three pictures: one scale for all, then that of a file."""
    all_three = "-m fancgan segment pictures --nm-per-px 7.344 --out measured"
    calibrated = "-m fancgan segment pictures/deep.tif --bundle tio2-tsem --split 0.4 --invert"
    return {
        **bench.files(all_three, "measured"),
        **bench.files(f"{calibrated} --quantity feret_max --out calibrated", "calibrated"),
    }


def verbs(bench: Bench) -> Figures:
    """The other verbs: what they write and print."""
    lines = {
        "masks": "make-masks --n 3 --seed 4 --coverage 0.2 --out masks",
        "painted.png": "synthesize --mask pairs/masks/discs0.png --seed 9 --out painted.png",
        "checked": "check pairs",
    }
    found: Figures = {}
    for out, line in lines.items():
        found |= bench.files(f"-m fancgan {line}", out)
    judge = "-m fancgan evaluate --data pairs --split val --seeds 2 --json judged.json"
    bench.run(f"{judge} --full" if bench.full else judge)
    judged = json.loads((bench.folder / "judged.json").read_text(encoding="utf-8"))
    del judged["seconds"]
    name = "judged in full" if bench.full else "judged"
    return found | {key: sha(value) for key, value in leaves(judged, name)}


def train(bench: Bench, run: str | Path, flags: str) -> None:
    bench.run(["train.py", "--data", "pairs", "--run", str(run), *f"{FLAGS} {flags}".split()])


def begin_run(bench: Bench, run: Path) -> None:
    """Train the first two of four steps."""
    train(bench, run, f"{SMALL} {HALF}")


def run_figures(run: Path) -> Figures:
    """The tensors and numbers of a run's checkpoint by name, and its other files."""
    import torch
    from safetensors.torch import load_file

    checkpoint = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    found = {name: sha(value) for name, value in leaves(checkpoint, "checkpoint")}
    weights = load_file(run / "weights.safetensors")
    found |= {f"weights/{name}": sha(value) for name, value in weights.items()}
    others = [path for path in walk(run) if path.name != "checkpoint.pt"]
    return found | {path.relative_to(run).as_posix(): sha(path) for path in others}


def training(bench: Bench, old_run: Path | None = None) -> Figures:
    """Four steps at once; the same from a run that stopped after two; the paper's preset."""
    train(bench, "straight", f"{SMALL} {STEPS}")
    train(bench, "paper", f"{PAPER} {STEPS}")
    if old_run:
        shutil.copytree(old_run, bench.folder / "resumed")
    else:
        begin_run(bench, bench.folder / "resumed")
    train(bench, "resumed", f"{SMALL} {STEPS}")
    runs = {name: run_figures(bench.folder / name) for name in ("straight", "paper", "resumed")}
    same = runs["resumed"] == runs["straight"]
    found = {f"{name}/{key}": value for name, run in runs.items() for key, value in run.items()}
    return found | {"the resumed run ends as the straight one": "yes" if same else "no"}


def export(bench: Bench) -> Figures:
    """The bundle of the run of `training`: configuration, card, weights and outputs."""
    from safetensors.torch import load_file

    found = {"printed": sha(bench.run("export.py --run straight --out tiny --data pairs").stdout)}
    bundle = bench.folder / "tiny"
    config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
    sums = config.pop("sha256")
    found["config.json/files"] = sha(sorted(sums))
    found |= {f"config.json/{key}": sha(value) for key, value in config.items()}
    weights = load_file(bundle / "model.safetensors")
    found |= {f"weights/{name}": sha(value) for name, value in weights.items()}
    found |= {name: sha(bundle / name) for name in ("README.md", "model.safetensors")}
    return found | outputs(bundle, SIZES[:2])


def interface(bench: Bench) -> Figures:
    """Help texts, what is said of mistakes, and the API of the running app."""
    main = bench.run("-m fancgan --help").stdout
    found = {"help of fancgan": sha(main)}
    names = re.findall(r"^    ([a-z][a-z-]+)", main, flags=re.MULTILINE)
    lines = [*("train.py", "export.py", "app.py"), *(f"-m fancgan {name}" for name in names)]
    found |= {f"help of {line}": sha(bench.run(f"{line} --help").stdout) for line in lines}
    for line in MISTAKES:
        done = bench.run(line, succeeds=False)
        found[f"mistake {line}"] = sha([done.returncode, done.stdout, done.stderr])
    return found | api(bench)


def api(bench: Bench) -> Figures:
    """Each endpoint as /gradio_api/info describes it, and each tool for MCP clients."""
    info = ask_app(bench, "app.py", "info")
    tools = ask_app(bench, "app.py --mcp", "mcp/schema")
    found = {f"tool {tool['name']}": sha(tool) for tool in tools}
    for kind, endpoints in info.items():
        found |= {f"{kind} {name}": sha(value) for name, value in endpoints.items()}
    return found


def ask_app(bench: Bench, line: str, page: str):
    """Start the app, and return a page of its API, the port in its addresses replaced."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = bench.command(f"{line} --port {port}")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, cwd=bench.folder, **streams) as app:
        try:
            if not any("F-ANcGAN is at" in words for words in app.stdout):
                raise SystemExit(f"{line} did not come up")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/gradio_api/{page}") as answer:
                return json.loads(answer.read().decode().replace(f":{port}", ":PORT"))
        finally:
            app.terminate()


PARTS = (networks, datasets, measurements, verbs, training, export, interface)
