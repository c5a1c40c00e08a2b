"""How well a segmentation agrees with the manual one: pixels, outlines, particles, sizes.

Pure functions of arrays. Masks are bool [H, W]; label images are integers [H, W], 0 = background,
one number per particle. Particle scores drop particles below `min_area_px` in both pictures, as the
decoder does. The words (tp / fp / fn, matching, panoptic quality) are those of stardist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.optimize import linear_sum_assignment

from fancgan.instances import drop_small

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
    if not outlines[0].any() and not outlines[1].any():
        return 1.0
    if not outlines[0].any() or not outlines[1].any():
        return 0.0
    precision, recall = (
        float((distance_transform_edt(~near)[line] <= tolerance_px).mean())
        for near, line in (outlines, outlines[::-1])
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def iou_matrix(target: NDArray, pred: NDArray) -> NDArray:
    """Return the IoU of every true with every predicted particle, float64 [n_true, n_pred].

    Both label images are numbered 1..n without a gap (`drop_small` does that).
    """
    _same_shape(target, pred)
    n_true, n_pred = int(target.max(initial=0)), int(pred.max(initial=0))
    pairs = target.astype(np.int64) * (n_pred + 1) + pred
    overlap = np.bincount(pairs.ravel(), minlength=(n_true + 1) * (n_pred + 1))
    overlap = overlap.reshape(n_true + 1, n_pred + 1)
    union = overlap.sum(1, keepdims=True) + overlap.sum(0, keepdims=True) - overlap
    return overlap[1:, 1:] / np.maximum(union[1:, 1:], 1)


@dataclass(frozen=True)
class Matching:
    """One-to-one matches of true and predicted particles at one IoU threshold.

    Matchings of several pictures add up with `+`, so a score over a data set pools its particles.
    """

    tp: int
    fp: int
    fn: int
    iou_sum: float

    def __add__(self, other: Matching) -> Matching:
        return Matching(
            self.tp + other.tp,
            self.fp + other.fp,
            self.fn + other.fn,
            self.iou_sum + other.iou_sum,
        )

    @property
    def average_precision(self) -> float:
        """tp / (tp + fp + fn), as stardist and the Kaggle bowl define it; 1 without particles."""
        total = self.tp + self.fp + self.fn
        return self.tp / total if total else 1.0

    @property
    def panoptic_quality(self) -> float:
        """Sum of matched IoU / (tp + fp / 2 + fn / 2) (Kirillov et al. 2019, eq. 1)."""
        total = self.tp + 0.5 * (self.fp + self.fn)
        return self.iou_sum / total if total else 1.0


def match(overlaps: NDArray, threshold: float = 0.5) -> Matching:
    """Return the largest one-to-one matching with IoU >= threshold.

    overlaps [n_true, n_pred] from `iou_matrix`. Among the largest matchings that of the greatest
    summed IoU is taken, so thresholds below 0.5, where a particle may have two partners, are right.
    """
    n_true, n_pred = overlaps.shape
    good = overlaps >= threshold
    if not good.any():
        return Matching(0, n_pred, n_true, 0.0)
    gain = good + overlaps / (2 * min(n_true, n_pred))
    rows, columns = linear_sum_assignment(gain, maximize=True)
    kept = good[rows, columns]
    tp = int(kept.sum())
    iou_sum = float(overlaps[rows, columns][kept].sum())
    return Matching(tp, n_pred - tp, n_true - tp, iou_sum)


def match_labels(
    target: NDArray,
    pred: NDArray,
    thresholds: tuple[float, ...] = AP_THRESHOLDS,
    min_area_px: int = MIN_AREA_PX,
) -> list[Matching]:
    """Return one Matching per IoU threshold of two label images, small particles dropped."""
    overlaps = iou_matrix(drop_small(target, min_area_px), drop_small(pred, min_area_px))
    return [match(overlaps, t) for t in thresholds]


def ap50(target: NDArray, pred: NDArray, min_area_px: int = MIN_AREA_PX) -> float:
    """Return tp / (tp + fp + fn) at IoU 0.5 of two label images."""
    return match_labels(target, pred, (0.5,), min_area_px)[0].average_precision


def ap50_95(target: NDArray, pred: NDArray, min_area_px: int = MIN_AREA_PX) -> float:
    """Return the mean of tp / (tp + fp + fn) over IoU 0.50, 0.55, ... 0.95."""
    matchings = match_labels(target, pred, min_area_px=min_area_px)
    return float(np.mean([m.average_precision for m in matchings]))


def panoptic_quality(target: NDArray, pred: NDArray, min_area_px: int = MIN_AREA_PX) -> float:
    """Return the instance panoptic quality at IoU 0.5 of two label images."""
    return match_labels(target, pred, (0.5,), min_area_px)[0].panoptic_quality


def particle_count(labels: NDArray, min_area_px: int = MIN_AREA_PX) -> int:
    """Return the number of particles of at least `min_area_px`."""
    return int(drop_small(labels, min_area_px).max(initial=0))


def equal_area_diameters(labels: NDArray, min_area_px: int = MIN_AREA_PX) -> NDArray:
    """Return sqrt(4 A / pi) in pixels of each particle that the frame does not cut, float64 [n]."""
    dense = drop_small(labels, min_area_px)
    areas = np.bincount(dense.ravel()).astype(np.float64)
    areas[0] = 0
    frame = np.concatenate([dense[0], dense[-1], dense[:, 0], dense[:, -1]])
    areas[np.unique(frame)] = 0
    return np.sqrt(4 * areas[areas > 0] / np.pi)


def relative_error(target: float, measured: float) -> float:
    """Return measured / target - 1 (signed); nan where the target is 0."""
    return measured / target - 1 if target else float("nan")
