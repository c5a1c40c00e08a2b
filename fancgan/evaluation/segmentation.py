"""Segmentations scored against the truth, one by one, and the figures of those of many fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fancgan.evaluation import metrics
from fancgan.evaluation.distances import auc
from fancgan.evaluation.report import Figure, over_images
from fancgan.particles.matching import Matching
from fancgan.segmentation.finding import Found
from fancgan.segmentation.prediction import Prediction

GOOD = 0.5  # F1 and AP50 from which the segmentation of a picture serves
NEAR = 0.25  # relative error of a typical diameter that still serves


class PipelineLike(Protocol):
    """The part of `fancgan.Pipeline` that an evaluation uses."""

    config: dict
    paints: bool  # whether there is a generator

    @property
    def threshold(self) -> float: ...

    def synthesize(self, mask: NDArray, seed: int = 0, style: NDArray | None = None) -> NDArray: ...

    def predict(self, image: NDArray) -> Prediction: ...


@dataclass(frozen=True)
class SegmentationScores:
    """Scores of one predicted mask and label image; `matchings` per IoU 0.50, 0.55, ... 0.95.

    diameters in pixels, of particles that the frame does not cut; typical ones: medians of all.
    Of a segmenter that says how far it trusts itself: confidence in the picture,
    particle_confidence [n] and particle_right bool [n], whether the particle matches a true one.
    """

    dice: float
    iou: float
    boundary_f1: float
    matchings: list[Matching]
    count_true: int
    count_pred: int
    diameters_true: NDArray
    diameters_pred: NDArray
    typical_true: float
    typical_pred: float
    confidence: float | None = None
    particle_confidence: NDArray | None = None
    particle_right: NDArray | None = None

    @property
    def ap50(self) -> float:
        return self.matchings[0].average_precision

    @property
    def ap50_95(self) -> float:
        return float(np.mean([m.average_precision for m in self.matchings]))

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN) at IoU 0.5; 1 without particles."""
        m = self.matchings[0]
        return 2 * m.tp / (2 * m.tp + m.fp + m.fn) if m.tp + m.fp + m.fn else 1.0

    @property
    def mean_confidence(self) -> float | None:
        """0 where nothing was found."""
        if self.particle_confidence is None:
            return None
        return float(self.particle_confidence.mean()) if len(self.particle_confidence) else 0.0

    def to_dict(self) -> dict:
        """Return what is reported of one picture, plain JSON types."""
        names = ("dice", "ap50", "ap50_95", "f1", "count_true", "count_pred")
        sizes = {"diameter_true_px": self.typical_true, "diameter_pred_px": self.typical_pred}
        trust = ("confidence", "mean_confidence")
        said = {name: getattr(self, name) for name in trust if self.confidence is not None}
        return {name: getattr(self, name) for name in names} | sizes | said


def score_segmentation(
    mask: NDArray, labels: NDArray, pred_mask: NDArray, found: NDArray | Found
) -> SegmentationScores:
    """Score a predicted mask and particles [H, W] against the true mask and label image."""
    said = found if isinstance(found, Found) else Found(found)
    right = None if said.confidence is None else metrics.right_particles(labels, said.labels)
    return SegmentationScores(
        dice=metrics.dice(mask, pred_mask),
        iou=metrics.iou(mask, pred_mask),
        boundary_f1=metrics.boundary_f1(mask, pred_mask),
        matchings=metrics.match_labels(labels, said.labels),
        count_true=metrics.particle_count(labels),
        count_pred=metrics.particle_count(said.labels),
        diameters_true=metrics.equal_area_diameters(labels),
        diameters_pred=metrics.equal_area_diameters(said.labels),
        typical_true=metrics.typical_diameter(labels),
        typical_pred=metrics.typical_diameter(said.labels),
        confidence=said.picture_confidence,
        particle_confidence=said.confidence,
        particle_right=right,
    )


def read_image(pipe: PipelineLike, image: NDArray) -> tuple[NDArray, Found]:
    """Return the particle pixels bool [H, W] and the particles that the bundle finds by itself.

    Where it leaves out particles that it doubts, their pixels are left out too.
    """
    prediction = pipe.predict(image)
    found = prediction.decode()
    doubts = found.confidence is not None
    return found.labels > 0 if doubts else prediction.prob > pipe.threshold, found


ScoresByField = list[list[SegmentationScores]]
Statistic = Callable[[ScoresByField], float]


def _each(fields: ScoresByField) -> list[SegmentationScores]:
    return [scores for field in fields for scores in field]


def _mean(name: str) -> Statistic:
    return lambda fields: float(np.mean([getattr(s, name) for s in _each(fields)]))


def by_source(
    scores: Sequence[list[SegmentationScores]], stems: Sequence[str], sources: Mapping[str, str]
) -> ScoresByField:
    """Put the scores of fields of one source together: pictures of a paper are not independent.

    sources: {stem: source}; a stem that it lacks is a source of its own.
    """
    groups: ScoresByField = []
    place: dict[str, int] = {}
    for stem, row in zip(stems, scores, strict=True):
        number = place.setdefault(sources.get(stem, stem), len(groups))
        if number == len(groups):
            groups.append([])
        groups[number] += row
    return groups


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


def _errors(true: str, pred: str) -> Callable[[ScoresByField], NDArray]:
    """Sizes of the relative errors, one per image that has particles; nan where none has."""

    def errors(fields: ScoresByField) -> NDArray:
        pairs = [(getattr(s, true), getattr(s, pred)) for s in _each(fields)]
        return np.abs([metrics.relative_error(*pair) for pair in pairs if pair[0]] or [np.nan])

    return errors


