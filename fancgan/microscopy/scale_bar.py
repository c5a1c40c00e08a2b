"""A scale bar drawn into a picture: its label is read, its length measured.

What is uncertain is refused: a wrong number is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fancgan.microscopy.words import Word, read_words

# A millimetre is read where "nm" stands more often than it is meant.
_LABEL = re.compile(r"(?<![\d.,])(\d{1,4}(?:\.\d{1,2})?)\s?(nm|[uµμ]m)(?![a-z])", re.IGNORECASE)
NICE = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)  # what the first digits of a scale bar are
SURE = 0.8  # confidence of a word, at least
INKS = (12, 55, 105)  # grey levels from black or white that are still ink
MIN_PX = 16
SLACK_PX = 2  # by which the ends of a bar may differ from row to row
THICK = 1 / 3  # of its length, at most
UNEVEN = 20  # grey levels along a bar, at most
CLEAR = 0.8  # share of the rows above and below that differ from the bar, at least
ALIKE = 0.02  # by which two readings of one scale may differ


@dataclass(frozen=True)
class ScaleBar:
    """A bar from (left, row) to (right, row), in pixels of the whole picture, and its label."""

    label: str
    nm: float
    left: float
    right: float
    row: int

    @property
    def length_px(self) -> float:
        return self.right - self.left

    @property
    def nm_per_px(self) -> float:
        return self.nm / self.length_px

    @property
    def reading(self) -> str:
        return f"{self.label} = {self.length_px:.4g} px"

    @property
    def words(self) -> str:
        """Return for example "200 nm = 83 px, so 2.41 nm per pixel"."""
        return f"{self.reading}, so {self.nm_per_px:.4g} nm per pixel"


@dataclass(frozen=True)
class _Line:
    """A level line of one ink: rows [top, bottom), columns [left, right)."""

    top: int
    bottom: int
    left: int
    right: int
    bright: bool

    @property
    def length(self) -> int:
        return self.right - self.left


def find_scale_bar(grey: NDArray[np.uint8]) -> ScaleBar | None:
    """Return the scale bar of grey [H, W], the whole picture with its info bar; None without one.

    Also None where label or bar are in doubt, or where several contradict each other. Raises
    UserError where the package that reads the label is missing (words.py).
    """
    return bar_of(grey, read_words(grey))


def bar_of(grey: NDArray[np.uint8], words: Sequence[Word]) -> ScaleBar | None:
    """Return the scale bar of grey [H, W] whose label is among the words; see find_scale_bar."""
    labels = [label for word in _joined(words) for label in _labels_of(word)]
    bars = []
    for label, nm, box in labels:
        lines = _lines_of(grey, box)
        if not lines:
            continue
        if max(line.length for line in lines) > 1.04 * min(line.length for line in lines) + 4:
            return None
        line = max(lines, key=lambda line: line.length)
        left, right = _ends(grey, line)
        bars.append(ScaleBar(label, nm, left, right, int(line.top + line.bottom) // 2))
    scales = [bar.nm_per_px for bar in bars]
    if not bars or max(scales) > (1 + ALIKE) * min(scales):
        return None
    return bars[0]


def _joined(words: Sequence[Word]) -> list[Word]:
    """Return the words, and each number with a unit that stands behind it on its line."""
    found = list(words)
    for one in words:
        for other in words:
            height = min(one.bottom - one.top, other.bottom - other.top)
            level = abs(one.top + one.bottom - other.top - other.bottom) <= 0.6 * height
            if one.text[-1:].isdigit() and level and abs(other.left - one.right) <= height:
                top, bottom = min(one.top, other.top), max(one.bottom, other.bottom)
                sure = min(one.confidence, other.confidence)
                text = one.text + " " + other.text
                found.append(Word(text, sure, top, bottom, one.left, other.right))
    return found


def _labels_of(word: Word) -> Iterator[tuple[str, float, Word]]:
    """Yield (label, nanometres, its part of the word) of each length that a bar may have."""
    if word.confidence < SURE:
        return
    for found in _LABEL.finditer(word.text):
        number, unit = found[1], found[2].lower()
        value = float(number)
        digits = value / 10 ** np.floor(np.log10(value)) if value else 0
        if (number[0] == "0" and "." not in number) or not np.isclose(digits, NICE).any():
            continue
        per_letter = (word.right - word.left) / len(word.text)
        left, right = (round(word.left + per_letter * k) for k in found.span())
        name, factor = ("nm", 1.0) if unit == "nm" else ("µm", 1000.0)
        place = Word(found[0], word.confidence, word.top, word.bottom, left, right)
        yield f"{value:g} {name}", factor * value, place


def _lines_of(grey: NDArray[np.uint8], label: Word) -> list[_Line]:
    """Return the lines that may be the bar of a label, of the label's own ink if there are some."""
    height = label.bottom - label.top
    top, bottom = max(0, label.top - 2 * height), min(len(grey), label.bottom + 2 * height)
    band = grey[top:bottom]
    found = []
    for bright in (True, False):
        for level in INKS:
            ink = band >= 255 - level if bright else band <= level
            lines = [
                _Line(line.top + top, line.bottom + top, line.left, line.right, bright)
                for line in _level_lines(ink, bright)
                if _is_even(band, line)
            ]
            found += _around(lines, label) or [line for line in lines if _belongs(line, label)]
    found = [line for line in found if _stands_out(grey, line)]
    own = [line for line in found if line.bright == _is_bright(grey, label)]
    return own or [line for line in found if not _is_ground(grey, line, label)]


