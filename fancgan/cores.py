"""The core of each particle: what its segmentation is seeded with."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, label, maximum

CORE_DEPTH = 0.35  # of the greatest depth of the particle
CORE_MARGIN_PX = 2.0
SMALL_CORE_DEPTH = 0.7  # of the greatest depth, where the margin would leave no core


def particle_cores(mask: np.ndarray) -> np.ndarray:
    """Return the cores bool [H, W] of a mask bool [H, W] whose touching particles are parted.

    A pixel belongs to the core of its particle if it lies deeper than CORE_DEPTH of the greatest
    depth in that particle, and than CORE_MARGIN_PX. Two particles in touch thus have cores far
    apart, whatever can be seen of the line between them: parting them is a matter of shape as much
    as of one faint row of pixels. A fragment too thin for the margin has what lies deeper than
    SMALL_CORE_DEPTH of its depth: without a core of its own it would be taken for a part of its
    neighbour. Particles go on beyond the frame.
    """
    depth = distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    particles, count = label(mask)
    greatest = np.zeros(count + 1)
    greatest[1:] = maximum(depth, particles, np.arange(1, count + 1))
    margin = np.minimum(CORE_MARGIN_PX, SMALL_CORE_DEPTH * greatest)
    return mask & (depth > np.maximum(CORE_DEPTH * greatest, margin)[particles])
