"""What a segmenter reads from an image, scored against the truth, and the figures of many such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fancgan.evaluation import metrics
from fancgan.evaluation.report import Figure, over_images
from fancgan.particles.matching import Matching


class Pipe(Protocol):
    """The part of `fancgan.Pipeline` that an evaluation uses."""

    threshold: float

    def synthesize(self, mask: NDArray, seed: int = 0, style: NDArray | None = None) -> NDArray: ...

    def segment(self, image: NDArray) -> NDArray: ...

    def instances(self, image: NDArray) -> NDArray: ...


@dataclass(frozen=True)
class Reading:
    """Scores of one predicted mask and label image; `matchings` per IoU 0.50, 0.55, ... 0.95."""

    dice: float
    iou: float
    boundary_f1: float
    matchings: list[Matching]
    count_true: int
    count_read: int
    diameters_true: NDArray
    diameters_read: NDArray


def score(mask: NDArray, labels: NDArray, read_mask: NDArray, read_labels: NDArray) -> Reading:
    """Score a predicted mask and label image [H, W] against the true mask and label image."""
    return Reading(
        dice=metrics.dice(mask, read_mask),
        iou=metrics.iou(mask, read_mask),
        boundary_f1=metrics.boundary_f1(mask, read_mask),
        matchings=metrics.match_labels(labels, read_labels),
        count_true=metrics.particle_count(labels),
        count_read=metrics.particle_count(read_labels),
        diameters_true=metrics.equal_area_diameters(labels),
        diameters_read=metrics.equal_area_diameters(read_labels),
    )


def read(pipe: Pipe, image: NDArray, mask: NDArray, labels: NDArray) -> Reading:
    """Segment the image with the bundle at its own operating point, and score that."""
    return score(mask, labels, pipe.segment(image) > pipe.threshold, pipe.instances(image))


def read_by_threshold(image: NDArray, mask: NDArray, labels: NDArray) -> Reading:
    """The trivial segmenter: Otsu's threshold, connected components; bright or dark particles."""
    from skimage.filters import threshold_otsu
    from skimage.measure import label

    if image.min() == image.max():
        guess = np.zeros(image.shape, bool)
    else:
        bright = image > threshold_otsu(image)
        guess = bright if bright.mean() <= 0.5 else ~bright
    return score(mask, labels, guess, label(guess, connectivity=1))


Groups = list[list[Reading]]


def mean_dice(groups: Groups) -> float:
    return float(np.mean([r.dice for group in groups for r in group]))


def mean_iou(groups: Groups) -> float:
    return float(np.mean([r.iou for group in groups for r in group]))


def mean_boundary_f1(groups: Groups) -> float:
    return float(np.mean([r.boundary_f1 for group in groups for r in group]))


def pooled(groups: Groups, threshold_index: int) -> Matching:
    """Sum of the matchings of all pictures at one IoU threshold."""
    return sum(
        (r.matchings[threshold_index] for group in groups for r in group), Matching(0, 0, 0, 0.0)
    )


def pooled_ap50(groups: Groups) -> float:
    return pooled(groups, 0).average_precision


def pooled_ap50_95(groups: Groups) -> float:
    count = len(metrics.AP_THRESHOLDS)
    return float(np.mean([pooled(groups, k).average_precision for k in range(count)]))


def pooled_quality(groups: Groups) -> float:
    return pooled(groups, 0).panoptic_quality


def count_error(groups: Groups) -> float:
    true = sum(r.count_true for group in groups for r in group)
    return metrics.relative_error(true, sum(r.count_read for group in groups for r in group))


def size_errors(groups: Groups) -> NDArray:
    """Relative errors of D10, D50 and D90, the quantiles of all diameters [3]; nan without any."""
    true = np.concatenate([r.diameters_true for group in groups for r in group])
    read = np.concatenate([r.diameters_read for group in groups for r in group])
    if not len(true) or not len(read):
        return np.full(3, np.nan)
    wanted, found = (np.quantile(sizes, (0.1, 0.5, 0.9)) for sizes in (true, read))
    return found / wanted - 1


def d10_error(groups: Groups) -> float:
    return float(size_errors(groups)[0])


def d50_error(groups: Groups) -> float:
    return float(size_errors(groups)[1])


def d90_error(groups: Groups) -> float:
    return float(size_errors(groups)[2])


_ROWS = {
    "dice": (mean_dice, "Dice of {what}, mean over the images"),
    "iou": (mean_iou, "IoU of {what}, mean over the images"),
    "boundary_f1": (mean_boundary_f1, "F1 of the outlines of {what} within 2 px"),
    "ap50": (pooled_ap50, "particles of {what} matched at IoU 0.5: TP / (TP + FP + FN), >= 20 px"),
    "ap50_95": (pooled_ap50_95, "the same, mean over IoU 0.50 to 0.95"),
    "instance_pq": (pooled_quality, "instance panoptic quality of {what} at IoU 0.5"),
    "count_error": (count_error, "relative error of the particle count of {what}"),
    "d10_error": (
        d10_error,
        "relative error of D10, the 10 % quantile, of {what}",
    ),
    "d50_error": (d50_error, "relative error of the median equal-area diameter of {what}"),
    "d90_error": (d90_error, "relative error of D90, the 90 % quantile, of {what}"),
}


def reading_figures(
    groups: Groups,
    references: dict[str, Groups],
    what: str,
    names: tuple[str, ...] = tuple(_ROWS),
    prefix: str = "",
) -> dict[str, Figure]:
    """Return the named figures of readings grouped by field; intervals are over the fields."""
    figures = {}
    for name in names:
        statistic, meaning = _ROWS[name]
        figures[prefix + name] = over_images(
            meaning.format(what=what),
            groups,
            statistic,
            of="images",
            n=sum(len(group) for group in groups),
            references={key: statistic(other) for key, other in references.items()},
        )
    return figures
