"""From a picture's maps to the particles that are shown, with a confidence for each and for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.confidence import particle_features, picture_features
from fancgan.segmentation.from_maps import JOIN_THRESHOLD, at_size, particles_from_maps
from fancgan.segmentation.looking import Look, MapsAt, look_closely
from fancgan.segmentation.typical_diameter import MAX_PIXELS

MIN_AREA_PX = 20
LEAST_CONSIDERED = 0.1  # confidence of particles that speak for or against their picture


@dataclass(frozen=True)
class Judgement:
    """What was learned about maps, for one set of weights: it travels with them.

    join: whether two fragments are one particle; particle: whether a particle is right (IoU of 0.5
    with a true one); picture: the F1 score that the picture will have. Particles of less than
    `least_confidence` are not shown; below `least_picture_confidence` outlines are doubtful.
    """

    join: SmallClassifier
    particle: SmallClassifier
    picture: SmallClassifier
    least_confidence: float
    threshold: float = 0.5
    least_picture_confidence: float = 0.5

    def to_dict(self) -> dict:
        return {
            "join": self.join.to_dict(),
            "particle": self.particle.to_dict(),
            "picture": self.picture.to_dict(),
            "least_confidence": self.least_confidence,
            "threshold": self.threshold,
            "least_picture_confidence": self.least_picture_confidence,
        }

    @classmethod
    def from_dict(cls, values: dict) -> Judgement:
        parts = {n: SmallClassifier.from_dict(values[n]) for n in ("join", "particle", "picture")}
        return cls(
            **parts,
            least_confidence=float(values["least_confidence"]),
            threshold=float(values["threshold"]),
            least_picture_confidence=float(values.get("least_picture_confidence", 0.5)),
        )


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for a picture or a part of it, at the scale of the maps [h, w].

    prob, labels [h, w] of the particles considered, confidence [n] of each; first_px, typical_px:
    diameter by the first and by the last look. least: the score below which outlines are doubtful.
    """

    prob: NDArray[np.floating]
    labels: NDArray[np.integer]
    confidence: NDArray[np.float64]
    first_px: float
    typical_px: float
    picture: SmallClassifier
    least: float

    def score(self, where: NDArray[np.bool_] | None = None) -> float:
        """Return the F1 score to expect, of the part where [H, W] is true; None: of all.

        A particle belongs to the part in which most of it lies.
        """
        prob, labels, confidence = self.prob, self.labels, self.confidence
        if where is not None:
            rows, columns = (
                np.minimum(((np.arange(n) + 0.5) * full / n).astype(int), full - 1)
                for n, full in zip(labels.shape, where.shape, strict=True)
            )
            part = where[np.ix_(rows, columns)]
            size = np.bincount(labels.ravel(), minlength=len(confidence) + 1)[1:]
            own = np.bincount(labels[part], minlength=len(confidence) + 1)[1:]
            kept = 2 * own > size
            prob, labels, confidence = prob[part], numbers_of(kept)[labels[part]], confidence[kept]
        features = picture_features(prob, labels, confidence, self.first_px, self.typical_px)
        return self.picture(features)


@dataclass(frozen=True, eq=False)
class Found:
    """Labels int32 [H, W], 0 = background, 1..n, and how far they can be trusted.

    confidence float64 [n] of each particle; picture_confidence: the F1 score to expect.
    diameter_px: the median of the particles found; first_diameter_px: what the first look said, or
    a person. All of these are None where the segmenter does not know. evidence: what
    picture_confidence was judged by.
    """

    labels: NDArray[np.int32]
    confidence: NDArray[np.float64] | None = None
    picture_confidence: float | None = None
    diameter_px: float | None = None
    first_diameter_px: float | None = None
    evidence: Evidence | None = None


def find_particles(
    maps_at: MapsAt,
    shape: tuple[int, int],
    judgement: Judgement,
    *,
    diameter_px: float | None = None,
    max_pixels: float = MAX_PIXELS,
) -> Found:
    """Find the particles of a picture of height and width `shape`.

    maps_at: the deployed network on that picture (looking.py). diameter_px of the typical particle,
    where a person knows better.
    """
    return decode_look(look_closely(maps_at, shape, diameter_px, max_pixels), shape, judgement)


def decode_look(
    look: Look,
    shape: tuple[int, int],
    judgement: Judgement,
    *,
    threshold: float | None = None,
    join_threshold: float = JOIN_THRESHOLD,
    min_area_px: int = MIN_AREA_PX,
    overlays: NDArray[np.bool_] | None = None,
) -> Found:
    """Find the particles in what was seen of a picture of height and width `shape`.

    threshold on the probability, None is the judgement's. A higher join_threshold parts more.
    Particles below min_area_px picture pixels are dropped, and what lies mostly in overlays
    [H, W], where words and scale bars are burnt in.
    """
    threshold = judgement.threshold if threshold is None else threshold
    typical = look.diameter_px * look.scale
    particles = particles_from_maps(look.maps, judgement.join, threshold, join_threshold)
    labels = at_size(particles.labels, look.maps[0], shape, threshold)
    features = particle_features(look.maps, particles, judgement.join, typical)
    confidence = np.array([judgement.particle(row) for row in features])
    area = np.bincount(labels.ravel(), minlength=len(confidence) + 1)[1:]
    considered = (confidence >= LEAST_CONSIDERED) & (area >= min_area_px)
    if overlays is not None and overlays.any():
        considered &= 2 * np.bincount(labels[overlays], minlength=len(area) + 1)[1:] <= area
    kept = considered & (confidence >= judgement.least_confidence)
    first = look.first_diameter_px * look.scale
    seen = (numbers_of(considered)[particles.labels], confidence[considered])
    # A copy: the other maps may be forgotten.
    judges = (judgement.picture, judgement.least_picture_confidence)
    evidence = Evidence(look.maps[0].copy(), *seen, first, typical, *judges)
    found = float(np.median(np.sqrt(4 * area[kept] / np.pi))) if kept.any() else look.diameter_px
    shown = numbers_of(kept)[labels]
    sure = (confidence[kept], evidence.score())
    return Found(shown, *sure, found, look.first_diameter_px, evidence)


def numbers_of(kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the new number of each label 0..n where of 1..n only those `kept` [n] stay."""
    number = np.zeros(len(kept) + 1, np.int32)
    number[1:] = np.cumsum(kept) * kept
    return number
