"""A label image painted particle by particle, with a line of background kept between neighbours."""

from __future__ import annotations

import numpy as np

MIN_VISIBLE_PX = 20


class Canvas:
    """Labels [H, W] that grow by paint(); covered counts their pixels.

    Neighbours never touch, not even at a corner: between them runs a 4-connected line of
    background one pixel wide, as in the manual masks.
    """

    def __init__(self, height: int, width: int) -> None:
        # A margin of one pixel, so that a particle at the frame has a ring around it as well.
        self._padded = np.zeros((height + 2, width + 2), np.int32)
        self.shape = (height, width)
        self.covered = 0
        self._last = 0

    def paint(self, outline: np.ndarray, on_top: bool) -> int:
        """Paint an outline [P, 2] of (x, y) pixels; return how many of its pixels show.

        On top, it takes its pixels and the ring around them from those below; beneath, it gets
        what is free and does not touch.
        """
        from skimage.draw import polygon

        height, width = self.shape
        left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
        right, bottom = np.ceil(outline.max(axis=0)).astype(int)
        right, bottom = min(right, width - 1), min(bottom, height - 1)
        if left > right or top > bottom:
            return 0
        box = self._padded[top : bottom + 3, left : right + 3]
        inside = np.zeros(box.shape, bool)
        extent = (bottom - top + 1, right - left + 1)
        rows, columns = polygon(outline[:, 1] - top, outline[:, 0] - left, extent)
        inside[rows + 1, columns + 1] = True
        before = int(np.count_nonzero(box))
        if on_top:
            box[_dilate(inside)] = 0
        else:
            inside &= ~_dilate(box > 0)
        self._last += 1
        box[inside] = self._last
        self.covered += int(np.count_nonzero(box)) - before
        return int(np.count_nonzero(inside))

    def visible(self) -> np.ndarray:
        """Return labels [H, W] int32 from 1: one per connected region of MIN_VISIBLE_PX or more.

        A particle that others cut in two shows as two regions, as it does to an annotator.
        """
        from scipy import ndimage

        regions, n = ndimage.label(self._padded[1:-1, 1:-1] > 0)
        keep = np.bincount(regions.ravel(), minlength=n + 1) >= MIN_VISIBLE_PX
        keep[0] = False
        return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[regions]


def _dilate(region: np.ndarray) -> np.ndarray:
    """Grow a region [H, W] bool by its eight neighbours."""
    rows = region.copy()
    rows[1:] |= region[:-1]
    rows[:-1] |= region[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown
