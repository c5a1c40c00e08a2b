"""The core of each particle: what its segmentation is seeded with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, grey_dilation, label, maximum

from fancgan.particles.labels import equal_area_diameter

CORE_DEPTH = 0.35  # of the greatest depth of the particle
WAISTED_CORE_DEPTHS = (0.25, 0.18, 0.12, 0.0)  # where CORE_DEPTH would leave several cores
CORE_MARGIN_PX = 2.0
SMALL_CORE_DEPTH = 0.5  # of the greatest depth, where the margin would leave no core
SMALL_WEIGHT = 2.0  # at most
SMALL_REACH_PX = 2  # around a particle: the line beside it and the rim of its neighbour


def particle_cores(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cores bool [H, W] of a mask bool [H, W] whose touching particles are parted.

    A pixel belongs to the core of its particle if it lies deeper than CORE_DEPTH of the greatest
    depth in that particle, and than CORE_MARGIN_PX. Two particles in touch thus have cores far
    apart, whatever can be seen of the line between them: parting them is a matter of shape as much
    as of one faint row of pixels. A fragment too thin for the margin has what lies deeper than
    SMALL_CORE_DEPTH of its depth: without a core of its own it would be taken for a part of its
    neighbour. Every particle has one core: that of one with a waist reaches less deep, so that it
    stays in one piece, or else is the largest piece. Particles go on beyond the frame.
    """
    depth = distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    particles, count = label(mask)
    greatest = np.zeros(count + 1)
    greatest[1:] = maximum(depth, particles, np.arange(1, count + 1))
    margin = np.minimum(CORE_MARGIN_PX, SMALL_CORE_DEPTH * greatest)

    def deeper_than(share: float) -> NDArray[np.bool_]:
        return mask & (depth > np.maximum(share * greatest, margin)[particles])

    cores = np.zeros_like(mask)
    left = np.arange(count + 1) > 0
    for share in (CORE_DEPTH, *WAISTED_CORE_DEPTHS):
        found = deeper_than(share) & left[particles]
        _, pieces_in, _ = _pieces_of(found, particles, count)
        whole = pieces_in == 1
        cores |= found & whole[particles]
        left &= ~whole
        if not left.any():
            return cores
    return cores | _largest_pieces(deeper_than(CORE_DEPTH) & left[particles], particles, count)


def _pieces_of(
    cores: NDArray[np.bool_], particles: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the labelled pieces, how many each particle has, and the particle of each piece."""
    pieces, number = label(cores)
    owner = np.zeros(number + 1, np.int64)
    owner[pieces.ravel()] = particles.ravel()
    return pieces, np.bincount(owner[1:], minlength=count + 1), owner


def _largest_pieces(
    cores: NDArray[np.bool_], particles: NDArray[np.int32], count: int
) -> NDArray[np.bool_]:
    pieces, _, owner = _pieces_of(cores, particles, count)
    area = np.bincount(pieces.ravel())
    largest = np.zeros(count + 1, np.int64)
    by_area = 1 + np.argsort(area[1:], kind="stable")
    largest[owner[by_area]] = by_area
    return (pieces > 0) & (pieces == largest[particles])


def small_particle_weights(labels: NDArray[np.integer], typical_px: float) -> NDArray[np.float32]:
    """Return how much each pixel counts when cores are learned: float32 [H, W], 1 and more.

    Near a particle (SMALL_REACH_PX) whose equal-area diameter is below typical_px: the ratio of
    the two, at most SMALL_WEIGHT. Few pixels belong to small fragments; counted alike, these go
    unseen, and the smallest sizes of a distribution with them.
    """
    area = np.bincount(labels.ravel())
    weight = np.ones(len(area), np.float32)
    present = area > 0
    weight[present] = np.clip(typical_px / equal_area_diameter(area[present]), 1, SMALL_WEIGHT)
    weight[0] = 1
    return grey_dilation(weight[labels], size=2 * SMALL_REACH_PX + 1)
