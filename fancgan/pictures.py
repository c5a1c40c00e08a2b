"""Coloured layers that lie over a micrograph: differences of two masks, outlines of particles."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

# Apart for all common kinds of colour blindness (Okabe and Ito 2008), and on grey.
AGREE = (0, 158, 115)
ONLY_DRAWN = (230, 159, 0)
ONLY_READ = (204, 60, 160)
OUTLINES = (
    (86, 180, 233),
    (240, 228, 66),
    (0, 200, 140),
    (230, 159, 0),
    (230, 120, 180),
    (255, 110, 60),
)


def difference_layer(drawn: np.ndarray, read: np.ndarray) -> Image.Image:
    """Return a see-through palette image of where two masks [H, W] bool agree and differ."""
    index = drawn.astype(np.uint8) + 2 * read.astype(np.uint8)
    return _palette_layer(index, (ONLY_DRAWN, ONLY_READ, AGREE), alpha=(215, 215, 90))


def outline_layer(labels: np.ndarray) -> Image.Image:
    """Return the outlines of labels [H, W] int32, neighbours in different colours.

    The line lies inside each particle, one pixel wide per 1200 pixels of width.
    """
    width = max(1, round(labels.shape[1] / 1200))
    inner = labels.copy()
    for _ in range(width):
        same = ndimage.minimum_filter(inner, footprint=_CROSS, mode="nearest") == (
            ndimage.maximum_filter(inner, footprint=_CROSS, mode="nearest")
        )
        inner = np.where(same, inner, 0)
    edge = (labels > 0) & (inner == 0)
    index = np.where(edge, 1 + (labels - 1) % len(OUTLINES), 0).astype(np.uint8)
    return _palette_layer(index, OUTLINES, alpha=(255,) * len(OUTLINES))


def composite(grey: np.ndarray, layer: Image.Image) -> Image.Image:
    """Return grey [H, W] uint8 with the layer painted over it, RGB."""
    base = Image.fromarray(grey).convert("RGBA")
    base.alpha_composite(layer.convert("RGBA"))
    return base.convert("RGB")


def count_particles(mask: np.ndarray) -> int:
    """Return the number of 4-connected regions: touching particles are parted by a line."""
    return int(ndimage.label(mask)[1])


_CROSS = ndimage.generate_binary_structure(2, 1)


def _palette_layer(
    index: np.ndarray, colours: tuple[tuple[int, int, int], ...], alpha: tuple[int, ...]
) -> Image.Image:
    layer = Image.frombytes("P", index.shape[::-1], index.tobytes())
    layer.putpalette([0, 0, 0, *(value for colour in colours for value in colour)])
    layer.info["transparency"] = bytes((0, *alpha))
    return layer
