"""The microscope's info bar: the rows under or over the picture with writing and the scale bar."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SHARE = 0.3  # of the height, at most
MARGIN = 12  # rows of picture and of the frame's line under the bar, at most
LINE = 4  # rows of a line that frames or divides the bar, at most
NOISY = 0.4  # share of a row that is a little off its colour, at least, where it is picture
INK = 64  # grey levels between paper and writing, at least
EVEN = 0.75  # share of a line or of a row without writing that is of one colour, at least
LIKE_PAPER = 6  # grey levels around paper, where compression or a change of size has blurred it
STEPPED = 0.5  # share of the columns in which a blurred bar begins in the same row, at least
EXPLAINED = 0.85  # share of a blurred bar that is paper, writing or near to it, at least


@dataclass(frozen=True)
class Bars:
    """How many rows are no picture: `top` of them at the upper edge, `bottom` at the lower."""

    top: int = 0
    bottom: int = 0

    def cut_off(self, pixels: np.ndarray) -> np.ndarray:
        """Return the rows of pixels [H, W] between the bars."""
        return pixels[self.top : len(pixels) - self.bottom]


def find_bars(grey: np.ndarray) -> Bars:
    """Return the info bars at the upper and the lower edge of grey [H, W] uint8."""
    height = len(grey)
    below, above = find_info_bar(grey), find_info_bar(grey[::-1])
    return Bars(
        0 if above is None else height - above,
        0 if below is None else height - below,
    )


def find_info_bar(grey: np.ndarray) -> int | None:
    """Return the first row of the info bar at the bottom of grey [H, W] uint8, None without one.

    A bar is a block of rows of one even colour, at most 30 % of the height, that ends within 12
    rows of the bottom. Letters stand in a line on it, lines of another colour may frame and
    divide it, and it begins abruptly: with such a line, with less noise than the picture above,
    or with a step of all columns. Where its colour is no longer exact (JPEG, another size), it is
    the step that counts.
    """
    height, width = grey.shape
    if height < 64 or width < 64:
        return None
    first = height - int(SHARE * height)
    exact, blurred = _exact_bar(grey, first), _blurred_bar(grey, first)
    if exact is not None and (blurred is None or blurred >= exact - LINE):
        return _top_of_step(grey, exact, INK)
    return None if blurred is None else _top_of_step(grey, blurred, 8)


def _exact_bar(grey: np.ndarray, first: int) -> int | None:
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


def _blurred_bar(grey: np.ndarray, first: int) -> int | None:
    """Return the first row of a bar whose colour is even to within a few levels, None without."""
    rows = grey[first:].astype(np.int16)
    tried: list[int] = []
    for end in range(len(rows) - 1, len(rows) - 2 - MARGIN - LINE, -1):
        counts = np.convolve(np.bincount(rows[end], minlength=256), np.ones(5), "same")
        paper = int(counts.argmax())
        if counts[paper] < 0.4 * rows.shape[1] or any(abs(paper - one) <= 2 for one in tried):
            continue
        tried.append(paper)
        off = np.abs(rows[: end + 1] - paper)
        on = off <= LIKE_PAPER
        begins = (~on[:-6] & ~on[1:-5] & on[6:]).mean(axis=1)  # with row 4 of each seven
        for row in np.flatnonzero(begins >= STEPPED) + 4:
            if _is_blurred_bar(off[row:]):
                near = on[row : row + 3].mean(axis=1)
                return first + int(row + np.argmax(near >= 0.8 * near[2]))
    return None


def _is_blurred_bar(off: np.ndarray) -> bool:
    """Whether rows [R, W] that are `off` the paper by so many grey levels are paper and writing."""
    ink = off >= INK
    if len(ink) < 8 or not 0.002 <= ink.mean() <= 0.45:
        return False
    near = ndimage.binary_dilation(ink, np.ones((3, 3)), iterations=2)
    return bool((near | (off <= 2 * LIKE_PAPER)).mean() >= EXPLAINED and _has_letters(ink))


def _has_letters(ink: np.ndarray) -> bool:
    """Whether components of ink [R, W] bool stand side by side in a line, as letters do."""
    boxes = ndimage.find_objects(ndimage.label(ink, np.ones((3, 3)))[0])
    letters = np.array(
        [
            (b[0].start, b[0].stop, b[1].start, b[1].stop)
            for b in boxes
            if 4 <= _length(b[0]) <= 0.9 * len(ink) and _length(b[1]) <= 4 * _length(b[0])
        ]
    )
    if len(letters) < 2:
        return False
    top, bottom, left, right = letters.T
    in_line = (abs(letters[:, None, :2] - letters[:, :2]) <= 1).all(axis=2)
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    np.fill_diagonal(gap, gap.max() + len(ink))
    in_word = (in_line & (gap <= bottom - top)).any(axis=1)
    if in_word.sum() < 5 or in_word.mean() < 0.3:
        return False
    widths = (right - left)[in_word]
    return bool(widths.std() >= 0.2 * widths.mean())  # a row of like particles is no word


def _top_of_step(grey: np.ndarray, row: int, least: int) -> int:
    """Return the row, at most LINE above `row`, in which grey [H, W] is no longer the picture.

    A frame's line or a blurred edge stands out of the medians of the rows higher up, by `least`.
    """
    medians = np.median(grey[row - 12 : row + 4], axis=1)
    picture = medians[: 12 - LINE]
    level = np.median(picture)
    own = max(least, 0.2 * abs(medians[-1] - level), 3 * np.abs(picture - level).max())
    stands_out = np.abs(medians[12 - LINE : 12] - level) > own
    return row - int(np.argmin(np.append(stands_out[::-1], False)))


def _length(extent: slice) -> int:
    return extent.stop - extent.start
