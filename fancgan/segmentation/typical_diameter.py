"""How large the typical particle is, and the size at which a picture is looked at therefore.

The network says of every pixel how large the particle is that it belongs to. One look at the
reduced picture gives the typical diameter; a second look follows at the scale at which that is
CANONICAL_PX, where the network was trained most. Pixel sizes in nm play no part.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CANONICAL_PX = 36.0
OVERVIEW_PX = 256  # longest side of the first look, and the least of any
MAX_DIAMETER_PX = 10_000
MAX_PIXELS = 1_200_000
LEAST_TYPICAL_PX = 30.0  # what typical particles have at least, as long as MOST_PIXELS allows it
MOST_PIXELS = 8_000_000
MAX_SCALE = 4.0
MIN_SIDE_PX = 32
MIN_PARTICLE_PX = 12  # fewer pixels than that say nothing: the likeliest ones are asked instead
LIKELIEST_SHARE = 0.005


def typical_diameter(
    prob: NDArray[np.floating], log_diameter: NDArray[np.floating], threshold: float = 0.5
) -> float:
    """Return the median diameter by particle, in pixels of the maps [H, W].

    prob in [0, 1], log_diameter natural logarithm of the diameter of the particle at each pixel. A
    particle of diameter d has about d^2 pixels, so each pixel counts 1 / d^2: a few large
    particles do not outvote many small ones.
    """
    inside = prob > threshold
    if np.count_nonzero(inside) < MIN_PARTICLE_PX:
        inside = prob >= min(threshold, float(np.quantile(prob, 1 - LIKELIEST_SHARE)))
    values = log_diameter[inside].astype(np.float64)
    weights = np.exp(-2 * values) * np.maximum(prob[inside], 1e-6)
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(np.exp(values[order][np.searchsorted(total, total[-1] / 2)]))


def overview_scale(shape: tuple[int, int]) -> float:
    """Return the factor of the first look at a picture of height and width `shape`; 1 at most."""
    return min(1.0, OVERVIEW_PX / max(shape))


def working_scale(
    shape: tuple[int, int],
    diameter_px: float,
    max_pixels: float = MAX_PIXELS,
    canonical_px: float = CANONICAL_PX,
) -> float:
    """Return the factor at which particles of diameter_px become CANONICAL_PX.

    Never below OVERVIEW_PX for the longest side, never above MAX_SCALE, and above max_pixels in all
    only for a large picture of small particles.
    """
    if not diameter_px > 0:
        raise ValueError(f"a diameter is greater than 0 px, not {diameter_px}")
    height, width = shape
    least = OVERVIEW_PX / max(shape)
    affordable = math.sqrt(max_pixels / (height * width))
    needed = min(LEAST_TYPICAL_PX / diameter_px, math.sqrt(MOST_PIXELS / (height * width)), 1.0)
    most = min(MAX_SCALE, max(affordable, needed))
    return float(np.clip(canonical_px / diameter_px, least, max(most, least)))


def scaled_size(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return height and width at that scale, at least MIN_SIDE_PX each."""
    return (
        max(MIN_SIDE_PX, round(shape[0] * scale)),
        max(MIN_SIDE_PX, round(shape[1] * scale)),
    )
