"""Nanometres per pixel: numbers and units as microscopes write them, and what cannot be."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

SQUARE_WITHIN = 0.01
LIMITS_NM = (1e-4, 1e7)  # of a pixel's side; what lies outside is no micrograph
MAX_ASPECT = 10
NM_PER_INCH = 2.54e7
PRINTED_DPI = (72, 96, 150, 200, 300, 600, 1200)  # what programs write that know no scale
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,4})?", re.ASCII)
_METRES = {
    "femto": 1e-6,
    "pico": 1e-3,
    "nano": 1.0,
    "micro": 1e3,
    "milli": 1e6,
    "centi": 1e7,
    "": 1e9,
}
_NM_PER_UNIT = {
    "fm": 1e-6,
    "pm": 1e-3,
    "nm": 1.0,
    "µm": 1e3,
    "um": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "m": 1e9,
    "micron": 1e3,
    "microns": 1e3,
    **dict.fromkeys(("å", "a", "angstrom", "angstroms", "ångström", "ångstrom"), 0.1),
    **{f"{prefix}{metre}": factor for prefix, factor in _METRES.items()
       for metre in ("meter", "meters", "metre", "metres")},
}  # fmt: skip


class UnknownScale(ValueError):
    """Why the pixel size that a file states is not taken, in words for people."""


@dataclass(frozen=True)
class PixelSize:
    """Width and height of a pixel in nanometres, and where they are written, for people."""

    width_nm: float
    height_nm: float
    source: str

    @property
    def aspect(self) -> float:
        """Height over width; 1 where they agree within SQUARE_WITHIN."""
        ratio = self.height_nm / self.width_nm
        return 1.0 if math.isclose(ratio, 1, rel_tol=SQUARE_WITHIN) else ratio


def number(value: object) -> float | None:
    """Return what a file gives as a number, None for what is none or not finite.

    Texts count in plain ASCII notation of at most 40 digits, as `-1.5` or `2.5e-009`.
    """
    if isinstance(value, str | bytes):
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        value = text.strip() if _NUMBER.fullmatch(text.strip()) else math.nan
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def pixel_size(source: str, width: tuple, height: tuple | None = None) -> PixelSize:
    """Return the size that a file states as (value, unit) of one axis or of both.

    Raises UnknownScale where an axis has no length, or none that a pixel can have.
    """
    sides: list[float] = []
    for value, unit in (width, height or width):
        amount, factor = number(value), _NM_PER_UNIT.get(_plain(unit))
        if amount is None or factor is None or amount <= 0:
            stated = f"{str(value)[:20]} {str(unit)[:20]}".strip()
            raise UnknownScale(f"{source} says '{stated}', which is no length")
        sides.append(amount * factor)
        if not LIMITS_NM[0] <= sides[-1] <= LIMITS_NM[1]:
            raise UnknownScale(f"{source} says {sides[-1]:.3g} nm per pixel, which cannot be")
        for dpi in PRINTED_DPI:
            if math.isclose(NM_PER_INCH / sides[-1], dpi, rel_tol=1e-3):
                raise UnknownScale(f"{source} says {dpi} dots per inch, which is for printing")
    if not 1 / MAX_ASPECT <= sides[1] / sides[0] <= MAX_ASPECT:
        raise UnknownScale(f"{source} says pixels of {sides[0]:.3g} x {sides[1]:.3g} nm")
    return PixelSize(sides[0], sides[1], source)


def check_width(source: str, stated: object, width: int) -> None:
    """Raise UnknownScale where the numbers are of a picture that was not `width` pixels wide."""
    pixels = number(stated)
    if stated not in (None, "") and (pixels is None or round(pixels) != width):
        raise UnknownScale(
            f"{source} is of a picture {str(stated)[:20]} pixels wide; this one has {width}"
        )


def _plain(unit: object) -> str:
    """A unit in small letters, with one micro sign, without NCEM's brackets and underscores."""
    text = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit)
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), text)  # of ImageJ
    return text.strip(" []\0").replace("_", "").lower().replace("μ", "µ")
