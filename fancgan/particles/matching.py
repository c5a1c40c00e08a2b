"""Which particles of two label images are the same: by overlap, one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def iou_matrix(target: NDArray, pred: NDArray) -> NDArray:
    """Return the IoU of every true with every predicted particle, float64 [n_true, n_pred].

    Both label images are numbered 1..n without a gap (`drop_small` does that).
    """
    if target.shape != pred.shape or target.ndim != 2:
        raise ValueError(f"expected two pictures [H, W] alike, got {target.shape}, {pred.shape}")
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
    from scipy.optimize import linear_sum_assignment

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
