"""A label image painted particle by particle, with a line of background kept between neighbours."""

from __future__ import annotations

import numpy as np

MIN_VISIBLE_PX = 20


class Canvas:
    """Labels [H, W] that grow by paint(); covered counts their pixels.

    Neighbours never touch, not even at a corner: between them runs a 4-connected line of
    background one pixel wide, as in the manual masks. min_px: smaller particles are not seen.
    both: where particles lie over each other, the outline of the lower one stays as such a line
    within the upper one.
    """

    def __init__(
        self, height: int, width: int, min_px: int = MIN_VISIBLE_PX, both: bool = False
    ) -> None:
        # A margin of one pixel, so that a particle at the frame has a ring around it as well.
        self._padded = np.zeros((height + 2, width + 2), np.int32)
        self.shape = (height, width)
        self.covered = 0
        self.min_px = min_px
        self._last = 0
        self._lines = np.zeros_like(self._padded, bool) if both else None

    def paint(self, outline: np.ndarray, on_top: bool) -> int:
        """Paint an outline [P, 2] of (x, y) pixels; return how many of its pixels show.

        On top, it takes its pixels and the ring around them from those below; beneath, it gets
        what is free and does not touch.
        """
        self._last += 1
        found = self.inside(outline)
        if found is None:
            return 0
        place, inside = found
        box = self._padded[place]
        before = int(np.count_nonzero(box))
        if self._lines is not None:
            self._lines[place] |= inside & (box > 0) & _edges(box if on_top else inside)
        if on_top:
            box[dilate(inside)] = 0
        else:
            inside &= ~dilate(box > 0)
        box[inside] = self._last
        if self._lines is not None:
            box[self._lines[place]] = 0
            inside &= box > 0
        self.covered += int(np.count_nonzero(box)) - before
        return int(np.count_nonzero(inside))

    def over_others(self, outline: np.ndarray) -> float:
        """Share of the pixels of an outline [P, 2], and of the ring around, that lie over others.

        1 where none of them is on the canvas.
        """
        found = self.inside(outline)
        if found is None or not found[1].any():
            return 1.0
        place, inside = found
        near = dilate(inside)
        return float(np.count_nonzero(near & (self._padded[place] > 0)) / np.count_nonzero(near))

    def inside(self, outline: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Return the box of an outline [P, 2] and which of its pixels are inside; None off canvas.

        The box is that in labels with a margin of one pixel, and has one around the outline.
        """
        from skimage.draw import polygon

        height, width = self.shape
        left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
        right, bottom = np.ceil(outline.max(axis=0)).astype(int)
        right, bottom = min(right, width - 1), min(bottom, height - 1)
        if left > right or top > bottom:
            return None
        place = (slice(top, bottom + 3), slice(left, right + 3))
        inside = np.zeros((bottom - top + 3, right - left + 3), bool)
        extent = (bottom - top + 1, right - left + 1)
        rows, columns = polygon(outline[:, 1] - top, outline[:, 0] - left, extent)
        inside[rows + 1, columns + 1] = True
        return place, inside

    def visible(self) -> np.ndarray:
        """Return labels [H, W] int32 from 1: one per connected region of min_px or more.

        A particle that others cut in two shows as two regions, as it does to an annotator.
        """
        from scipy import ndimage

        regions, n = ndimage.label(self._padded[1:-1, 1:-1] > 0)
        keep = np.bincount(regions.ravel(), minlength=n + 1) >= self.min_px
        keep[0] = False
        return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[regions]

    def painted(self) -> np.ndarray:
        """Return the numbers [H, W] int32 of the particles, in the order of painting from 1.

        The pieces of a particle that others cut keep its number, those below min_px are left out.
        """
        return np.where(self.visible() > 0, self._padded[1:-1, 1:-1], 0)


def _edges(labels: np.ndarray) -> np.ndarray:
    """The outermost pixels of each region of a label image or mask [H, W], 4-connected lines."""
    from scipy import ndimage

    values = labels.astype(np.int32)
    return (values > 0) & (ndimage.minimum_filter(values, 3) != ndimage.maximum_filter(values, 3))


def dilate(region: np.ndarray) -> np.ndarray:
    """Grow a region [H, W] bool by its eight neighbours."""
    rows = region.copy()
    rows[1:] |= region[:-1]
    rows[:-1] |= region[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown
