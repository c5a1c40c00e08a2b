"""Draw layouts of all shapes and arrangements side by side, each particle in a colour of its own.

python tools/draw_shapes.py --out docs/shapes.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fancgan.files import write_whole
from fancgan.layouts.config import LayoutConfig
from fancgan.layouts.layout import make_layout
from fancgan.microscopy.image_files import png_bytes

HEIGHT_PX, WIDTH_PX, COLUMNS, TITLE_PX = 200, 280, 4, 16
PANELS = {
    "grains": {"d50_nm": 30, "coverage": 0.25},
    "spheres, chains": {"shape": "spheres", "d50_nm": 26, "agglomeration": "chains"},
    "rods, overlap 0.3": {"shape": "rods", "d50_nm": 60, "overlap": 0.3},
    "rods, clusters": {"shape": "rods", "d50_nm": 36, "aspect_ratio": 4, "overlap": 0.0}
    | {"agglomeration": "clusters"},
    "fibres, overlap shows both": {"shape": "rods", "d50_nm": 350, "aspect_ratio": 50}
    | {"flexibility": 1.5, "overlap": 0.4, "overlap_shown": "both"},
    "cubes, tilted 0.2": {"shape": "cubes", "d50_nm": 24, "tilted": 0.2, "overlap": 0.0},
    "cubes, clusters": {"shape": "cubes", "d50_nm": 22, "agglomeration": "clusters"},
    "octahedra, single": {"shape": "octahedra", "d50_nm": 30, "agglomeration": "single"},
    "tetrahedra": {"shape": "tetrahedra", "d50_nm": 40},
    "plates, tilted 0.4": {"shape": "plates", "d50_nm": 40, "tilted": 0.4, "overlap": 0.3},
    "polyhedra, clusters": {"shape": "polyhedra", "d50_nm": 32, "gsd": 1.4, "overlap": 0.3}
    | {"agglomeration": "clusters"},
    "spheres, overlap shows both": {"shape": "spheres", "d50_nm": 44, "overlap": 0.4}
    | {"overlap_shown": "both"},
    "core-shell, pair": {"shape": "core-shell", "d50_nm": 40, "parts": "pair", "overlap": 0.3},
    "core-shell, shell": {"shape": "core-shell", "d50_nm": 40, "parts": "shell", "shell": 0.2},
    "hexagonal, vacancies 0.05": {"shape": "spheres", "d50_nm": 20, "agglomeration": "hexagonal"}
    | {"vacancies": 0.05, "gsd": 1.03, "coverage": 0.5},
    "packed, gsd 1.2": {"shape": "spheres", "d50_nm": 16, "agglomeration": "packed", "gsd": 1.2}
    | {"coverage": None},
}


def panel(title: str, settings: dict) -> Image.Image:
    given = {"coverage": 0.3, "nm_per_px": 1.0, "seed": 1} | settings
    labels = make_layout(LayoutConfig(HEIGHT_PX, WIDTH_PX, **given))
    colours = np.random.default_rng(0).integers(70, 256, (labels.max() + 1, 3)).astype(np.uint8)
    colours[0] = 0
    picture = Image.new("RGB", (WIDTH_PX + 4, HEIGHT_PX + TITLE_PX + 4), "white")
    picture.paste(Image.fromarray(colours[labels]), (2, TITLE_PX))
    ImageDraw.Draw(picture).text((4, 2), title, fill="black")
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, metavar="PNG")
    args = parser.parse_args()
    panels = [panel(title, settings) for title, settings in PANELS.items()]
    width, height = panels[0].size
    sheet = Image.new("RGB", (COLUMNS * width, -(-len(panels) // COLUMNS) * height), "white")
    for k, one in enumerate(panels):
        sheet.paste(one, (k % COLUMNS * width, k // COLUMNS * height))
    note = {"Software": "F-ANcGAN", "Synthetic": "true"}
    write_whole(Path(args.out), png_bytes(sheet, note, level=9))


if __name__ == "__main__":
    main()
