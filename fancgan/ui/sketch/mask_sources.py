"""Where a mask comes from, if nobody drew it: layouts, files, outlines for single particles."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from fancgan.errors import UserError
from fancgan.layouts.config import LayoutConfig
from fancgan.layouts.layout import example_layouts, make_layout, to_mask
from fancgan.layouts.shapes import draw_aspects, draw_outlines
from fancgan.ui import layout_settings, wire
from fancgan.ui.dataset import making
from fancgan.ui.limits import check_layout

BANK_SIZE = 48
NM_PER_PX = LayoutConfig().nm_per_px
WISHES = ("count", "d50_nm", "gsd", "overlap", "agglomeration", "shape", *layout_settings.NAMES)


def layout_mask(name: str, seed: int, size: tuple[int, int] = (512, 768)) -> np.ndarray:
    """Return the mask [H, W] bool of the example layout of that name, drawn from seed.

    size: height and width.
    """
    layouts = dict(example_layouts(*size))
    if name not in layouts:
        raise UserError(f"There is no layout '{name}'; there are: {', '.join(layouts)}.")
    return to_mask(make_layout(dataclasses.replace(layouts[name], seed=seed)))


def own_layout(
    wishes: object, seed: int, size: tuple[int, int], nm_per_px: float | None
) -> tuple[np.ndarray, int]:
    """Return the mask [H, W] bool of a layout by numbers, and how many particles can be seen.

    wishes: values of a LayoutConfig by the names of WISHES; what is missing is as trained.
    size: height and width. Raises UserError for what cannot be.
    """
    if not isinstance(wishes, dict) or not set(wishes) <= set(WISHES):
        raise UserError(f"A layout may be given {', '.join(WISHES)}, and nothing else.")
    chosen = layout_settings.chosen(wishes)
    if "count" in chosen:
        chosen["count"] = making.whole(chosen["count"], "number of particles")
    height, width = size
    config = LayoutConfig(
        **chosen, height=height, width=width, seed=seed, nm_per_px=nm_per_px or NM_PER_PX
    )
    check_layout(config)
    labels = make_layout(config)
    return to_mask(labels), int(labels.max())


def read_mask_file(path: str | Path | None) -> np.ndarray:
    """Return the mask [H, W] bool of an uploaded binary or instance mask; raise UserError."""
    from fancgan.particles.labels import read_mask, separate

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
