"""Where in a picture particles are measured: regions that people draw, bars and words left out.

A region is {"use": "include" or "exclude", "points": [[x, y], ...]}, a polygon in pixels of the
picture, 0 at its left and upper edge. Measured is what lies in any region to include, or the whole
picture without one, less all regions to exclude.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter

from fancgan.documents.schema import Place, is_valid
from fancgan.errors import UserError

MAX_REGIONS = 100
MAX_POINTS = 20_000  # of all regions together
Mask = NDArray[np.bool_]


class _Region(BaseModel, extra="forbid"):
    use: Literal["include", "exclude"]
    points: Annotated[list[Place], Field(min_length=3)]


REGION = TypeAdapter(_Region)


def check_regions(regions: object) -> list[dict]:
    """Return regions as they are, or raise UserError where they cannot be meant."""
    if not isinstance(regions, Sequence) or isinstance(regions, str):
        raise UserError("Regions must be a list.")
    for number, region in enumerate(regions, 1):
        if not is_valid(REGION, region):
            raise UserError(f"Region {number} cannot be understood: {str(region)[:80]}.")
    if len(regions) > MAX_REGIONS or sum(len(r["points"]) for r in regions) > MAX_POINTS:
        raise UserError(f"There may be {MAX_REGIONS} regions, with {MAX_POINTS} points in all.")
    return list(regions)


def check_boxes(boxes: object) -> list[list[int]]:
    """Return boxes (x, y, width, height), whole pixels, or raise UserError for anything else."""
    if not isinstance(boxes, Sequence) or isinstance(boxes, str) or len(boxes) > MAX_REGIONS * 10:
        raise UserError("Words and bars in the picture must be a list of boxes.")
    for box in boxes:
        match box:
            case [int(), int(), int() as width, int() as height] if min(width, height) > 0:
                continue
        raise UserError(f"A box is [x, y, width, height] in whole pixels, not {str(box)[:80]}.")
    return [list(box) for box in boxes]


def parse_region(words: str, use: str) -> dict:
    """Return the region of "X,Y X,Y ...": two points are corners of a rectangle."""
    try:
        points = [[float(v) for v in place.split(",")] for place in words.split()]
        if len(points) == 2:
            (x0, y0), (x1, y1) = points
            points = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
        return check_regions([{"use": use, "points": points}])[0]
    except (ValueError, UserError):
        raise UserError(
            f"A region is given as 'X,Y X,Y', two corners of a rectangle, or as three points and "
            f"more, in pixels, not {words[:80]!r}."
        ) from None


def measured_area(
    shape: tuple[int, int],
    regions: Sequence[dict],
    boxes: Iterable[Sequence[int]] = (),
    top_rows: int = 0,
) -> Mask:
    """Return where particles are measured, bool [H, W]; boxes (x, y, width, height) are left out.

    Rows above top_rows are an info bar. A pixel lies where its middle lies.
    """
    included = [r for r in regions if r["use"] == "include"]
    where = np.full(shape, not included)
    for region in included:
        where |= inside(shape, region["points"])
    for region in regions:
        if region["use"] == "exclude":
            where &= ~inside(shape, region["points"])
    return without_boxes(where, boxes, top_rows)


def without_boxes(where: Mask, boxes: Iterable[Sequence[int]], top_rows: int = 0) -> Mask:
    """Return a copy of where [H, W] that leaves out boxes (x, y, width, height) and top rows."""
    left = where.copy()
    left[:top_rows] = False
    for x, y, width, height in boxes:
        left[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = False
    return left


def inside(shape: tuple[int, int], points: Sequence[Sequence[float]]) -> Mask:
    """Return the pixels [H, W] whose middle lies in a polygon, by the even-odd rule."""
    height, width = shape
    crossings = np.zeros((height, width + 1), np.int32)
    ends = np.asarray(points, float)
    for (x0, y0), (x1, y1) in zip(ends, np.roll(ends, -1, axis=0), strict=True):
        first, last = (int(np.clip(np.ceil(y - 0.5), 0, height)) for y in sorted((y0, y1)))
        if first == last:
            continue
        rows = np.arange(first, last)
        x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        crossings[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(int)] += 1
    return np.cumsum(crossings[:, :-1], axis=1) % 2 == 1


def as_rectangle(where: Mask) -> tuple[int, int, int, int] | None:
    """Return (left, top, right, bottom) of what is true in where [H, W], None if no rectangle."""
    rows, columns = (np.flatnonzero(where.any(axis)) for axis in (1, 0))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    if not where[top:bottom, left:right].all():
        return None
    return int(left), int(top), int(right), int(bottom)


def window_weights(where: Mask, left: NDArray, top: NDArray, right: NDArray, bottom: NDArray):
    """Return how many particles each one stands for of which the frame of where [H, W] cuts some.

    left, top, right, bottom [n]: how far a particle reaches from its centroid. The weight is the
    area of where over the part of it in which such a particle lies wholly in the frame; over a
    whole frame that is W H / ((W - Fx)(H - Fy)) (Miles and Lantuejoul).
    """
    height, width = where.shape
    table = np.zeros((height + 1, width + 1))
    table[1:, 1:] = where.cumsum(0).cumsum(1)
    x0, x1 = (np.clip(np.rint(v), 0, width).astype(int) for v in (left, width - right))
    y0, y1 = (np.clip(np.rint(v), 0, height).astype(int) for v in (top, height - bottom))
    x1, y1 = np.maximum(x0, x1), np.maximum(y0, y1)
    free = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return where.sum() / np.maximum(free, 1)
