"""Labelled synthetic data sets: each pair is a function of the plan and its number alone.

A folder holds images/ and masks/ (16-bit instance labels) of equal stems, as train.py reads them,
labels/ (YOLO-seg) with data.yaml, coco_train.json and coco_val.json, split.json, manifest.jsonl
with one line per pair, from which that pair can be made again, and plan.json. Pairs may be made in
any order, by any number of processes and machines: the files are the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fancgan.errors import UserError
from fancgan.files import PART, whole_file, write_whole, writing
from fancgan.layouts.config import LayoutConfig
from fancgan.layouts.layout import check_number, make_layout
from fancgan.measuring.annotations import coco_image, yolo_lines
from fancgan.microscopy import image_files

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

PLAN, MANIFEST, SPLIT = "plan.json", "manifest.jsonl", "split.json"
RECORDS = ".records"
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Plan:
    """What a data set is made of. Together with the bundle it determines every byte.

    n: pairs. seed: another one, other pairs. layout: how the particles lie (its seed is not used).
    val_share: share of the pairs for validation. style: vector [style_dim] that all images share;
    None draws a look for each. bundle: name and revision. precision: of the network's arithmetic.
    strip: whether a strip under each picture says that it is synthetic.
    """

    n: int
    seed: int
    layout: LayoutConfig
    val_share: float
    style: tuple[float, ...] | None
    bundle: dict
    precision: str
    licence: str
    strip: bool = False

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UserError(f"A data set of {self.n} pairs is none; ask for one or more.")
        if not 0 <= self.seed < 2**63:
            raise UserError(f"The seed is {self.seed}; choose a whole number from 0 up.")
        if not 0 <= self.val_share <= 0.9:
            raise UserError(f"The share for validation is {self.val_share}; choose 0 to 0.9.")
        check_number(self.layout)

    def to_dict(self) -> dict:
        """Return what plan.json holds."""
        layout = {k: v for k, v in self.layout.to_dict().items() if k != "seed"}
        return json.loads(json.dumps(dataclasses.asdict(self) | {"layout": layout}))

    def line(self, index: int) -> dict:
        """Return the manifest's line of one pair: all that is needed to make it again."""
        draws = np.random.SeedSequence([self.seed, index]).generate_state(3, np.uint64)
        layout_seed, image_seed = (int(value >> np.uint64(1)) for value in draws[:2])
        stem = f"{index:07d}_synthetic"
        share = float(draws[2]) / 2**64
        return {
            "index": index,
            "synthetic": True,
            "image": f"images/{stem}.png",
            "mask": f"masks/{stem}.png",
            "split": "val" if share < self.val_share else "train",
            "layout": dataclasses.replace(self.layout, seed=layout_seed).to_dict(),
            "image_seed": image_seed,
            "style": None if self.style is None else list(self.style),
            "nm_per_px": self.layout.nm_per_px,
            "bundle": self.bundle,
            "precision": self.precision,
            "licence": self.licence,
            "strip": self.strip,
        }


def plan_for(
    pipe: Pipeline,
    layout: LayoutConfig,
    *,
    n: int,
    seed: int,
    val_share: float,
    style: NDArray | None = None,
    strip: bool = False,
) -> Plan:
    """Return the plan of n pairs painted by pipe; style: None or a vector [style_dim].

    Raises UserError where the bundle cannot paint.
    """
    from fancgan.measuring.results import bundle_facts

    pipe.need_generator()
    data = pipe.config.get("data") or {}
    return Plan(
        n=n,
        seed=seed,
        layout=layout,
        val_share=val_share,
        style=None if style is None else tuple(float(value) for value in style),
        bundle=bundle_facts(pipe.config, pipe.revision),
        precision="bfloat16" if pipe.half else "float32",
        licence=str(data.get("weights_licence") or "that of the weights"),
        strip=strip,
    )


