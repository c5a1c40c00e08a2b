"""Particles from the six maps of the particle network, in the pixels of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, zoom

from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.fragments import Fragments, cut_into_fragments
from fancgan.segmentation.joining import join, join_score, noise_score

JOIN_THRESHOLD = 0.5
FRINGE_PX = 2  # of the maps: how far an outline may move when it is drawn at a finer scale


def particles_from_maps(
    maps: NDArray[np.floating],
    classifier: SmallClassifier,
    threshold: float = 0.5,
    join_threshold: float = JOIN_THRESHOLD,
) -> Fragments:
    """Return the particles of maps [6, H, W] (deployed.py): labels at their size, and sums.

    threshold on the probability of particle. A higher join_threshold parts more. For all sizes and
    shapes alike: what the depth map takes apart by mistake (rods, rough crystals), the classifier
    joins by the outline between, by where both have their middle, by size and by shape.
    """
    fragments = cut_into_fragments(maps, threshold)
    fragments = join(fragments, noise_score, least=0.0)
    return join(fragments, join_score(classifier), join_threshold)


def at_size(
    labels: NDArray[np.int32],
    prob: NDArray[np.floating],
    shape: tuple[int, int],
    threshold: float = 0.5,
) -> NDArray[np.int32]:
    """Return labels [h, w] at another size, int32 of `shape`.

    The outline against the background follows the interpolated probability, so that it is smooth
    where a picture was reduced; where particles touch it follows the nearest label.
    """
    if labels.shape == shape:
        return labels
    if labels.shape[0] < shape[0]:
        away, nearest = distance_transform_edt(labels == 0, return_indices=True)
        labels = np.where(away <= FRINGE_PX, labels[tuple(nearest)], 0)
    index = [
        np.minimum((np.arange(n) + 0.5) * m / n, m - 1).astype(int)
        for n, m in zip(shape, labels.shape, strict=True)
    ]
    factors = [n / m for n, m in zip(shape, prob.shape, strict=True)]
    fine = zoom(prob.astype(np.float32), factors, order=1, mode="nearest", grid_mode=True)
    return np.where(fine > threshold, labels[np.ix_(*index)], 0).astype(np.int32)
