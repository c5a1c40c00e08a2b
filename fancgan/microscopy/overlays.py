"""Graphics burnt into a picture: words and scale bars of saturated grey, where no particle is."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

DARK, BRIGHT = 12, 243  # grey levels of ink: at most, at least
SMALLEST, TALLEST = 6, 0.12  # height of a letter: pixels, share of the picture's shorter side
STROKE = 0.45  # thickness of a letter's strokes over its height, at most
NOISE = 0.02  # components of one ink a pixel: more are noise
MOST_LETTERS = 500  # of one ink: more are texture
MOST_BARS = 3  # of one ink: more are rods
MARGIN = 3  # pixels around a word or a bar, where its edge is blurred
INK = 64  # grey levels between a letter and nearly all that surrounds it, at least
CONTRAST = 40  # grey levels between a scale bar and what lies above and below, at least


def find_overlays(grey: np.ndarray) -> np.ndarray:
    """Return where words and scale bars are burnt into grey [H, W] uint8, as a mask bool [H, W].

    Ink is nearly black or nearly white. Two letters or more, with thin strokes, side by side on
    one line make a word; a full, flat rectangle that lies level is a scale bar. The boxes around
    both are marked. Single letters and grey ink are left out: particles look like them.
    """
    mask = np.zeros(grey.shape, bool)
    for ink in (grey >= BRIGHT, grey <= DARK):
        for top, bottom, left, right in _boxes(grey, ink):
            mask[max(0, top - MARGIN) : bottom + MARGIN, max(0, left - MARGIN) : right + MARGIN] = 1
    return mask


def _boxes(grey: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return the boxes [n, 4] (top, bottom, left, right) of letters of words, and of scale bars."""
    labels, count = ndimage.label(ink, np.ones((3, 3)))
    if count > NOISE * ink.size:
        return np.empty((0, 4), int)
    found = np.array(
        [(r.start, r.stop, c.start, c.stop) for r, c in ndimage.find_objects(labels)], int
    ).reshape(-1, 4)
    area = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    height, width = found[:, 1] - found[:, 0], found[:, 3] - found[:, 2]
    fill = area / (height * width)
    bars = (width >= 24) & (width >= 4 * height) & (fill >= 0.95) & (height >= 2)
    bars &= height <= 0.06 * min(grey.shape)
    bars[bars] = [_stands_out(grey, box) for box in found[bars]]
    if np.count_nonzero(bars) > MOST_BARS:
        bars[:] = False
    sized = (height >= SMALLEST) & (height <= TALLEST * min(grey.shape)) & (width <= 1.5 * height)
    letters = np.flatnonzero(sized & (width >= 2))
    if len(letters) > MOST_LETTERS:
        return found[bars]
    boxes = found[letters]
    kinds = np.array(
        [_kind(grey, labels, int(n) + 1, box) for n, box in zip(letters, boxes, strict=True)],
        np.int64,
    )
    return np.concatenate([found[bars], boxes[_in_words(boxes, kinds)]])


def _kind(grey: np.ndarray, labels: np.ndarray, number: int, box: np.ndarray) -> int:
    """Return 0 for what is no letter, 1 for one straight stroke (1, l), 2 for a bent one (n, 0).

    A convex particle meets each row and each column once; a letter has rows or columns that meet
    two strokes. Texture is no letter, because its surroundings are nearly as bright or dark.
    """
    top, bottom, left, right = box
    near = np.s_[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3]
    own = labels[near] == number
    stroke = 2 * ndimage.distance_transform_cdt(np.pad(own, 1), "chessboard").max() - 1
    around = grey[near][~ndimage.binary_dilation(own, np.ones((5, 5)))]
    level = np.median(grey[near][own])
    if stroke > STROKE * (bottom - top) or around.size == 0:
        return 0
    if (np.abs(around.astype(int) - level) >= INK).mean() < 0.9:
        return 0
    bent = False
    for axis in (0, 1):
        strokes = np.count_nonzero(np.diff(own.astype(np.int8), axis=axis, prepend=0) > 0, axis)
        bent |= bool((strokes[strokes > 0] >= 2).mean() >= 0.3)
    return 2 if bent else 1


def _stands_out(grey: np.ndarray, box: np.ndarray) -> bool:
    """Whether the rows beyond a box's two long sides differ from it over nearly all its length."""
    top, bottom, left, right = box
    level = np.median(grey[top:bottom, left:right])
    beyond = [grey[row, left:right] for row in (top - 4, bottom + 3) if 0 <= row < len(grey)]
    return all((np.abs(row.astype(int) - level) >= CONTRAST).mean() >= 0.9 for row in beyond)


def _in_words(boxes: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return which of the boxes [n, 4] of the given kinds are letters of a word: bool [n]."""
    top, bottom, left, right = boxes.T
    height = bottom - top
    smaller = np.minimum.outer(height, height)
    beside = np.abs(np.subtract.outer(bottom, bottom)) <= np.maximum(1, 0.08 * smaller)
    beside &= smaller >= 0.55 * np.maximum.outer(height, height)
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    np.fill_diagonal(beside, False)
    touching = beside & (gap >= -1) & (gap <= 0.5 * smaller)
    words = (kinds >= 1) & (touching & (kinds == 2)).any(axis=1)
    for _ in range(3):  # what stands on the line of a word, a space apart
        words |= (kinds >= 1) & (beside & (gap <= 1.2 * smaller) & words).any(axis=1)
    return words
