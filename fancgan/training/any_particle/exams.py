"""The pictures that a trained network is examined on: as they are, spoiled, and none at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fancgan.datasets.fields import Field
from fancgan.particles.instances import drop_small
from fancgan.particles.labels import equal_area_diameter
from fancgan.segmentation.finding import MIN_AREA_PX
from fancgan.training.any_particle.pictures import PictureSet, spread
from fancgan.training.any_particle.strange import ground_of, strange_picture

EXAMS = 3  # what the random numbers are drawn for, see pictures.py
SPOILED_LOOKS = 2  # at each image that was kept aside; at one that was trained on one
SPOILED_SHARE = (
    0.6  # of those whose grey levels are worse; the others are at a wrong scale at least
)
WRONG_SCALE_SD = 0.7  # of the natural logarithm
STRANGE_SHARE = 0.5  # pictures without particles for each field
GROUND_SHARE = 0.3  # of these: real ground beside particles
STRANGE_WEIGHT = 0.25  # of one of these, for people give fewer


@dataclass(frozen=True, eq=False)
class Exam:
    """One look at a picture: grey uint8 [H, W], labels int32 [H, W] 1..n of MIN_AREA_PX or more.

    source: what must not be on both sides of a cross-fit. plain: as a person would give it, neither
    spoiled nor strange. aside: the network has not seen it. diameter_px: a wrong one to look by.
    """

    grey: NDArray[np.uint8]
    labels: NDArray[np.int32]
    source: str
    plain: bool
    aside: bool
    diameter_px: float | None = None
    weight: float = 1.0


def draw_exams(sets: Sequence[PictureSet], count: int, seed: int) -> list[Exam]:
    """Return the looks at `count` fields at most, and at half as many pictures without particles.

    Fields that were kept aside come first; then training fields, of each set as many.
    """
    aside = spread([(each, f) for each in sets for f in each.aside], count)
    more = -(-(count - len(aside)) // len(sets))
    seen = [(each, f) for each in sets for f in spread(each.train, more)]
    fields = [(*pair, True) for pair in aside]
    fields += [(*pair, False) for pair in seen[: count - len(aside)]]
    exams = []
    for number, (pictures, field, unseen) in enumerate(fields):
        rng = np.random.default_rng([seed, number, EXAMS])
        exams += _looks_at(rng, field, pictures.source_of(field), unseen)
    wanted = math.ceil(STRANGE_SHARE * len(fields))
    grounds = [(p.source_of(f), ground_of(f.image, f.labels)) for p, f, _ in fields]
    real = [(source, grey) for source, grey in grounds if grey is not None]
    strange = spread(real, round(GROUND_SHARE * wanted))
    for number in range(wanted - len(strange)):
        strange.append(strange_picture(np.random.default_rng([seed, number, EXAMS, 1]), number))
    for source, grey in strange:
        empty = np.zeros(grey.shape, np.int32)
        exams.append(Exam(grey, empty, source, plain=False, aside=True, weight=STRANGE_WEIGHT))
    return exams


def count_exams(exams: Sequence[Exam]) -> dict[str, int]:
    """Return the numbers of pictures by kind, for the record."""
    plain = [exam.aside for exam in exams if exam.plain]
    strange = sum(exam.weight == STRANGE_WEIGHT for exam in exams)
    return {
        "aside": sum(plain),
        "trained_on": len(plain) - sum(plain),
        "without_particles": strange,
    }


def _looks_at(rng: np.random.Generator, field: Field, source: str, aside: bool) -> list[Exam]:
    labels = drop_small(field.labels, MIN_AREA_PX)
    areas = np.bincount(labels.ravel())[1:]
    typical = float(np.median(equal_area_diameter(areas))) if len(areas) else None
    exams = [Exam(field.image, labels, source, plain=True, aside=aside)]
    for _ in range(SPOILED_LOOKS if aside else 1):
        worse = typical is None or rng.random() < SPOILED_SHARE
        grey = _spoiled(rng, field.image) if worse else field.image
        wrong = math.exp(rng.normal(0, WRONG_SCALE_SD))
        given = typical * wrong if typical and (not worse or rng.random() < 0.5) else None
        exams.append(Exam(grey, labels, source, plain=False, aside=aside, diameter_px=given))
    return exams


def _spoiled(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image noisier, blurred, or with little of its contrast left."""
    grey, kind = image.astype(np.float64), rng.integers(3)
    if kind == 0:
        grey = grey + rng.normal(0, rng.uniform(10, 70), grey.shape)
    elif kind == 1:
        grey = gaussian_filter(grey, rng.uniform(1.5, 7))
    else:
        grey = (grey - 128) * rng.uniform(0.05, 0.3) + 128
        grey = grey + rng.normal(0, rng.uniform(3, 15), grey.shape)
    return grey.clip(0, 255).astype(np.uint8)
