"""How well the particle network finds the particles of a data set, beside a trivial baseline.

    python tools/evaluate_particles.py --data DIR [--modality tsem] [--split val] [--weights DIR]
        [--sheet OUT.png] [--json]

Per picture and in all: Dice, AP50, AP50:95, counts, the typical diameter, the confidence and what
it is worth; the same, as far as it has it, of Otsu's threshold with a watershed of the distance
map. Particles below 20 px are dropped everywhere. The sheet shows the data: keep it as they are
kept. A field that cannot be read is named on stderr and left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_fill_holes, binary_opening, distance_transform_edt, gaussian_filter
from scipy.stats import spearmanr
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import h_maxima
from skimage.segmentation import find_boundaries, watershed

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fancgan.datasets.fields import Field, list_files, load_field
from fancgan.errors import UserError
from fancgan.evaluation import metrics
from fancgan.evaluation.distances import auc
from fancgan.networks.particle_net.stored import load_particle_net
from fancgan.particles.instances import drop_small
from fancgan.particles.labels import equal_area_diameter
from fancgan.particles.matching import Matching
from fancgan.pretrained.bundle import PACKAGED
from fancgan.segmentation.finding import Judgement, find_particles
from fancgan.segmentation.looking import maps_of

GOOD_F1 = 0.5
SUMMIT_PX = 2.0  # by which a summit of the distance map stands out; better than 1 on EMPS val
NEAR = 0.25  # relative error of a typical diameter that still serves
TILE_PX, TILES_A_ROW, CAPTION_PX = 300, 6, 14
TRUE_COLOUR, FOUND_COLOUR = (0, 220, 60), (255, 40, 40)
COLUMNS = ("dice", "ap50", "ap50_95", "count", "found", "diameter_px", "found_px", "confidence")


def read_fields(root: str, split: str, modality: str | None) -> Iterator[Field]:
    listing = list_files(root, modality)
    if not listing.stems(split):
        raise UserError(f"{listing.root} has no {split} images; add image / mask pairs.")
    for stem in listing.stems(split):
        try:
            yield load_field(listing, stem)
        except UserError as error:
            print(f"{stem} is left out. {error}", file=sys.stderr)


def otsu_watershed(image: np.ndarray) -> np.ndarray:
    """Labels int32 [H, W]: the side of Otsu's threshold that shuns the frame, parted by depth."""
    grey = gaussian_filter(image.astype(float), 1.0)
    bright = grey > (threshold_otsu(grey) if grey.min() < grey.max() else grey.max())
    frame = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    mask = binary_fill_holes(binary_opening(bright if frame.mean() < 0.5 else ~bright))
    depth = gaussian_filter(distance_transform_edt(mask), 1.0)
    seeds = label(h_maxima(depth, SUMMIT_PX))
    return drop_small(watershed(-depth, seeds, mask=mask), metrics.MIN_AREA_PX)


def typical_px(labels: np.ndarray) -> float:
    """Median equal-area diameter of all particles, those that the frame cuts as well."""
    area = np.bincount(drop_small(labels, metrics.MIN_AREA_PX).ravel())[1:]
    return float(np.median(equal_area_diameter(area))) if len(area) else 0.0


def score(truth: np.ndarray, labels: np.ndarray) -> dict:
    """The figures of one picture; `matching` is that at IoU 0.5."""
    matchings = metrics.match_labels(truth, labels)
    first = matchings[0]
    pairs = 2 * first.tp + first.fp + first.fn
    return {
        "dice": metrics.dice(truth > 0, labels > 0),
        "ap50": first.average_precision,
        "ap50_95": float(np.mean([m.average_precision for m in matchings])),
        "f1": 2 * first.tp / pairs if pairs else 1.0,
        "count": metrics.particle_count(truth),
        "found": metrics.particle_count(labels),
        "diameter_px": typical_px(truth),
        "found_px": typical_px(labels),
        "matching": first,
    }


def rank_correlation(values: np.ndarray, f1: np.ndarray) -> float | None:
    if len(f1) < 3 or np.ptp(values) == 0 or np.ptp(f1) == 0:
        return None
    return float(spearmanr(values, f1)[0])


