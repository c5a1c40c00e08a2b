"""A picture of what a bundle paints: procedural layouts above, synthetic images below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fancgan.layouts.layout import example_layouts, make_layout, to_mask
from fancgan.microscopy.image_files import png_bytes, synthetic_text

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

COLUMNS = 4
SEEDS = (0, 1)
HEIGHT_PX, WIDTH_PX, GAP_PX = 256, 384, 4


def card_sheet(pipe: Pipeline) -> bytes:
    """Return a PNG, marked as synthetic: a column per layout, its mask above an image per seed.

    No micrograph goes into it. The same bundle gives the same pixels.
    """
    columns = []
    for _, layout in example_layouts(HEIGHT_PX, WIDTH_PX)[:COLUMNS]:
        mask = to_mask(make_layout(layout))
        images = [pipe.synthesize(mask, seed=seed) for seed in SEEDS]
        columns.append(_with_gaps([mask.astype(np.uint8) * 255, *images], axis=0))
    sheet = Image.fromarray(_with_gaps(columns, axis=1))
    text = synthetic_text(pipe.revision, SEEDS[0], pipe.nm_per_px)
    return png_bytes(sheet, text | {"Seed": ", ".join(map(str, SEEDS))}, level=6)


def _with_gaps(parts: list[np.ndarray], axis: int) -> np.ndarray:
    """Join [H, W] arrays along the axis with white lines between them."""
    shape = list(parts[0].shape)
    shape[axis] = GAP_PX
    gap = np.full(shape, 255, np.uint8)
    joined = [array for part in parts for array in (part, gap)]
    return np.concatenate(joined[:-1], axis=axis)
