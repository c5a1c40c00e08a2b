"""Filters: which of the particles count, by what was measured of them.

{"ecd_nm": [10, 50], "circularity_iso": [0.8, None]} counts those from 10 to 50 nm that are rounder
than 0.8. A name is that of a quantity, of lengths with their unit, nm or px (areas: nm2, px).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fancgan.errors import UserError
from fancgan.measuring.properties import LENGTHS, RATIOS

OF_LENGTH = (*LENGTHS, "length", "width", "frame_distance")
NAMES = (
    *(*RATIOS, "orientation_deg", "mean_grey", "confidence"),
    *(f"{name}_{unit}" for name in OF_LENGTH for unit in ("nm", "px")),
    *("area_nm2", "area_px"),
)
Ends = tuple[float | None, float | None]


def check_filters(filters: object) -> dict[str, Ends]:
    """Return filters as they are meant, or raise UserError where they cannot be."""
    if not isinstance(filters, Mapping):
        raise UserError("Filters must be names with a pair of ends each.")
    checked = {name: _checked(name, ends) for name, ends in filters.items()}
    return {name: ends for name, ends in checked.items() if ends != (None, None)}


def _checked(name: object, ends: object) -> Ends:
    if name not in NAMES:
        raise UserError(f"There is no filter {str(name)[:40]!r}: take one of {', '.join(NAMES)}.")
    match ends:
        case [int() | float() | None as low, int() | float() | None as high] if all(
            end is None or math.isfinite(end) for end in (low, high)
        ):
            if low is not None and high is not None and low > high:
                raise UserError(f"The filter {name} begins at {low:g}, beyond its end {high:g}.")
            return low, high
    raise UserError(f"The filter {name} takes two numbers, its ends, or nothing for one of them.")


def read_filter(words: str) -> tuple[str, list[float | None]]:
    """Return (name, ends) of words such as "ecd_nm=10:50" or "solidity=0.9:"; raise UserError."""
    name, _, ends = words.partition("=")
    parts = ends.split(":")
    try:
        low, high = (float(part) if part.strip() else None for part in parts)
    except ValueError as error:
        raise UserError(
            f"The filter {words!r} is not understood: write NAME=FROM:TO, such as ecd_nm=10:50 or "
            "solidity=0.9: with an end left out."
        ) from error
    return name.strip(), [low, high]


def passing(
    table: pd.DataFrame, filters: Mapping[str, Ends], nm_per_px: float | None
) -> NDArray[np.bool_]:
    """Return which rows of a table of particles (properties.py) all filters let through, [n].

    What is not known does not pass, but for the confidence: it is empty after a correction by hand.
    A model without confidence has nothing to filter by it. Raises UserError for lengths in nm where
    the pixel size is unknown.
    """
    passed = np.ones(len(table), bool)
    for name, (low, high) in filters.items():
        if name == "confidence" and name not in table:
            continue
        values = _values(table, name, nm_per_px)
        within = (values >= (-np.inf if low is None else low)) & (
            values <= (np.inf if high is None else high)
        )
        passed &= within | (np.isnan(values) if name == "confidence" else False)
    return passed


def guarded_weights(
    table: pd.DataFrame,
    filters: Mapping[str, Ends],
    nm_per_px: float | None,
    sides: tuple[int, int],
) -> NDArray[np.float64]:
    """Return the border weights [n] of rows that passed filters, in a field of sides (W, H) px.

    Where the distance to the frame is filtered, from d to e, a particle of box Fx x Fy had the
    places (W - 2d - Fx)(H - 2d - Fy) - (W - 2e - Fx)(H - 2e - Fy) to lie in (guard frame, ISO
    13322-1); without, the weights are as they were.
    """
    low, high = 0.0, np.inf
    for name, scale in (("frame_distance_px", 1.0), ("frame_distance_nm", nm_per_px or 1.0)):
        begin, end = filters.get(name, (None, None))
        low = max(low, (begin or 0) / scale)
        high = min(high, np.inf if end is None else max(end / scale, 0.0))
    weights = table["border_weight"].to_numpy(float)
    if (low, high) == (0.0, np.inf):
        return weights
    boxes = np.array([table["right_px"] - table["left_px"], table["bottom_px"] - table["top_px"]])
    room = np.array(sides)[:, None] - boxes
    whole, inside, beyond = ((room - 2 * d).clip(min=0).prod(axis=0) for d in (0.0, low, high))
    return weights * whole / np.maximum(inside - beyond, 1.0)


def _values(table: pd.DataFrame, name: str, nm_per_px: float | None) -> NDArray[np.float64]:
    if name in table:
        return table[name].to_numpy(float)
    if not nm_per_px:
        raise UserError(f"The filter {name} needs the pixel size; give it, or filter in pixels.")
    return table[f"{name.removesuffix('_px')}_nm"].to_numpy(float) / nm_per_px


def without(filters: Mapping[str, Ends], quantity: str) -> dict[str, Ends]:
    """Return the filters of other quantities than this one, in whatever unit."""
    own = {quantity, *(f"{quantity}_{unit}" for unit in ("nm", "px", "nm2"))}
    return {name: ends for name, ends in filters.items() if name not in own}


def words_on(filters: Mapping[str, Ends]) -> str:
    """Return filters in words: "ecd_nm from 10 to 50, solidity from 0.9"."""

    def words(name: str, low: float | None, high: float | None) -> str:
        begin = "" if low is None else f" from {low:g}"
        return f"{name}{begin}" + ("" if high is None else f" to {high:g}")

    return ", ".join(words(name, *ends) for name, ends in filters.items())
