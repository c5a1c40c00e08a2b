"""How particles lie to each other: nearest neighbours, and the radial distribution function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

BINS = 40
REACH = 6.0  # how far pairs are counted, in mean spacings 1 / sqrt(particles per area)
MAX_PAIRS = 5_000_000


@dataclass(frozen=True, eq=False)
class Field:
    """The particles that a frame [height, width] holds whole.

    centres: [n, 2] as (x, y). boxes: [n, 4] as left, top, right, bottom, the last two exclusive.
    All lengths are in one unit.
    """

    width: float
    height: float
    centres: NDArray
    boxes: NDArray

    @property
    def chances(self) -> NDArray:
        """1 / ((W - Fx)(H - Fy)): the places where a box fits in; their sum estimates number
        per area without bias, however large the particles are (Miles and Lantuejoul)."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return 1 / ((self.width - sides[:, 0]) * (self.height - sides[:, 1]))

    @property
    def density(self) -> float:
        """Particles per area."""
        return float(self.chances.sum())

    @property
    def squared_density(self) -> float:
        """The square of `density`, without the pairs that a particle would be with itself."""
        return float(self.density**2 - (self.chances**2).sum())


def nearest_neighbours(centres: NDArray) -> NDArray[np.float64]:
    """Return the distance from each of centres [n, 2] to the nearest other one; NaN if alone."""
    if len(centres) < 2:
        return np.full(len(centres), np.nan)
    return cKDTree(centres).query(centres, k=2)[0][:, 1]


def neighbour_weights(
    distances: NDArray, centres: NDArray, width: float, height: float
) -> NDArray[np.float64]:
    """Return W H / ((W - 2 d)(H - 2 d)) for distances [n] to nearest neighbours, [n].

    0 where the frame is nearer than the neighbour, as a nearer one may lie outside; the others
    stand for these (Hanisch 1984). centres: [n, 2] as (x, y) from the corner of the frame.
    """
    to_frame = np.minimum(centres, np.array([width, height]) - centres).min(axis=1, initial=np.inf)
    places = (width - 2 * distances) * (height - 2 * distances)
    seen = (distances <= to_frame) & (places > 0)
    return np.where(seen, width * height / np.where(seen, places, 1.0), 0.0)


def radial_distribution(fields: Iterable[Field]) -> tuple[NDArray, NDArray]:
    """Return (distances r [k + 1], the radial distribution function g [k] between them).

    g(r) is how many more pairs lie r apart than if all lay anywhere: 1 far away, 0 where no two
    can be. Pairs that a frame may hide are stood for by others: each counts with the inverse of
    the number of places at which the box around both fits into the frame, which is the translation
    correction (Ohser 1983; Stoyan and Stoyan 1994) for particles that have an extent. Empty where
    there are fewer than two particles.
    """
    found = [
        (f.width * f.height, f.density, f.squared_density, min(f.width, f.height), len(f.centres))
        for f in fields
    ]
    pairs_expected = sum(size * squared for size, _, squared, _, _ in found)
    if not pairs_expected > 0:
        return np.zeros(1), np.zeros(0)
    area = sum(size for size, *_ in found)
    spacing = (area / sum(size * density for size, density, *_ in found)) ** 0.5
    side = min(side for *_, side, _ in found)
    reach = min(REACH * spacing, side / 2)
    particles = sum(count for *_, count in found)
    reach = min(reach, spacing * (2 * MAX_PAIRS / (np.pi * particles)) ** 0.5)
    edges = np.linspace(0, reach, BINS + 1)
    counted = np.zeros(BINS)
    for field in fields:
        counted += field.width * field.height * _pair_density(field, edges)
    return edges, counted / pairs_expected


def _pair_density(field: Field, edges: NDArray) -> NDArray:
    """The density of ordered pairs per area squared, between edges [k + 1] of their distance."""
    first, second = cKDTree(field.centres).query_pairs(edges[-1], output_type="ndarray").T
    apart = np.hypot(*(field.centres[first] - field.centres[second]).T)
    low = np.minimum(field.boxes[first, :2], field.boxes[second, :2])
    high = np.maximum(field.boxes[first, 2:], field.boxes[second, 2:])
    both = high - low
    places = (field.width - both[:, 0]) * (field.height - both[:, 1])
    seen = np.histogram(apart, edges, weights=2 / places)[0]
    return seen / (np.pi * np.diff(edges**2))
