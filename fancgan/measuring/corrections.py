"""Corrections by hand, as a list that can be stored, undone and done again on other labels.

Each is a dictionary with places [x, y] in pixels of the field:

{"do": "delete", "at": [x, y]}                     the particle there is taken out
{"do": "split", "from": [x, y], "to": [x, y]}      particles are parted along the line
{"do": "join", "from": [x, y], "to": [x, y]}       particles along the line become one
{"do": "add", "points": [[x, y], ...], "radius": r}
    a stroke: a new particle, or more of the one where the stroke begins; others stay as they are

An edit that meets nothing changes nothing, so a list fits labels that were found anew.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fancgan.errors import UserError

MAX_EDITS = 2000
MAX_POINTS = 5000
MAX_RADIUS_PX = 500

Labels = NDArray[np.int32]


def apply_edits(labels: Labels, edits: Sequence[dict]) -> Labels:
    """Return a copy of labels [H, W] after edits, one after the other.

    Labels of untouched particles stay; new ones go on from the largest. Raises UserError for an
    edit that is none.
    """
    labels = labels.copy()
    for edit in check_edits(edits):
        match edit:
            case {"do": "delete", "at": place}:
                labels[labels == _label_at(labels, place)] = 0
            case {"do": "split", "from": start, "to": end}:
                _split(labels, *_line(labels, start, end))
            case {"do": "join", "from": start, "to": end}:
                _join(labels, *_line(labels, start, end))
            case {"do": "add", "points": points, "radius": radius}:
                _add(labels, points, radius)
    return labels


def check_edits(edits: object) -> list[dict]:
    """Return edits as they are, or raise UserError where they cannot be meant."""
    if not isinstance(edits, Sequence) or isinstance(edits, str):
        raise UserError("Corrections must be a list.")
    if len(edits) > MAX_EDITS:
        raise UserError(f"There are more than {MAX_EDITS} corrections; correct a smaller field.")
    for number, edit in enumerate(edits, 1):
        if not _is_edit(edit):
            raise UserError(f"Correction {number} cannot be understood: {str(edit)[:80]}.")
    return list(edits)


def _is_edit(edit: object) -> bool:
    match edit:
        case {"do": "delete", "at": place}:
            return _is_place(place)
        case {"do": "split" | "join", "from": start, "to": end}:
            return _is_place(start) and _is_place(end)
        case {"do": "add", "points": [_, *_] as points, "radius": int() | float() as radius}:
            few = len(points) <= MAX_POINTS
            return few and all(map(_is_place, points)) and 0 < radius <= MAX_RADIUS_PX
    return False


def _is_place(place: object) -> bool:
    if not isinstance(place, Sequence) or len(place) != 2:
        return False
    return all(isinstance(v, int | float) and math.isfinite(v) and abs(v) < 1e6 for v in place)


def _label_at(labels: Labels, place: Sequence[float]) -> int:
    x, y = (math.floor(v) for v in place)
    height, width = labels.shape
    return int(labels[y, x]) if 0 <= y < height and 0 <= x < width else 0


def _line(labels: Labels, start: Sequence[float], end: Sequence[float]) -> tuple[NDArray, NDArray]:
    """Rows and columns of the pixels that a line passes, each sharing a side with the next."""
    (x0, y0), (x1, y1) = start, end
    count = 4 * (int(max(abs(x1 - x0), abs(y1 - y0))) + 1)
    rows = np.floor(np.linspace(y0, y1, count)).astype(int)
    columns = np.floor(np.linspace(x0, x1, count)).astype(int)
    # Where both change at once, a step along the row comes between.
    corner = np.flatnonzero((np.diff(rows) != 0) & (np.diff(columns) != 0)) + 1
    rows = np.insert(rows, corner, rows[corner - 1])
    columns = np.insert(columns, corner, columns[corner])
    height, width = labels.shape
    within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return rows[within], columns[within]


def _split(labels: Labels, rows: NDArray, columns: NDArray) -> None:
    from scipy import ndimage

    for number in np.unique(labels[rows, columns]):
        if not number:
            continue
        box = ndimage.find_objects((labels == number).astype(np.int8))[0]
        particle = labels[box] == number
        cut = np.zeros_like(particle)
        here = labels[rows, columns] == number
        cut[rows[here] - box[0].start, columns[here] - box[1].start] = True
        pieces, count = ndimage.label(particle & ~cut)
        if count < 2:
            continue
        # The pixels of the line go to the nearest piece: the cut costs no area.
        nearest = ndimage.distance_transform_edt(pieces == 0, return_indices=True)[1]
        pieces = pieces[tuple(nearest)]
        largest = np.bincount(pieces[particle]).argmax()
        fresh = labels.max() + np.arange(count + 1)
        fresh[largest] = number
        fresh[largest + 1 :] -= 1
        labels[box][particle] = fresh[pieces[particle]]


def _join(labels: Labels, rows: NDArray, columns: NDArray) -> None:
    numbers = np.unique(labels[rows, columns])
    numbers = numbers[numbers > 0]
    if len(numbers) < 2:
        return
    one = numbers[0]
    labels[np.isin(labels, numbers)] = one
    ground = labels[rows, columns] == 0
    covered = np.flatnonzero(~ground)
    between = np.arange(covered[0], covered[-1] + 1)
    between = between[ground[between]]
    labels[rows[between], columns[between]] = one


def _add(labels: Labels, points: Sequence[Sequence[float]], radius: float) -> None:
    stroke = _sweep(labels.shape, points, radius) & (labels == 0)
    if stroke.any():
        labels[stroke] = _label_at(labels, points[0]) or labels.max() + 1


def _sweep(
    shape: tuple[int, int], points: Sequence[Sequence[float]], radius: float
) -> NDArray[np.bool_]:
    """Pixels whose middle lies within radius of a path of points, [H, W]."""
    height, width = shape
    path = np.asarray(points, float).reshape(-1, 2)
    if len(path) == 1:
        path = np.repeat(path, 2, axis=0)
    swept = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in itertools.pairwise(path):
        left, right = _span(x0, x1, radius, width)
        top, bottom = _span(y0, y1, radius, height)
        window = (slice(top, bottom), slice(left, right))
        rows, columns = np.mgrid[window]
        x, y = columns + 0.5 - x0, rows + 0.5 - y0
        dx, dy = x1 - x0, y1 - y0
        along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
        swept[window] |= np.hypot(x - along * dx, y - along * dy) <= radius
    return swept


def _span(a: float, b: float, radius: float, length: int) -> tuple[int, int]:
    """First and last pixel, exclusive, within radius of a and b, held to 0 ... length."""
    low, high = math.floor(min(a, b) - radius), math.ceil(max(a, b) + radius) + 1
    return min(max(low, 0), length), min(max(high, 0), length)