def _level_lines(ink: NDArray[np.bool_], bright: bool) -> list[_Line]:
    """Return the runs of ink [R, W] that have the same ends in some rows that follow each other."""
    edges = np.diff(np.pad(ink, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges > 0)
    ends = np.nonzero(edges < 0)[1]
    long = ends - starts >= MIN_PX // 2
    done: list[_Line] = []
    open_lines: list[_Line] = []
    for row, left, right in zip(rows[long], starts[long], ends[long], strict=True):
        for k, line in enumerate(open_lines):
            apart = max(abs(line.left - left), abs(line.right - right))
            if line.bottom == row and apart <= SLACK_PX:
                wide = (line.left, line.right) if line.length >= right - left else (left, right)
                open_lines[k] = _Line(line.top, row + 1, int(wide[0]), int(wide[1]), bright)
                break
        else:
            done += [line for line in open_lines if line.bottom < row]
            open_lines = [line for line in open_lines if line.bottom >= row]
            open_lines.append(_Line(int(row), int(row) + 1, int(left), int(right), bright))
    return done + open_lines


def _is_even(grey: NDArray[np.uint8], line: _Line) -> bool:
    """Whether a line is of one grey level along its length: no particle prolongs it."""
    inside = grey[line.top : line.bottom, line.left + 2 : line.right - 2].mean(axis=0)
    return float(np.abs(inside - np.median(inside)).max()) <= UNEVEN


def _around(lines: list[_Line], label: Word) -> list[_Line]:
    """Return the lines that a label interrupts: two of equal length, to its left and its right."""
    height = label.bottom - label.top
    whole = []
    for one in lines:
        for other in lines:
            same_row = abs(one.top - other.top) <= SLACK_PX and _is_level(one, label)
            near = -0.3 * height <= label.left - one.right <= height
            near &= -0.3 * height <= other.left - label.right <= height
            alike = abs(one.length - other.length) <= 0.25 * max(one.length, other.length)
            if same_row and near and alike and one.right < other.left:
                top, bottom = max(one.top, other.top), min(one.bottom, other.bottom)
                whole.append(_Line(top, max(bottom, top + 1), one.left, other.right, one.bright))
    return whole


def _belongs(line: _Line, label: Word) -> bool:
    """Whether a line is as long as a bar and lies over, under or beside a label, as its bar is."""
    height, width = label.bottom - label.top, label.right - label.left
    thick = line.bottom - line.top
    if line.length < max(MIN_PX, 0.5 * height) or thick > THICK * line.length:
        return False
    shared = min(line.right, label.right) - max(line.left, label.left)
    if shared >= 0.8 * min(line.length, width):
        above, below = label.top - line.bottom, line.top - label.bottom
        return -0.3 * height <= max(above, below) <= 0.8 * height
    return -0.3 * height <= -shared <= 1.5 * height and _is_level(line, label)


def _is_level(line: _Line, label: Word) -> bool:
    """Whether a line lies at half the height of a label, as one beside it does."""
    return abs(line.top + line.bottom - label.top - label.bottom) <= 0.5 * (
        label.bottom - label.top
    )


def _stands_out(grey: NDArray[np.uint8], line: _Line) -> bool:
    """Whether a line differs from what is above and below and beyond its ends, within the frame."""
    if line.left < SLACK_PX or line.right > grey.shape[1] - SLACK_PX:
        return False  # the frame may cut it
    ink = int(np.median(grey[line.top : line.bottom, line.left : line.right]))
    far = np.abs(grey.astype(np.int16) - ink) >= 40
    columns = slice(line.left + 2, line.right - 2)
    for rows in (range(line.top - 4, line.top - 1), range(line.bottom + 1, line.bottom + 4)):
        inside = [row for row in rows if 0 <= row < len(grey)]
        if inside and max(far[row, columns].mean() for row in inside) < CLEAR:
            return False
    own = far[line.top : line.bottom]
    beyond = (slice(max(0, line.left - 5), line.left - 1), slice(line.right + 1, line.right + 5))
    return all(own[:, ends].mean() >= CLEAR for ends in beyond if own[:, ends].size)


def _is_bright(grey: NDArray[np.uint8], label: Word) -> bool:
    """Whether the letters of a label are brighter than their ground, of which there is more."""
    inside = grey[label.top : label.bottom, label.left : label.right]
    low, high = (float(level) for level in np.quantile(inside, (0.02, 0.98)))
    return float(np.median(inside)) < (low + high) / 2


def _is_ground(grey: NDArray[np.uint8], line: _Line, label: Word) -> bool:
    """Whether a line is a strip of the box that a label is written on."""
    inside = grey[label.top : label.bottom, label.left : label.right]
    ground = np.quantile(inside, 0.8 if line.bright else 0.2)  # some of it is letters, or beyond
    ink = np.median(grey[line.top : line.bottom, line.left : line.right])
    return bool(abs(float(ground) - float(ink)) < 40)


def _ends(grey: NDArray[np.uint8], line: _Line) -> tuple[float, float]:
    """Return where the profile of a line falls to half its height, to parts of a pixel."""
    profile = grey[line.top : line.bottom].mean(axis=0)
    ink = float(np.median(profile[line.left : line.right]))

    def end(at: int, step: int) -> float:
        beyond = [x for x in range(at + 2 * step, at + 6 * step, step) if 0 <= x < len(profile)]
        half = (ink + float(np.median(profile[beyond]))) / 2 if beyond else ink
        for x in range(at - 2 * step, at + 3 * step, step):
            here, there = profile[x], profile[min(max(x + step, 0), len(profile) - 1)]
            if (here - half) * (there - half) <= 0 and here != there:
                return x + step * float((here - half) / (here - there)) + 0.5
        return at + 0.5 + 0.5 * step

    return end(line.left, -1), end(line.right - 1, 1)