@dataclass(frozen=True, eq=False)
class Pair:
    """image uint8 [H, W], labels int32 [H, W] from 1, and the manifest's line.

    With a strip, both are taller by it; its labels are background.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.int32]
    line: dict

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield (name, content) of the image, the mask and the YOLO labels."""
        text = image_files.synthetic_text(
            self.line["bundle"]["revision"], self.line["image_seed"], self.line["nm_per_px"]
        )
        text["Licence"] = self.line["licence"]
        if self.line.get("strip"):
            text["FieldRows"] = str(self.line["layout"]["height"])
        yield self.line["image"], image_files.png_bytes(Image.fromarray(self.image), text, level=6)
        labels = Image.fromarray(self.labels.astype(np.uint16))
        yield self.line["mask"], image_files.png_bytes(labels, text, level=6)
        name = self.line["image"].replace("images/", "labels/").replace(".png", ".txt")
        yield name, yolo_lines(self.labels).encode()


def make_pair(pipe: Pipeline, line: dict) -> Pair:
    """Make the pair of a manifest's line. Raises UserError for another bundle than the line's."""
    if line["bundle"]["revision"] != pipe.revision:
        raise UserError(
            f"This pair was made with revision {line['bundle']['revision']} of "
            f"{line['bundle']['name']}; the bundle loaded is revision {pipe.revision}."
        )
    labels = make_layout(LayoutConfig(**line["layout"]))
    style = None if line["style"] is None else np.array(line["style"], np.float32)
    image = pipe.synthesize(labels > 0, seed=line["image_seed"], style=style)
    facts = {"particles": int(labels.max()), "coverage": round(float((labels > 0).mean()), 5)}
    if line.get("strip"):
        image = image_files.with_strip(image, line["image_seed"], line["nm_per_px"])
        labels = np.pad(labels, ((0, len(image) - len(labels)), (0, 0)))
    return Pair(image, labels, line | facts)