_count_errors = _errors("count_true", "count_pred")
_typical_errors = _errors("typical_true", "typical_pred")

_FIGURES = {
    "dice": (_mean("dice"), "Dice of {what}, mean over the images"),
    "iou": (_mean("iou"), "IoU of {what}, mean over the images"),
    "boundary_f1": (_mean("boundary_f1"), "F1 of the outlines of {what} within 2 px"),
    "ap50": (pooled_ap50, "particles of {what} matched at IoU 0.5: TP / (TP + FP + FN), >= 20 px"),
    "ap50_mean": (_mean("ap50"), "AP50 of {what}, mean over the images"),
    "ap50_share": (
        lambda fields: float(np.mean([s.ap50 >= GOOD for s in _each(fields)])),
        f"share of {{what}} with an AP50 of {GOOD} or more",
    ),
    "ap50_95": (pooled_ap50_95, "the same as ap50, mean over IoU 0.50 to 0.95"),
    "ap50_95_mean": (_mean("ap50_95"), "AP over IoU 0.50 to 0.95 of {what}, mean over the images"),
    "instance_pq": (
        lambda fields: pooled_matchings(fields)[0].panoptic_quality,
        "instance panoptic quality of {what} at IoU 0.5",
    ),
    "count_error": (count_error, "relative error of the particle count of {what}"),
    "image_count_error": (
        lambda fields: float(np.median(_count_errors(fields))),
        "size of the relative error of the particle count of {what}, median over the images",
    ),
    "d10_error": (_size_error(0), "relative error of D10, the 10 % quantile, of {what}"),
    "d50_error": (_size_error(1), "relative error of the median equal-area diameter of {what}"),
    "d90_error": (_size_error(2), "relative error of D90, the 90 % quantile, of {what}"),
    "typical_error": (
        lambda fields: float(np.median(_typical_errors(fields))),
        "size of the relative error of an image's median diameter, median over {what}",
    ),
    "typical_share": (
        lambda fields: float(np.mean(_typical_errors(fields) <= NEAR)),
        f"share of {{what}} whose median diameter is right within {100 * NEAR:.0f} %",
    ),
}


def segmentation_figures(
    fields: ScoresByField,
    references: dict[str, ScoresByField],
    what: str,
    names: tuple[str, ...] = tuple(_FIGURES),
    prefix: str = "",
    of: str = "images",
) -> dict[str, Figure]:
    """Return the named figures of the scores of each field; intervals are over the fields.

    The fields may be put together (`by_source`): intervals are then over the sources.
    """
    figures, n = {}, len(_each(fields))
    for name in names:
        statistic, meaning = _FIGURES[name]
        known = {key: statistic(other) for key, other in references.items()}
        bounds = (0.0, 1.0) if name.endswith("_share") else None
        figures[prefix + name] = over_images(
            meaning.format(what=what), fields, statistic, of, n, references=known, bounds=bounds
        )
    return figures


def _judged(name: str, fields: ScoresByField) -> tuple[NDArray, NDArray]:
    """The confidence of that name and the F1 score of each image."""
    each = _each(fields)
    return np.array([getattr(s, name) for s in each], float), np.array([s.f1 for s in each])


def _particle_confidences(fields: ScoresByField) -> tuple[NDArray, NDArray]:
    """The confidence of each particle found, and whether it is right."""
    each = _each(fields)
    values = np.concatenate([s.particle_confidence for s in each])
    return values, np.concatenate([s.particle_right for s in each])


def _auc(values: NDArray, good: NDArray) -> float:
    return auc(values[good], values[~good]) if 0 < good.sum() < len(good) else float("nan")


def confidence_figures(fields: ScoresByField, of: str = "images") -> dict[str, Figure]:
    """Return what the confidences say of what they judge; none without confidences."""
    each = _each(fields)
    if any(s.confidence is None or s.particle_confidence is None for s in each):
        return {}
    figures = {}
    good = sum(s.f1 >= GOOD for s in each)
    for name, words in (
        ("confidence", "confidence in the picture"),
        ("mean_confidence", "mean confidence of a picture's particles"),
    ):

        def picture_auc(rows: ScoresByField, name: str = name) -> float:
            values, f1 = _judged(name, rows)
            return _auc(values, f1 >= GOOD)

        def rank(rows: ScoresByField, name: str = name) -> float:
            return metrics.rank_correlation(*_judged(name, rows))

        classes = f"{good} such pictures, {len(each) - good} others"
        meaning = f"AUC of the {words} for an F1 score of {GOOD} or more: {classes}"
        figures[f"{name}_auc"] = over_images(
            meaning, fields, picture_auc, of, len(each), bounds=(0, 1)
        )
        meaning = f"rank correlation of the {words} with its F1 score"
        figures[f"{name}_rank"] = over_images(meaning, fields, rank, of, len(each), bounds=(-1, 1))
    right = _particle_confidences(fields)[1]
    figures["particle_confidence_auc"] = over_images(
        "AUC of a particle's confidence for an IoU of 0.5 or more with a true one: "
        f"{right.sum()} such particles, {(~right).sum()} others",
        fields,
        lambda rows: _auc(*_particle_confidences(rows)),
        "particles",
        len(right),
        bounds=(0, 1),
    )
    return figures
