"""One micrograph as reference and as truth: its left half, and a square of its right half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, uniform_filter

from fancgan.datasets.fields import Field

SIDE_PX = 256
INSIDE_PX, OUTSIDE_PX = 2, 4  # from the outline: rim, halo and blur are no part of a level
LEAST_PX = 50
NEAR, NEAR_NOISE = 0.15, 0.2  # of the contrast; of the noise
SMOOTH_PX = 7  # noise is what a mean over as many pixels squared leaves


@dataclass(frozen=True, eq=False)
class Part:
    """Grey levels uint8 [H, W] and particle numbers int [H, W] of a part of a micrograph."""

    image: NDArray[np.uint8]
    labels: NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Halves:
    """reference: the left half. beside: the square of it next to the middle. truth: that of the
    right half next to the frame, which shares no pixel with the reference.
    """

    stem: str
    reference: Part
    beside: Part
    truth: Part


@dataclass(frozen=True)
class Levels:
    """Grey levels of ground and particles, and the deviation of the ground's noise; nan: none."""

    ground: float
    particle: float
    noise: float

    @property
    def contrast(self) -> float:
        return self.particle - self.ground

    def same_side(self, other: Levels) -> bool:
        """Whether particles are on the same side of their ground, brighter or darker."""
        return self.contrast * other.contrast > 0

    def near(self, other: Levels) -> bool:
        """Whether both levels of the other lie within 15 % of this contrast."""
        reach = NEAR * abs(self.contrast)
        off = abs(other.ground - self.ground), abs(other.particle - self.particle)
        return max(off) <= reach

    def as_noisy(self, other: Levels) -> bool:
        """Whether the noise of the other is within 20 % of this."""
        return abs(other.noise - self.noise) <= NEAR_NOISE * self.noise


def halves_of(fields: Sequence[Field], side: int = SIDE_PX) -> list[Halves]:
    """Return the halves of those fields that are wide enough and show particles in both.

    side: of the squares, in pixels.
    """
    found = []
    for field in fields:
        height, width = field.image.shape
        if height < side or width < 2 * side:
            continue
        middle, top = width // 2, (height - side) // 2
        rows = slice(top, top + side)
        parts = [
            Part(field.image[at], _numbered(field.labels[at]))
            for at in (
                np.s_[:, :middle],
                np.s_[rows, middle - side : middle],
                np.s_[rows, width - side :],
            )
        ]
        if parts[0].labels.any() and parts[2].labels.any():
            found.append(Halves(field.stem, *parts))
    return found


def levels_of(image: NDArray[np.uint8], labels: NDArray[np.integer]) -> Levels:
    """Return the levels of a picture, away from outlines where there is room for that."""
    grey, mask = image.astype(float), labels > 0
    particle = _inner(mask, INSIDE_PX)
    ground = _inner(~mask, OUTSIDE_PX)
    noise = (grey - uniform_filter(grey, SMOOTH_PX))[ground]
    means = [float(grey[at].mean()) if at.any() else np.nan for at in (ground, particle)]
    return Levels(means[0], means[1], float(noise.std()) if ground.any() else np.nan)


def spectrum(image: NDArray[np.uint8], side: int = 128) -> NDArray[np.float64]:
    """Return the power [side / 2] of a picture by frequency, mean over Hann windows that overlap.

    From two periods a window up to the Nyquist frequency along an axis, means over rings.
    """
    window = np.hanning(side)[:, None] * np.hanning(side)
    power = np.zeros((side, side))
    grey = image.astype(float)
    for top in range(0, grey.shape[0] - side + 1, side // 2):
        for left in range(0, grey.shape[1] - side + 1, side // 2):
            part = grey[top : top + side, left : left + side]
            power += np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2
    frequency = np.fft.fftfreq(side)
    ring = (np.hypot(frequency[:, None], frequency) * side).round().astype(int)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    return mean[2 : side // 2 + 1]


def _numbered(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """Number the particles of a part anew, without the gaps that others left."""
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape) + (labels.min() > 0)


def _inner(region: NDArray[np.bool_], px: int) -> NDArray[np.bool_]:
    inner = binary_erosion(region, iterations=px)
    return inner if inner.sum() > LEAST_PX else region