class Folder:
    """A data set on disk that grows pair by pair and is finished at the end."""

    def __init__(self, root: Path, plan: Plan):
        self.root, self.plan = root, plan
        self.records = root / RECORDS

    @property
    def finished(self) -> bool:
        return (self.root / MANIFEST).exists()

    def begin(self) -> None:
        """Write the plan, or find the same one. Raises UserError where something else is there."""
        wanted = self.plan.to_dict()
        path = self.root / PLAN
        if path.exists():
            with contextlib.suppress(ValueError):
                if json.loads(path.read_text(encoding="utf-8")) == wanted:
                    return
            raise UserError(
                f"{self.root} holds a data set made with other settings; choose another "
                "--out, or give the settings of its plan.json to go on with it."
            )
        if self.root.is_dir() and any(not p.name.startswith(".") for p in self.root.iterdir()):
            raise UserError(f"{self.root} holds other files; choose another folder for --out.")
        write_whole(path, json.dumps(wanted, indent=1).encode())

    def missing(self, rank: int = 0, world_size: int = 1) -> list[int]:
        """Numbers of the pairs that one of world_size processes has yet to make."""
        if self.finished:
            return []
        self.records.mkdir(parents=True, exist_ok=True)
        done = {path.stem for path in self.records.glob("*.json")}
        return [i for i in range(rank, self.plan.n, world_size) if f"{i:07d}" not in done]

    def add(self, pair: Pair) -> None:
        """Write a pair; its record comes last, so that a pair with a record is whole."""
        for name, content in pair.files():
            write_whole(self.root / name, content)
        record = self.records / f"{pair.line['index']:07d}.json"
        write_whole(record, json.dumps(pair.line).encode())

    def finish(self) -> None:
        """Write what speaks of all pairs, then the manifest, which says that all is there."""
        if self.finished:
            return
        for part in self.root.rglob(f".*{PART}"):
            part.unlink()
        stems: dict[str, list[str]] = {split: [] for split in SPLITS}
        for line in self._lines():
            stems[line["split"]].append(Path(line["image"]).stem)
        for split in SPLITS:
            self._write_coco(split)
            listing = "".join(f"./images/{stem}.png\n" for stem in stems[split])
            write_whole(self.root / f"{split}.txt", listing.encode())
        data = "path: .\ntrain: train.txt\nval: val.txt\nnames:\n  0: particle\n"
        write_whole(self.root / "data.yaml", data.encode())
        write_whole(self.root / SPLIT, json.dumps(stems, indent=1).encode())
        write_whole(self.root / "README.md", self._words().encode())
        self._stream(MANIFEST, (json.dumps(line) + "\n" for line in self._lines()))
        shutil.rmtree(self.records)

    def _lines(self) -> Iterator[dict]:
        for index in range(self.plan.n):
            path = self.records / f"{index:07d}.json"
            yield json.loads(path.read_text(encoding="utf-8"))

    def _write_coco(self, split: str) -> None:
        """COCO as a stream: a hundred thousand pairs are never in memory together."""

        def parts() -> Iterator[str]:
            info = {"description": "synthetic micrographs made by F-ANcGAN", **self.plan.bundle}
            info["licence"] = self.plan.licence
            yield f'{{"info":{json.dumps(info)},"images":['
            yield from _commas(json.dumps(image) for image, _ in self._coco(split, False))
            yield '],"annotations":['
            particles = (one for _, found in self._coco(split, True) for one in found)
            yield from _commas(map(json.dumps, particles))
            yield '],"categories":[{"id":1,"name":"particle","supercategory":"particle"}]}'

        self._stream(f"coco_{split}.json", parts())

    def _coco(self, split: str, particles: bool) -> Iterator[tuple[dict, list[dict]]]:
        image_id = annotation_id = 0
        for line in self._lines():
            if line["split"] != split:
                continue
            image_id += 1
            with Image.open(self.root / line["mask"]) as mask:
                empty = np.zeros(mask.size[::-1], np.int32)
                labels = np.asarray(mask).astype(np.int32) if particles else empty
            image, found = coco_image(labels, Path(line["image"]).name, image_id, annotation_id + 1)
            annotation_id += len(found)
            yield image | {"nm_per_px": line["nm_per_px"]}, found

    def _stream(self, name: str, parts: Iterable[str]) -> None:
        path = self.root / name
        with (
            writing(path),
            whole_file(path) as part,
            part.open("w", encoding="utf-8", newline="\n") as file,
        ):
            file.writelines(parts)

    def _words(self) -> str:
        plan = self.plan
        return (
            f"# {plan.n} synthetic micrographs with particle labels\n\n"
            "Every image here is **synthetic**: made by F-ANcGAN from a drawn layout, it shows no "
            "real sample.\n\n"
            f"Bundle {plan.bundle['name']}, revision {plan.bundle['revision']}, seed {plan.seed}, "
            f"{plan.layout.nm_per_px:g} nm per pixel. Licence: {plan.licence}.\n\n"
            "- `images/`, `masks/`: pairs of equal names; masks are 16-bit, 0 = background, one "
            "number per particle\n"
            "- `labels/`, `data.yaml`: YOLO segmentation\n"
            "- `coco_train.json`, `coco_val.json`: COCO\n"
            "- `split.json`: training and validation\n"
            "- `manifest.jsonl`: one line per pair; with it and the bundle the pair can be made "
            "again, bit for bit\n"
        )


def _commas(parts: Iterator[str]) -> Iterator[str]:
    for number, part in enumerate(parts):
        yield f",{part}" if number else part


def read_line(manifest: Path, index: int) -> dict:
    """Return the line of one pair from a manifest.jsonl; raise UserError where there is none."""
    try:
        with manifest.open(encoding="utf-8") as file:
            for text in file:
                line = json.loads(text)
                if line["index"] == index:
                    return line
    except OSError as error:
        raise UserError(f"{manifest} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{manifest} is no manifest of a data set.") from error
    raise UserError(f"{manifest} has no pair {index}.")
