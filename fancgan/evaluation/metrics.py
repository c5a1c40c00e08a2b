"""How well a segmentation agrees with the manual one: pixels, outlines, particles, sizes.

Pure functions of arrays. Masks are bool [H, W]; label images are integers [H, W], 0 = background,
one number per particle. Particle scores drop particles below `min_area_px` in both pictures, as the
decoder does. The words (tp / fp / fn, matching, panoptic quality) are those of stardist.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.stats import spearmanr

from fancgan.particles.instances import drop_small
from fancgan.particles.labels import equal_area_diameter
from fancgan.particles.matching import Matching, iou_matrix, match

MIN_AREA_PX = 20
AP_THRESHOLDS = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2))


def _same_shape(target: NDArray, pred: NDArray) -> None:
    if target.shape != pred.shape or target.ndim != 2:
        raise ValueError(f"expected two pictures [H, W] alike, got {target.shape}, {pred.shape}")


def dice(target: NDArray, pred: NDArray) -> float:
    """Return 2 |A and B| / (|A| + |B|) of two masks; 1 where both are empty."""
    _same_shape(target, pred)
    a, b = target.astype(bool), pred.astype(bool)
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def iou(target: NDArray, pred: NDArray) -> float:
    """Return |A and B| / |A or B| of two masks; 1 where both are empty."""
    _same_shape(target, pred)
    a, b = target.astype(bool), pred.astype(bool)
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0


def boundary_f1(target: NDArray, pred: NDArray, tolerance_px: float = 2.0) -> float:
    """Return the F1 score of the outlines within a tolerance (Csurka et al., BMVC 2013).

    The outline of a mask is its own pixels that touch the background by an edge; the frame is none.
    Precision is the share of predicted outline pixels no further than `tolerance_px` from a true
    one, recall the reverse. Both outlines empty: 1; only one of them: 0.
    """
    _same_shape(target, pred)
    outlines = [m & ~binary_erosion(m, border_value=1) for m in (target > 0, pred > 0)]
    if not outlines[0].any() or not outlines[1].any():
        return float(outlines[0].any() == outlines[1].any())
    precision, recall = (
        float((distance_transform_edt(~near)[line] <= tolerance_px).mean())
        for near, line in (outlines, outlines[::-1])
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def match_labels(
    target: NDArray,
    pred: NDArray,
    thresholds: tuple[float, ...] = AP_THRESHOLDS,
    min_area_px: int = MIN_AREA_PX,
) -> list[Matching]:
    """Return one Matching per IoU threshold of two label images, small particles dropped."""
    overlaps = iou_matrix(drop_small(target, min_area_px), drop_small(pred, min_area_px))
    return [match(overlaps, t) for t in thresholds]


def right_particles(
    target: NDArray, pred: NDArray, min_area_px: int = MIN_AREA_PX
) -> NDArray[np.bool_]:
    """Return whether each predicted particle has IoU >= 0.5 with a true one, [pred.max()].

    pred is numbered 1..n without a gap. Particles below `min_area_px` are dropped from target.
    """
    overlaps = iou_matrix(drop_small(target, min_area_px), pred)
    return overlaps.max(axis=0, initial=0) >= AP_THRESHOLDS[0]


def particle_count(labels: NDArray, min_area_px: int = MIN_AREA_PX) -> int:
    """Return the number of particles of at least `min_area_px`."""
    return int(drop_small(labels, min_area_px).max(initial=0))


def equal_area_diameters(labels: NDArray, min_area_px: int = MIN_AREA_PX) -> NDArray:
    """Return sqrt(4 A / pi) in pixels of each particle that the frame does not cut, float64 [n]."""
    dense = drop_small(labels, min_area_px)
    areas = np.bincount(dense.ravel()).astype(np.float64)
    areas[np.concatenate([[0], dense[0], dense[-1], dense[:, 0], dense[:, -1]])] = 0
    return equal_area_diameter(areas[areas > 0])


def typical_diameter(labels: NDArray, min_area_px: int = MIN_AREA_PX) -> float:
    """Return the median equal-area diameter in pixels, particles cut by the frame too; 0 of none.

    A picture of a few large particles may have none that the frame does not cut.
    """
    areas = np.bincount(drop_small(labels, min_area_px).ravel())[1:]
    return float(np.median(equal_area_diameter(areas))) if len(areas) else 0.0


def rank_correlation(x: NDArray, y: NDArray) -> float:
    """Return Spearman's rank correlation of x [n] and y [n]; nan below 3 or where one is even."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(spearmanr(x, y)[0])


def relative_error(target: float, measured: float) -> float:
    """Return measured / target - 1 (signed); nan where the target is 0."""
    return measured / target - 1 if target else float("nan")
