"""Particles from the segmenter's two maps: seeds, then a watershed that parts those that touch."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import label
from skimage.segmentation import watershed

SMOOTH_PX = 1.0  # of the cores: single pixels are no particles
LEVEL_STEP, TOP_LEVEL = 0.1, 0.95  # beyond that a probability is certainty, and noise


def decode_instances(
    prob: np.ndarray,
    core: np.ndarray,
    threshold: float = 0.5,
    core_threshold: float = 0.5,
    min_area_px: int = 20,
    min_core_px: int = 40,
) -> np.ndarray:
    """Return instance labels int32 [H, W]: 0 = background, particles 1..n without gaps.

    prob, core: float [H, W] in [0, 1], the probability of "particle" and of "inner part of a
    particle" (core_targets.py). The cores, found by `core_seeds`, are the seeds of one particle
    each; they grow over prob > threshold, through probable pixels first, so that they meet on the
    faint line between two particles. A piece of the mask without a seed (a particle too small to
    have a core) stays one particle. Particles below min_area_px are dropped. Labels of touching
    particles may meet without a pixel of background between them.
    """
    if prob.ndim != 2 or prob.shape != core.shape:
        raise ValueError(f"prob and core must be two equal maps, not {prob.shape}, {core.shape}")
    mask = prob > threshold
    seeds = core_seeds(np.where(mask, core, 0), core_threshold, min_core_px)
    # 256 levels are enough to order the flooding, and integers sort faster than floats.
    relief = 255 - np.round(127.5 * (prob + core)).astype(np.int32)
    labels = watershed(relief, markers=seeds, mask=mask, connectivity=1)
    rest = label(mask & (labels == 0), connectivity=1)
    labels = np.where(rest > 0, rest + labels.max(), labels)
    return drop_small(labels, min_area_px)


def core_seeds(core: np.ndarray, threshold: float, min_core_px: int) -> np.ndarray:
    """Return the seeds int32 [H, W], 0 = none, of a map of core probabilities [H, W].

    Every connected piece of core > threshold is a seed, unless it comes apart at a higher level
    into two or more pieces of min_core_px each: then these are (and so on upwards). One threshold
    for all either joins particles that touch or loses the faint ones.
    """
    core = np.where(core > 0, gaussian_filter(core.astype(np.float32), SMOOTH_PX), 0)
    seeds = label(core > threshold, connectivity=1)
    for level in np.arange(threshold + LEVEL_STEP, TOP_LEVEL, LEVEL_STEP):
        pieces = label((seeds > 0) & (core > level), connectivity=1)
        area = np.bincount(pieces.ravel())
        parent = np.zeros(len(area), np.int64)
        parent[pieces.ravel()] = seeds.ravel()
        large = area >= min_core_px
        large[0] = False
        children = np.bincount(parent[large], minlength=seeds.max() + 1)
        splits = children >= 2
        kept = large & splits[parent]
        numbers = np.cumsum(kept) * kept
        seeds = np.where(splits[seeds], 0, seeds)
        seeds = np.where(kept[pieces], seeds.max() + numbers[pieces], seeds)
    return drop_small(seeds, min_area_px=1)


def drop_small(labels: np.ndarray, min_area_px: int) -> np.ndarray:
    """Return labels int32 [H, W] without the particles below min_area_px, renumbered 1..n."""
    area = np.bincount(labels.ravel())
    keep = area >= min_area_px
    keep[0] = False
    renumbered = np.cumsum(keep, dtype=np.int32) * keep
    return renumbered[labels].astype(np.int32)
