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

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter

from fancgan.documents.schema import Place, is_valid
from fancgan.errors import UserError
from fancgan.measuring.strokes import span, steps_of, sweep

MAX_EDITS = 2000
MAX_POINTS = 5000
MAX_POINTS_IN_ALL = 200_000
MAX_RADIUS_PX = 500
# Of all corrections together, in units of some 10 ns. Each sample of a line, each row of each step
# of a stroke, and each pixel of the box of a particle that is split takes SLOW of them.
MAX_WORK = 400_000_000
SLOW = 8


class _Deletion(BaseModel):
    do: Literal["delete"]
    at: Place


class _Line(BaseModel):
    do: Literal["split", "join"]
    start: Place = Field(alias="from")
    end: Place = Field(alias="to")


class _Stroke(BaseModel):
    do: Literal["add"]
    points: Annotated[list[Place], Field(min_length=1, max_length=MAX_POINTS)]
    radius: Annotated[float, Field(gt=0, le=MAX_RADIUS_PX, strict=True)]


EDIT: TypeAdapter = TypeAdapter(Annotated[_Deletion | _Line | _Stroke, Field(discriminator="do")])
Labels = NDArray[np.int32]
Box = tuple[slice, slice]


def apply_edits(labels: Labels, edits: Sequence[dict]) -> Labels:
    """Return a copy of labels [H, W] after edits, one after the other.

    Labels of untouched particles stay; new ones go on from the largest. Raises UserError for an
    edit that is none, and where all together are more than MAX_WORK.
    """
    corrected = _Corrected(labels)
    for edit in check_edits(edits):
        match edit:
            case {"do": "delete", "at": place}:
                corrected.delete(place)
            case {"do": "split", "from": start, "to": end}:
                corrected.split(start, end)
            case {"do": "join", "from": start, "to": end}:
                corrected.join(start, end)
            case {"do": "add", "points": points, "radius": radius}:
                corrected.add(points, radius)
    return corrected.labels


def check_edits(edits: object) -> list[dict]:
    """Return edits as they are, or raise UserError where they cannot be meant."""
    if not isinstance(edits, Sequence) or isinstance(edits, str):
        raise UserError("Corrections must be a list.")
    if len(edits) > MAX_EDITS:
        raise UserError(f"There are more than {MAX_EDITS} corrections; correct a smaller field.")
    points = 0
    for number, edit in enumerate(edits, 1):
        if not is_valid(EDIT, edit):
            raise UserError(f"Correction {number} cannot be understood: {str(edit)[:80]}.")
        points += len(edit.get("points", ()))
        if points > MAX_POINTS_IN_ALL:
            raise UserError(
                f"The strokes of these corrections have more than {MAX_POINTS_IN_ALL} points: "
                "undo some, or correct a smaller field."
            )
    return list(edits)


class _Corrected:
    """Labels [H, W] that change, a box around each particle, and the work that it took so far."""

    def __init__(self, labels: Labels):
        from scipy import ndimage

        self.labels = labels.copy()
        boxes = enumerate(ndimage.find_objects(labels), 1)
        self.boxes: dict[int, Box] = {number: box for number, box in boxes if box}
        self.work = 0

    def delete(self, place: Sequence[float]) -> None:
        number = self._label_at(place)
        if number:
            box = self.boxes.pop(number)
            self._spend(_area(box))
            self.labels[box][self.labels[box] == number] = 0

    def split(self, start: Sequence[float], end: Sequence[float]) -> None:
        from scipy import ndimage

        labels = self.labels
        rows, columns = self._line(start, end)
        for number in np.unique(labels[rows, columns]).tolist():
            if not number:
                continue
            self._spend(SLOW * _area(self.boxes[number]))
            box = self._tight(number)
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
            fresh = max(self.boxes) + np.arange(count + 1)
            fresh[largest] = number
            fresh[largest + 1 :] -= 1
            labels[box][particle] = fresh[pieces[particle]]
            self.boxes |= dict.fromkeys(fresh[1:].tolist(), box)

    def join(self, start: Sequence[float], end: Sequence[float]) -> None:
        rows, columns = self._line(start, end)
        numbers = np.unique(self.labels[rows, columns])
        numbers = numbers[numbers > 0]
        if len(numbers) < 2:
            return
        one = int(numbers[0])
        line = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        box = _around([line, *(self.boxes.pop(number) for number in numbers.tolist())])
        self.boxes[one] = box
        self._spend(_area(box))
        self.labels[box][np.isin(self.labels[box], numbers)] = one
        ground = self.labels[rows, columns] == 0
        covered = np.flatnonzero(~ground)
        between = np.arange(covered[0], covered[-1] + 1)
        between = between[ground[between]]
        self.labels[rows[between], columns[between]] = one

    def add(self, points: Sequence[Sequence[float]], radius: float) -> None:
        steps = steps_of(points)
        height, width = self.labels.shape
        left, right = span(steps, 0, radius, width)
        top, bottom = span(steps, 1, radius, height)
        box = (slice(int(top.min()), int(bottom.max())), slice(int(left.min()), int(right.max())))
        self._spend(2 * _area(box) + SLOW * int((bottom - top).sum()))
        if not _area(box):
            return
        part = self.labels[box]
        stroke = sweep(box, steps, radius) & (part == 0)
        if stroke.any():
            number = self._label_at(points[0]) or max(self.boxes, default=0) + 1
            part[stroke] = number
            self.boxes[number] = _around([box, self.boxes.get(number, box)])

    def _spend(self, work: int) -> None:
        self.work += work
        if self.work > MAX_WORK:
            raise UserError(
                "These corrections are too much work: undo some, draw fewer or smaller strokes, "
                "or correct a smaller field."
            )

    def _label_at(self, place: Sequence[float]) -> int:
        x, y = (math.floor(v) for v in place)
        height, width = self.labels.shape
        return int(self.labels[y, x]) if 0 <= y < height and 0 <= x < width else 0

    def _tight(self, number: int) -> Box:
        from scipy import ndimage

        rows, columns = self.boxes[number]
        inner = ndimage.find_objects((self.labels[rows, columns] == number).astype(np.int8))[0]
        top, left = rows.start, columns.start
        return (
            slice(top + inner[0].start, top + inner[0].stop),
            slice(left + inner[1].start, left + inner[1].stop),
        )

    def _line(self, start: Sequence[float], end: Sequence[float]) -> tuple[NDArray, NDArray]:
        """Rows and columns of the pixels that a line passes, each sharing a side with the next."""
        (x0, y0), (x1, y1) = start, end
        count = 4 * (int(max(abs(x1 - x0), abs(y1 - y0))) + 1)
        self._spend(SLOW * count)
        rows = np.floor(np.linspace(y0, y1, count)).astype(int)
        columns = np.floor(np.linspace(x0, x1, count)).astype(int)
        # Where both change at once, a step along the row comes between.
        corner = np.flatnonzero((np.diff(rows) != 0) & (np.diff(columns) != 0)) + 1
        rows = np.insert(rows, corner, rows[corner - 1])
        columns = np.insert(columns, corner, columns[corner])
        height, width = self.labels.shape
        within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return rows[within], columns[within]


def _area(box: Box) -> int:
    return (box[0].stop - box[0].start) * (box[1].stop - box[1].start)


def _around(boxes: Sequence[Box]) -> Box:
    rows, columns = zip(*boxes, strict=True)
    return (
        slice(min(r.start for r in rows), max(r.stop for r in rows)),
        slice(min(c.start for c in columns), max(c.stop for c in columns)),
    )
