"""Segmentations scored against the truth, one by one, and the figures of those of many fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fancgan.evaluation import metrics
from fancgan.evaluation.report import Figure, over_images
from fancgan.particles.instances import decode_instances
from fancgan.particles.matching import Matching


class PipelineLike(Protocol):
    """The part of `fancgan.Pipeline` that an evaluation uses."""

    config: dict  # of which "operating_point" is used

    def synthesize(self, mask: NDArray, seed: int = 0, style: NDArray | None = None) -> NDArray: ...

    def segment_with_cores(self, image: NDArray) -> tuple[NDArray, NDArray]: ...


@dataclass(frozen=True)
class SegmentationScores:
    """Scores of one predicted mask and label image; `matchings` per IoU 0.50, 0.55, ... 0.95."""

    dice: float
    iou: float
    boundary_f1: float
    matchings: list[Matching]
    count_true: int
    count_pred: int
    diameters_true: NDArray
    diameters_pred: NDArray


def score_segmentation(
    mask: NDArray, labels: NDArray, pred_mask: NDArray, pred_labels: NDArray
) -> SegmentationScores:
    """Score a predicted mask and label image [H, W] against the true mask and label image."""
    return SegmentationScores(
        dice=metrics.dice(mask, pred_mask),
        iou=metrics.iou(mask, pred_mask),
        boundary_f1=metrics.boundary_f1(mask, pred_mask),
        matchings=metrics.match_labels(labels, pred_labels),
        count_true=metrics.particle_count(labels),
        count_pred=metrics.particle_count(pred_labels),
        diameters_true=metrics.equal_area_diameters(labels),
        diameters_pred=metrics.equal_area_diameters(pred_labels),
    )


def score_bundle(
    pipe: PipelineLike, image: NDArray, mask: NDArray, labels: NDArray
) -> SegmentationScores:
    """Segment the image with the bundle at its own operating point, and score that."""
    prob, core = pipe.segment_with_cores(image)
    point = pipe.config["operating_point"]
    read_labels = decode_instances(prob, core, **point)
    return score_segmentation(mask, labels, prob > point["threshold"], read_labels)


def score_otsu(image: NDArray, mask: NDArray, labels: NDArray) -> SegmentationScores:
    """The trivial segmenter: Otsu's threshold, connected components; bright or dark particles."""
    from skimage.filters import threshold_otsu
    from skimage.measure import label

    bright = image > (threshold_otsu(image) if image.min() < image.max() else image.max())
    guess = bright if bright.mean() <= 0.5 else ~bright
    return score_segmentation(mask, labels, guess, label(guess, connectivity=1))


ScoresByField = list[list[SegmentationScores]]
Statistic = Callable[[ScoresByField], float]


def _each(fields: ScoresByField) -> list[SegmentationScores]:
    return [scores for field in fields for scores in field]


def _mean(name: str) -> Statistic:
    return lambda fields: float(np.mean([getattr(s, name) for s in _each(fields)]))


def pooled_matchings(fields: ScoresByField) -> list[Matching]:
    """Sums of the matchings of all pictures, one per IoU threshold."""
    columns = zip(*(s.matchings for s in _each(fields)), strict=True)
    return [sum(column, Matching(0, 0, 0, 0.0)) for column in columns]


def pooled_ap50(fields: ScoresByField) -> float:
    return pooled_matchings(fields)[0].average_precision


def pooled_ap50_95(fields: ScoresByField) -> float:
    return float(np.mean([m.average_precision for m in pooled_matchings(fields)]))


def count_error(fields: ScoresByField) -> float:
    true = sum(s.count_true for s in _each(fields))
    return metrics.relative_error(true, sum(s.count_pred for s in _each(fields)))


def size_errors(fields: ScoresByField) -> NDArray:
    """Relative errors of D10, D50 and D90, the quantiles of all diameters [3]; nan without any."""
    true = np.concatenate([s.diameters_true for s in _each(fields)])
    pred = np.concatenate([s.diameters_pred for s in _each(fields)])
    if not len(true) or not len(pred):
        return np.full(3, np.nan)
    wanted, found = (np.quantile(sizes, (0.1, 0.5, 0.9)) for sizes in (true, pred))
    return found / wanted - 1


def _size_error(k: int) -> Statistic:
    return lambda fields: float(size_errors(fields)[k])


_FIGURES = {
    "dice": (_mean("dice"), "Dice of {what}, mean over the images"),
    "iou": (_mean("iou"), "IoU of {what}, mean over the images"),
    "boundary_f1": (_mean("boundary_f1"), "F1 of the outlines of {what} within 2 px"),
    "ap50": (pooled_ap50, "particles of {what} matched at IoU 0.5: TP / (TP + FP + FN), >= 20 px"),
    "ap50_95": (pooled_ap50_95, "the same, mean over IoU 0.50 to 0.95"),
    "instance_pq": (
        lambda fields: pooled_matchings(fields)[0].panoptic_quality,
        "instance panoptic quality of {what} at IoU 0.5",
    ),
    "count_error": (count_error, "relative error of the particle count of {what}"),
    "d10_error": (_size_error(0), "relative error of D10, the 10 % quantile, of {what}"),
    "d50_error": (_size_error(1), "relative error of the median equal-area diameter of {what}"),
    "d90_error": (_size_error(2), "relative error of D90, the 90 % quantile, of {what}"),
}


def segmentation_figures(
    fields: ScoresByField,
    references: dict[str, ScoresByField],
    what: str,
    names: tuple[str, ...] = tuple(_FIGURES),
    prefix: str = "",
) -> dict[str, Figure]:
    """Return the named figures of the scores of each field; intervals are over the fields."""
    figures, n = {}, len(_each(fields))
    for name in names:
        statistic, meaning = _FIGURES[name]
        known = {key: statistic(other) for key, other in references.items()}
        figures[prefix + name] = over_images(
            meaning.format(what=what), fields, statistic, "images", n, references=known
        )
    return figures
