"""Where a model does not trust its own outlines: which, and why there are no statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fancgan.errors import UserError
from fancgan.measuring.predicting import NOTHING, Seen
from fancgan.measuring.settings import Settings
from fancgan.microscopy.regions import measured_area
from fancgan.segmentation.finding import Found
from fancgan.segmentation.prediction import LookPrediction

LOOKS_APART = 1.5  # factor between the diameters of the first and of the last look
BUSY_GROUND = 0.3  # of the area of the particles: ground that is half particle
HELP = "Look at the outlines: another diameter, a cleaner region or another model may help."


@dataclass(frozen=True, eq=False)
class Judged:
    """Particles of a whole field before corrections, and what is to be thought of them.

    confidence: the F1 score to expect of those measured. written: boxes (x, y, width, height) of
    words and scale bars in the picture. where: the part [H, W] that is measured by the regions of
    the settings, None without one.
    """

    found: Found
    warnings: tuple[str, ...] = ()
    confidence: float | None = None
    doubt: str = ""
    written: tuple[list[int], ...] = ()
    where: NDArray[np.bool_] | None = None


def judge(seen: Seen, settings: Settings, found: Found | None = None) -> Judged:
    """Find the particles, unless they are given as found, and judge those that are measured.

    Raises UserError where the regions of the settings leave nothing of the picture.
    """
    found = found or seen.find(settings)
    where = None
    if settings.regions:
        where = measured_area(found.labels.shape, settings.regions, top_rows=seen.top_rows)
        if not where.any():
            raise UserError("These regions leave nothing of the picture to measure.")
    trust, doubt = confidence_of(seen, found, where), doubt_of(seen, found, where)
    return Judged(found, seen.warnings, trust, doubt, tuple(seen.boxes(settings)), where)


def doubt_of(seen: Seen, found: Found, where: NDArray[np.bool_] | None = None) -> str:
    """Return why statistics are withheld, in one or two sentences; "" where they are not.

    where [H, W]: the part that is measured, None is all.
    """
    prediction, confidence = seen.prediction, confidence_of(seen, found, where)
    if not isinstance(prediction, LookPrediction) or confidence is None:
        return ""
    if not found.labels.any():
        return f"{NOTHING} {HELP}"
    if confidence >= prediction.judgement.least_picture_confidence:
        return ""
    return (
        f"The model trusts these outlines little (confidence {confidence:.2f}): "
        f"{_reason(prediction, found.labels[seen.top_rows :])}. {HELP}"
    )


def confidence_of(seen: Seen, found: Found, where: NDArray[np.bool_] | None = None) -> float | None:
    """Return the F1 score to expect of the outlines in the part where [H, W]; None is all."""
    if where is None or found.evidence is None:
        return found.picture_confidence
    return found.evidence.score(where[seen.top_rows :])


def _reason(prediction: LookPrediction, labels: NDArray[np.integer]) -> str:
    look = prediction.look
    apart = abs(math.log(look.first_diameter_px / look.diameter_px))
    if apart > math.log(LOOKS_APART):
        sizes = f"{look.first_diameter_px:.3g} px at first sight, then {look.diameter_px:.3g} px"
        return f"it is unsure of the size of the particles ({sizes})"
    ground = prediction.prob[labels == 0]
    if (ground > 0.15).sum() > BUSY_GROUND * np.count_nonzero(labels):
        return "much of the ground looks half like particles"
    return "they are unlike those of the particles that it knows"


def kept_confidence(found: Found, labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the confidence of each label of labels [H, W] by its number, [labels.max() + 1].

    NaN where a particle is no longer as it was found: a person has corrected it.
    """
    assert found.confidence is not None
    count = int(labels.max(initial=0)) + 1
    before = np.concatenate([[np.nan], found.confidence])
    area = np.bincount(labels.ravel(), minlength=count)
    same = np.bincount(labels[labels == found.labels], minlength=count)
    whole = np.bincount(found.labels.ravel(), minlength=max(count, len(before)))
    kept = np.full(count, np.nan)
    known = np.arange(1, min(count, len(before)))
    untouched = known[(area[known] == same[known]) & (area[known] == whole[known])]
    kept[untouched] = before[untouched]
    return kept
