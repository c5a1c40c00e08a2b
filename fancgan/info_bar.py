"""The microscope's info bar: the rows under the picture with writing and the scale bar."""

from __future__ import annotations

import numpy as np


def find_info_bar(grey: np.ndarray) -> int | None:
    """Return the first row of the info bar at the bottom of grey [H, W] uint8, None without one.

    A bar is a block of rows of one even colour with writing in it, at most 30 % of the height,
    that ends within 8 rows of the bottom and begins abruptly: the picture above is not even.
    """
    height, width = grey.shape
    if height < 64 or width < 64:
        return None
    first = height - int(0.3 * height)
    grey = grey[first - 1 :].astype(np.int16)
    paper = np.array([np.bincount(row, minlength=256).argmax() for row in grey])
    even = (np.abs(grey - paper[:, None]) <= 1).mean(axis=1)

    end = next((r for r in range(len(grey) - 1, len(grey) - 10, -1) if even[r] >= 0.9), None)
    if end is None:
        return None
    start = end
    while start > 0 and even[start - 1] >= 0.5 and abs(paper[start - 1] - paper[end]) <= 2:
        start -= 1
    block = np.abs(grey[start : end + 1] - paper[end]) >= 64
    while start > 0 and even[start - 1] >= 0.9:  # lines that frame the bar, of another colour
        start -= 1
    strokes = np.count_nonzero(np.diff(block, axis=1), axis=1)
    if start == 0 or end + 1 - start < 8:
        return None
    if even[start - 1] > 0.5 or even[start] < even[start - 1] + 0.3:  # JPEG softens the jump
        return None
    written = 0.002 <= block.mean() <= 0.45 and np.count_nonzero(strokes >= 12) >= 4
    return first - 1 + start if written else None
