"""How far the particles found can be trusted, one by one and for the picture as a whole."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fancgan.particles.map_targets import rims
from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.fragments import Fragments
from fancgan.segmentation.joining import compactness, pair_features

SURE = 0.9
PARTICLE_FEATURES = (
    "probability inside",
    "share of surely inside",
    "greatest relief",
    "size against the expected",
    "votes off the middle, in diameters",
    "spread of the votes, in diameters",
    "compactness",
    "size in the maps",
    "size against the typical",
    "outline on the rim",
    "outline inside",
    "share of the rim in contact",
    "likeliest to be one with a neighbour",
    "share of the rim on the frame",
)
PICTURE_FEATURES = (
    "mean confidence of particles",
    "lowest fifth of them",
    "mean confidence by area",
    "unsure pixels against particle pixels",
    "unsure pixels elsewhere",
    "first against second look at the diameter",
    "found against expected diameter",
    "number of particles",
    "coverage",
)


def particle_features(
    maps: NDArray[np.floating],
    particles: Fragments,
    join_classifier: SmallClassifier,
    typical_px: float,
) -> NDArray[np.float64]:
    """Return what speaks for each particle, [n, len(PARTICLE_FEATURES)].

    maps [6, H, W] of the deployed network, particles found in them (from_maps.py), typical_px the
    typical diameter in pixels of the maps.
    """
    labels, count = particles.labels, len(particles.peak)
    flat = labels.ravel()
    sums = particles.sums[1:]
    area = sums[:, 0]
    diameter = np.sqrt(4 * area / np.pi)

    def share(weights: NDArray, among: NDArray | None = None) -> NDArray[np.float64]:
        chosen = labels > 0 if among is None else among
        total = np.bincount(labels[chosen], weights[chosen].astype(float), count)
        return (total / np.maximum(np.bincount(labels[chosen], minlength=count), 1))[1:]

    outline, contact = rims(labels)
    frame = np.zeros(labels.shape, bool)
    frame[[0, -1]] = frame[:, [0, -1]] = True
    vote = sums[:, 6:8] / area[:, None]
    spread = sums[:, 10] / area - (vote**2).sum(1)
    rival = np.zeros(count)
    for (a, b), c in particles.contacts.items():
        value = join_classifier(pair_features(particles, a, b, c))
        rival[a], rival[b] = max(rival[a], value), max(rival[b], value)
    on_frame = np.bincount(flat, frame.ravel(), count)[1:]
    return np.stack(
        [
            sums[:, 9] / area,
            share(maps[0] > SURE),
            particles.peak[1:],
            np.log(diameter) - sums[:, 8] / area,
            np.linalg.norm(vote - sums[:, 1:3] / area[:, None], axis=1) / diameter,
            np.sqrt(np.maximum(spread, 0)) / diameter,
            np.array([compactness(s) for s in sums]) if len(sums) else np.zeros(0),
            np.log(diameter / 10),
            np.log(diameter / typical_px),
            share(maps[1], outline),
            share(maps[1], (labels > 0) & ~outline),
            share(contact, outline),
            rival[1:],
            on_frame / (np.pi * diameter),
        ],
        axis=1,
    )


def picture_features(
    prob: NDArray[np.floating],
    labels: NDArray[np.integer],
    confidence: NDArray[np.float64],
    first_px: float,
    typical_px: float,
) -> list[float]:
    """Return what speaks for the picture, in the order of PICTURE_FEATURES.

    prob [H, W] and labels [H, W] of the particles kept, confidence [n] of each; first_px and
    typical_px: diameter by the first and by the second look, both in pixels of the maps.
    """
    area = np.bincount(labels.ravel(), minlength=len(confidence) + 1)[1:].astype(float)
    inside = labels > 0
    unsure = (prob > 0.15) & (prob < 0.85)
    found = float(np.median(np.sqrt(4 * area / np.pi))) if len(area) else typical_px
    return [
        float(confidence.mean()) if len(area) else 0.0,
        float(np.quantile(confidence, 0.2)) if len(area) else 0.0,
        float((confidence * area).sum() / area.sum()) if len(area) else 0.0,
        math.log((unsure & inside).sum() / max(inside.sum(), 1) + 0.01),
        math.log((unsure & ~inside).sum() / max(inside.sum(), 1) + 0.01),
        abs(math.log(first_px / typical_px)),
        abs(math.log(found / typical_px)),
        math.log(len(area) + 1),
        float(inside.mean()),
    ]