def summarise(rows: list[dict]) -> dict:
    """Means over pictures, pooled particles, and what each confidence says of the F1 score."""
    column = {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "stem"}
    relative = np.array([metrics.relative_error(r["diameter_px"], r["found_px"]) for r in rows])
    pooled = sum((row["matching"] for row in rows), Matching(0, 0, 0, 0.0))
    total = int(column["count"].sum())
    figures = {
        "pictures": len(rows),
        "dice": float(column["dice"].mean()),
        "ap50_pooled": pooled.average_precision,
        "ap50_mean": float(column["ap50"].mean()),
        "share_ap50_from_0.5": float((column["ap50"] >= 0.5).mean()),
        "ap50_95": float(column["ap50_95"].mean()),
        "count": total,
        "found": int(column["found"].sum()),
        "count_error": metrics.relative_error(total, float(column["found"].sum())),
        "median_abs_diameter_error": float(np.nanmedian(np.abs(relative))),
        "share_diameter_within_25_percent": float((np.abs(relative) <= NEAR).mean()),
        "share_f1_from_0.5": float((column["f1"] >= GOOD_F1).mean()),
    }
    for name in ("confidence", "mean_particle_confidence"):
        if name in column:
            good, bad = (column[name][(column["f1"] >= GOOD_F1) == side] for side in (True, False))
            figures[f"{name}_auc"] = auc(good, bad) if len(good) and len(bad) else None
            figures[f"{name}_rank_correlation"] = rank_correlation(column[name], column["f1"])
    return figures


def tile(field: Field, labels: np.ndarray, row: dict) -> np.ndarray:
    """The picture with its true outlines in green, those found in red above them."""
    height, width = field.image.shape
    scale = min(TILE_PX / width, (TILE_PX - CAPTION_PX) / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = np.array(Image.fromarray(field.image).resize(size).convert("RGB"))
    rows = (np.arange(size[1]) * height / size[1]).astype(int)
    columns = (np.arange(size[0]) * width / size[0]).astype(int)
    for shown, colour in ((field.labels, TRUE_COLOUR), (labels, FOUND_COLOUR)):
        pixels[find_boundaries(shown[np.ix_(rows, columns)], mode="inner")] = colour
    canvas = Image.new("RGB", (TILE_PX, TILE_PX))
    canvas.paste(Image.fromarray(pixels), (0, CAPTION_PX))
    words = f"{field.stem} AP50 {row['ap50']:.2f} {row['found']}/{row['count']}"
    ImageDraw.Draw(canvas).text((2, 0), words, fill=(255, 255, 0))
    return np.array(canvas)


def save_sheet(tiles: list[np.ndarray], path: str) -> None:
    tiles = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % TILES_A_ROW)
    lines = [np.hstack(tiles[i : i + TILES_A_ROW]) for i in range(0, len(tiles), TILES_A_ROW)]
    Image.fromarray(np.vstack(lines)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--modality", choices=("sem", "tsem"))
    parser.add_argument("--split", default="val")
    parser.add_argument("--weights", type=Path, default=PACKAGED / "particles", metavar="DIR")
    parser.add_argument("--sheet", metavar="PNG")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    network = load_particle_net(args.weights / "model.safetensors")
    judgement = Judgement.from_dict(json.loads((args.weights / "judgement.json").read_text()))
    rows, baseline, tiles = [], [], []
    for field in read_fields(args.data, args.split, args.modality):
        found = find_particles(maps_of(network, field.image), field.image.shape, judgement)
        sure = float(found.confidence.mean()) if len(found.confidence) else 0.0
        row = {"stem": field.stem} | score(field.labels, found.labels)
        row |= {"confidence": found.picture_confidence, "mean_particle_confidence": sure}
        rows.append(row)
        baseline.append({"stem": field.stem} | score(field.labels, otsu_watershed(field.image)))
        if args.sheet:
            tiles.append(tile(field, found.labels, row))
    answer = {"particles": summarise(rows), "otsu_watershed": summarise(baseline)}
    for row in (*rows, *baseline):
        del row["matching"]
    if tiles:
        save_sheet(tiles, args.sheet)
    if args.json:
        each = {"pictures": rows, "otsu_watershed_pictures": baseline}
        print(json.dumps(answer | each, indent=1))
        return
    print(f"{'':16}" + " ".join(f"{name:>11}" for name in COLUMNS))
    for row in rows:
        print(f"{row['stem'][:15]:16}" + " ".join(f"{row[name]:11.4g}" for name in COLUMNS))
    for name, figures in answer.items():
        print(f"\n{name}")
        for key, value in figures.items():
            print(f"  {key:38}{'-' if value is None else f'{value:.4g}'}")


if __name__ == "__main__":
    main()
