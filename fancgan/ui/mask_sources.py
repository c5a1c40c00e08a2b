"""Where a mask comes from, if nobody drew it: layouts, files, outlines for single particles."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from fancgan.errors import UserError
from fancgan.masks import LayoutConfig, example_layouts, make_layout, to_mask
from fancgan.shapes import draw_aspects, draw_outlines
from fancgan.ui import wire

BANK_SIZE = 48


def layout_mask(name: str, seed: int, size: tuple[int, int] = (512, 768)) -> np.ndarray:
    """Return the mask [H, W] bool of the example layout of that name, drawn from seed.

    size: height and width.
    """
    layouts = dict(example_layouts(*size))
    if name not in layouts:
        raise UserError(f"There is no layout '{name}'; there are: {', '.join(layouts)}.")
    return to_mask(make_layout(dataclasses.replace(layouts[name], seed=seed)))


def read_mask_file(path: str | Path | None) -> np.ndarray:
    """Return the mask [H, W] bool of an uploaded binary or instance mask; raise UserError."""
    from fancgan.data import read_mask, separate

    if not path:
        raise UserError("No mask arrived: choose a file.")
    mask = separate(read_mask(Path(path))) > 0
    wire.check_sketch_size(*mask.shape)
    if not mask.any():
        raise UserError("The mask has no particle pixel.")
    return mask


def outline_bank() -> np.ndarray:
    """Return outlines [BANK_SIZE, P, 2] of unit radius, as irregular as the training particles."""
    rng = np.random.default_rng(0)
    config = LayoutConfig()
    aspects = draw_aspects(rng, BANK_SIZE, config.aspect_mean, config.aspect_sd)
    angles, diameters = np.zeros(BANK_SIZE), np.full(BANK_SIZE, 2.0)
    return draw_outlines(rng, diameters, aspects, angles, roughness=1.0, facets=0.0)
