"""The microscope's info bar: the rows under the picture with writing and the scale bar."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy import ndimage

SHARE = 0.3  # of the height, at most
MARGIN = 12  # rows of picture and of the frame's line under the bar, at most
LINE = 4  # rows of a line that frames or divides the bar, at most
NOISY = 0.4  # share of a row that is a little off its colour, at least, where it is picture
INK = 64  # grey levels between paper and writing, at least
EVEN = 0.75  # share of a line or of a row without writing that is of one colour, at least


def find_info_bar(grey: np.ndarray) -> int | None:
    """Return the first row of the info bar at the bottom of grey [H, W] uint8, None without one.

    A bar is a block of rows of one even colour, at most 30 % of the height, that ends within 12
    rows of the bottom. Letters stand in a line on it, lines of another colour may frame and
    divide it, and it begins abruptly: with such a line, with less noise than the picture above,
    or with a step of all columns.
    """
    height, width = grey.shape
    if height < 64 or width < 64:
        return None
    first = height - int(SHARE * height)
    rows = _Rows(grey[first - 1 :])
    bottom = len(rows.even) - 1
    tried = None
    for end in range(bottom, bottom - MARGIN - 1, -1):
        if rows.even[end] < EVEN:
            tried = None
        elif rows.paper[end] != tried:
            tried = rows.paper[end]
            start = _start_of_bar(rows, end)
            if start is not None:
                return first - 1 + start
    return None


class _Rows:
    """What tells rows apart: grey [R, W] as int16, and for each row what it is made of.

    paper: most frequent grey level; exact, noisy: shares of the pixels that are equal to it and 1
    to 16 levels beside it; even: share of the most frequent three levels that follow each other;
    step: share of the columns that change by more than 2 levels from the row above.
    """

    def __init__(self, grey: np.ndarray):
        self.grey = grey.astype(np.int16)
        counts = np.array([np.bincount(row, minlength=256) for row in grey])
        self.paper = counts.argmax(axis=1)
        three = counts[:, :-2] + counts[:, 1:-1] + counts[:, 2:]
        self.even = three.max(axis=1) / grey.shape[1]
        off = np.abs(self.grey - self.paper[:, None])
        self.exact = (off == 0).mean(axis=1)
        self.noisy = ((off >= 1) & (off <= 16)).mean(axis=1)
        self.step = np.zeros(len(grey))
        self.step[1:] = (np.abs(np.diff(self.grey, axis=0)) > 2).mean(axis=1)


def _start_of_bar(rows: _Rows, end: int) -> int | None:
    """Return the first row of the bar whose last row of paper is `end`, None without one."""
    alike = (rows.even >= 0.25) & (np.abs(rows.paper - rows.paper[end]) <= 2)
    starts = []
    start = end
    while start > 0:
        if alike[start - 1]:
            start -= 1
            if _is_abrupt(rows, alike, start):
                starts.append(start)
            continue
        line = _line_above(rows, alike, start)
        if line is None:
            break
        start = line
        starts.append(start)
    ink = np.abs(rows.grey[: end + 1] - rows.paper[end]) >= INK
    for start in reversed(starts):
        if _is_written(ink[start:][alike[start : end + 1]]):
            return start
    return None


def _line_above(rows: _Rows, alike: np.ndarray, start: int) -> int | None:
    """Return the first row of a line that ends above row `start`, None without one."""
    own = (rows.even >= EVEN) & (rows.noisy < NOISY) & ~alike
    own &= np.abs(rows.paper - rows.paper[start - 1]) <= 2
    line = start
    while line > 0 and own[line - 1]:
        line -= 1
    thin = 0 < line < start <= line + LINE
    return line if thin else None


def _is_abrupt(rows: _Rows, alike: np.ndarray, row: int) -> bool:
    """Whether a bar may begin with this row of paper: it is calmer or of another colour."""
    above = row - 1
    if above < 0:
        return False
    calmer = rows.even[above] <= 0.5 and rows.even[row] >= rows.even[above] + 0.3  # JPEG softens
    higher = slice(max(0, above - 7), row)
    calmer &= (alike & (rows.even >= 0.5))[higher].mean() <= 0.5  # else a blurred line in the bar
    flat = rows.exact[row] >= 0.97 and (rows.noisy[above] >= NOISY or rows.step[row] >= 0.95)
    return bool(calmer or flat)


def _is_written(ink: np.ndarray) -> bool:
    """Whether letters stand on the paper of a bar: ink [R, W] bool, its rows without lines."""
    if len(ink) < 8 or not 0.002 <= ink.mean() <= 0.45:
        return False
    strokes = np.count_nonzero(np.diff(ink, axis=1), axis=1)
    if np.count_nonzero(strokes >= 12) < 4:
        return False
    labels, _ = ndimage.label(ink, np.ones((3, 3)))
    letters = [
        (box[0].start, box[0].stop)
        for box in ndimage.find_objects(labels)
        if 4 <= _length(box[0]) <= 0.9 * len(ink) and _length(box[1]) <= len(ink)
    ]
    of_one_line = max(Counter(letters).values(), default=0)
    return of_one_line >= max(5, 0.2 * len(letters))


def _length(extent: slice) -> int:
    return extent.stop - extent.start
