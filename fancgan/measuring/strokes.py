"""Strokes of a round brush, drawn into a label image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SURE_PX = 1e-6  # far above the rounding of a distance
STEPS_AT_ONCE = 256

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def steps_of(points: object) -> Floats:
    """Return the steps [S, 2, 2] of a path: (x, y) of begin and end; a single point is one."""
    path = np.asarray(points, float).reshape(-1, 2)
    path = path if len(path) > 1 else path.repeat(2, axis=0)
    return np.stack([path[:-1], path[1:]], axis=1)


def span(steps: Floats, axis: int, radius: float, length: int) -> tuple[Ints, Ints]:
    """First and last pixel, exclusive, of each step along x (axis 0) or y, in 0 ... length."""
    low = np.floor(steps[..., axis].min(axis=1) - radius)
    high = np.ceil(steps[..., axis].max(axis=1) + radius) + 1
    return np.clip(low, 0, length).astype(int), np.clip(high, 0, length).astype(int)


def sweep(box: tuple[slice, slice], steps: Floats, radius: float) -> NDArray[np.bool_]:
    """Return the pixels [h, w] of a box whose middle lies within radius of one of the steps.

    A step covers one interval of each row, known in closed form; the few pixels where rounding
    might decide are asked for their distance.
    """
    top, bottom, left, right = box[0].start, box[0].stop, box[1].start, box[1].stop
    width = right - left
    change = np.zeros((bottom - top) * (width + 1), np.int32)
    swept = np.zeros((bottom - top, width), bool)
    for begin in range(0, len(steps), STEPS_AT_ONCE):
        part = steps[begin : begin + STEPS_AT_ONCE]
        first, last = span(part, 1, radius, bottom)
        first = np.maximum(first, top)
        step, row = _ranges(first, np.maximum(last, first))
        (x0, y0), (x1, y1) = part[step, 0].T, part[step, 1].T
        y, dx, dy = row + 0.5 - y0, x1 - x0, y1 - y0

        sure = _pixels(x0, *_chord(y, dx, dy, max(radius - SURE_PX, 0)), left, right)
        likely = _pixels(x0, *_chord(y, dx, dy, radius + SURE_PX), left, right)
        origin = (row - top) * (width + 1) - left
        np.add.at(change, origin + sure[0], 1)
        np.add.at(change, origin + sure[1], -1)
        empty = sure[0] == sure[1]
        for low, high in (
            (likely[0], np.where(empty, likely[1], sure[0])),
            (np.where(empty, likely[1], sure[1]), likely[1]),
        ):
            which, column = _ranges(low, high)
            x = column + 0.5 - x0[which]
            dxs, dys, ys = dx[which], dy[which], y[which]
            along = np.clip((x * dxs + ys * dys) / np.maximum(dxs * dxs + dys * dys, 1e-12), 0, 1)
            inside = np.hypot(x - along * dxs, ys - along * dys) <= radius
            swept[row[which[inside]] - top, column[inside] - left] = True
    covered = np.cumsum(change.reshape(bottom - top, width + 1), axis=1, dtype=np.int32)[:, :-1] > 0
    return swept | covered


def _ranges(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Number of the range and value, for all values first <= v < last of all ranges."""
    counts = last - first
    which = np.repeat(np.arange(len(first)), counts)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts - first, counts)


def _pixels(x0: Floats, low: Floats, high: Floats, left: int, right: int) -> tuple[Ints, Ints]:
    """First and last pixel, exclusive, with their middle in x0 + low ... x0 + high."""
    first = np.clip(np.ceil(low - 0.5 + x0), left, right).astype(int)
    last = np.clip(np.floor(high - 0.5 + x0) + 1, left, right).astype(int)
    return first, np.maximum(last, first)


def _chord(y: Floats, dx: Floats, dy: Floats, radius: float) -> tuple[Floats, Floats]:
    """Least and greatest x within radius of the way from (0, 0) to (dx, dy), at heights y.

    The two discs at its ends and the rectangle between; inf and -inf where there is none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half, half_end = np.sqrt(radius**2 - y**2), np.sqrt(radius**2 - (y - dy) ** 2)
        low = np.fmin(np.fmin(-half, dx - half_end), np.inf)
        high = np.fmax(np.fmax(half, dx + half_end), -np.inf)
        square = dx * dx + dy * dy
        reach = radius * np.sqrt(square)
        across = (y * dx - reach) / dy, (y * dx + reach) / dy
        along = -y * dy / dx, (square - y * dy) / dx
        begin = np.maximum(np.minimum(*across), np.minimum(*along))
        end = np.minimum(np.maximum(*across), np.maximum(*along))
    between = begin <= end
    return np.where(between, np.minimum(low, begin), low), np.where(
        between, np.maximum(high, end), high
    )
