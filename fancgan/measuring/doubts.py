"""Where a model does not trust its own outlines: which, and why there are no statistics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fancgan.measuring.predicting import NOTHING, Seen
from fancgan.segmentation.finding import Found
from fancgan.segmentation.prediction import LookPrediction

LOOKS_APART = 1.5  # factor between the diameters of the first and of the last look
BUSY_GROUND = 0.3  # of the area of the particles: ground that is half particle
HELP = "Look at the outlines: another diameter, a cleaner region or another model may help."


def doubt_of(seen: Seen, found: Found) -> str:
    """Return why statistics are withheld, in one or two sentences; "" where they are not."""
    prediction, confidence = seen.prediction, found.picture_confidence
    if not isinstance(prediction, LookPrediction) or confidence is None:
        return ""
    if not found.labels.any():
        return f"{NOTHING} {HELP}"
    if confidence >= prediction.judgement.least_picture_confidence:
        return ""
    return (
        f"The model trusts these outlines little (confidence {confidence:.2f}): "
        f"{_reason(prediction, found)}. {HELP}"
    )


def _reason(prediction: LookPrediction, found: Found) -> str:
    look = prediction.look
    apart = abs(math.log(look.first_diameter_px / look.diameter_px))
    if apart > math.log(LOOKS_APART):
        sizes = f"{look.first_diameter_px:.3g} px at first sight, then {look.diameter_px:.3g} px"
        return f"it is unsure of the size of the particles ({sizes})"
    ground = prediction.prob[found.labels == 0]
    if (ground > 0.15).sum() > BUSY_GROUND * np.count_nonzero(found.labels):
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
