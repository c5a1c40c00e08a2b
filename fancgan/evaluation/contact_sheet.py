"""Many images with their particles on one sheet: where a segmentation fails shows at a glance."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage.segmentation import find_boundaries

from fancgan.datasets.fields import Field
from fancgan.evaluation.segmentation import SegmentationScores
from fancgan.files import write_whole
from fancgan.segmentation.finding import Found

TILE_PX, TILES_A_ROW, CAPTION_PX = 300, 6, 14
TRUE_COLOUR, FOUND_COLOUR, CAPTION_COLOUR = (0, 220, 60), (255, 40, 40), (255, 255, 0)


class ContactSheet:
    """Tiles of images, written as one PNG; it shows the data and is to be kept as they are."""

    def __init__(self) -> None:
        self._tiles: list[NDArray] = []

    def add(self, field: Field, found: Found, scores: SegmentationScores) -> None:
        """Add an image with its true outlines in green and those found in red above them."""
        height, width = field.image.shape
        scale = min(TILE_PX / width, (TILE_PX - CAPTION_PX) / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.array(Image.fromarray(field.image).resize(size).convert("RGB"))
        rows = (np.arange(size[1]) * height / size[1]).astype(int)
        columns = (np.arange(size[0]) * width / size[0]).astype(int)
        for shown, colour in ((field.labels, TRUE_COLOUR), (found.labels, FOUND_COLOUR)):
            pixels[find_boundaries(shown[np.ix_(rows, columns)], mode="inner")] = colour
        canvas = Image.new("RGB", (TILE_PX, TILE_PX))
        canvas.paste(Image.fromarray(pixels), (0, CAPTION_PX))
        words = f"{field.stem[:24]} AP50 {scores.ap50:.2f} {scores.count_pred}/{scores.count_true}"
        ImageDraw.Draw(canvas).text((2, 0), words, fill=CAPTION_COLOUR)
        self._tiles.append(np.array(canvas))

    def save(self, path: Path) -> None:
        """Write the tiles, TILES_A_ROW beside each other."""
        empty = [np.zeros_like(self._tiles[0])] * (-len(self._tiles) % TILES_A_ROW)
        tiles = self._tiles + empty
        lines = [np.hstack(tiles[i : i + TILES_A_ROW]) for i in range(0, len(tiles), TILES_A_ROW)]
        png = io.BytesIO()
        Image.fromarray(np.vstack(lines)).save(png, "PNG")
        write_whole(path, png.getvalue())
