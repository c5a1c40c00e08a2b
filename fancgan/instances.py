"""Particles from the segmenter's two maps: seeds, then a watershed that parts those that touch."""

from __future__ import annotations

import numpy as np
from skimage.measure import label
from skimage.segmentation import watershed


def decode_instances(
    prob: np.ndarray,
    core: np.ndarray,
    threshold: float = 0.5,
    core_threshold: float = 0.5,
    min_area_px: int = 20,
) -> np.ndarray:
    """Return instance labels int32 [H, W]: 0 = background, particles 1..n without gaps.

    prob, core: float [H, W] in [0, 1], the probability of "particle" and of "particle at least
    two pixels from its outline". Every connected piece of core > core_threshold is the seed of
    one particle; the seeds grow over prob > threshold, through probable pixels first, so that
    they meet on the faint line between two particles. A piece of the mask without a seed (a
    particle too small to have a core) stays one particle. Particles below min_area_px are
    dropped. Labels of touching particles may meet without a pixel of background between them.
    """
    if prob.ndim != 2 or prob.shape != core.shape:
        raise ValueError(f"prob and core must be two equal maps, not {prob.shape}, {core.shape}")
    mask = prob > threshold
    seeds = label(mask & (core > core_threshold), connectivity=1)
    # 256 levels are enough to order the flooding, and integers sort faster than floats.
    relief = 255 - np.round(127.5 * (prob + core)).astype(np.int32)
    labels = watershed(relief, markers=seeds, mask=mask, connectivity=1)
    rest = label(mask & (labels == 0), connectivity=1)
    labels = np.where(rest > 0, rest + labels.max(), labels)
    return drop_small(labels, min_area_px)


def drop_small(labels: np.ndarray, min_area_px: int) -> np.ndarray:
    """Return labels int32 [H, W] without the particles below min_area_px, renumbered 1..n."""
    area = np.bincount(labels.ravel())
    keep = area >= min_area_px
    keep[0] = False
    renumbered = np.cumsum(keep, dtype=np.int32) * keep
    return renumbered[labels].astype(np.int32)
