"""Labels, confidences and sizes together, with maps drawn from known discs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fancgan.particles.map_targets import map_targets
from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.confidence import PARTICLE_FEATURES, PICTURE_FEATURES
from fancgan.segmentation.finding import Judgement, decode_look, find_particles
from fancgan.segmentation.joining import FEATURES
from fancgan.segmentation.looking import look_closely
from tests.support.drawing import draw_discs


def one_unit(names: tuple[str, ...], name: str, slope: float, bias: float) -> SmallClassifier:
    """A classifier that looks at one feature."""
    hidden = np.zeros((len(names) + 1, 1))
    hidden[names.index(name)] = slope
    hidden[-1] = bias
    ones = np.ones(len(names))
    return SmallClassifier(0 * ones, ones, hidden, np.array([5.0]), 0.0)


@pytest.fixture
def judgement() -> Judgement:
    return Judgement(
        join=one_unit(FEATURES, "outline between", -4, 2),
        particle=one_unit(PARTICLE_FEATURES, "probability inside", 8, -6),
        picture=one_unit(PICTURE_FEATURES, "mean confidence of particles", 4, -2),
        least_confidence=0.3,
    )


RADII = (10, 12, 14, 16, 18)


def drawn(doubtful: int | None = None):
    """A picture of 300 x 400 px and a network that is right but for one doubtful particle."""
    labels = draw_discs(300, 400, radii=RADII).labels

    def maps_at(height: int, width: int) -> np.ndarray:
        rows = ((np.arange(height) + 0.5) * 300 / height).astype(int)
        columns = ((np.arange(width) + 0.5) * 400 / width).astype(int)
        small = labels[np.ix_(rows, columns)]
        maps = map_targets(small)
        if doubtful is not None:
            maps[0, small == doubtful] = 0.55
        return maps

    return labels, maps_at


def test_all_are_found_at_the_size_of_the_picture(judgement: Judgement) -> None:
    truth, maps_at = drawn()
    found = find_particles(maps_at, truth.shape, judgement)
    assert found.labels.shape == truth.shape and found.labels.dtype == np.int32
    assert found.labels.max() == len(found.confidence) == len(RADII)
    assert found.diameter_px == pytest.approx(28, rel=0.05)
    assert (found.confidence > 0.9).all() and found.picture_confidence > 0.9
    assert ((found.labels > 0) == (truth > 0)).mean() > 0.99


def test_the_doubtful_are_not_shown(judgement: Judgement) -> None:
    truth, maps_at = drawn(doubtful=3)
    found = find_particles(maps_at, truth.shape, judgement)
    assert found.labels.max() == len(RADII) - 1
    assert not found.labels[truth == 3].any()


def test_small_ones_are_dropped_by_their_size_in_the_picture(judgement: Judgement) -> None:
    truth, maps_at = drawn()
    look = look_closely(maps_at, truth.shape)
    found = decode_look(look, truth.shape, judgement, min_area_px=500)
    assert found.labels.max() == sum(np.pi * r * r > 500 for r in RADII)


def test_nothing_to_find(judgement: Judgement) -> None:
    found = find_particles(lambda h, w: np.zeros((6, h, w), np.float32), (64, 96), judgement)
    assert found.labels.shape == (64, 96) and not found.labels.any()
    assert len(found.confidence) == 0 and found.picture_confidence < 0.5
    assert np.isfinite(found.diameter_px)


def test_a_judgement_survives_a_configuration_file(judgement: Judgement) -> None:
    there = Judgement.from_dict(json.loads(json.dumps(judgement.to_dict())))
    truth, maps_at = drawn(doubtful=2)
    first, second = (find_particles(maps_at, truth.shape, j) for j in (judgement, there))
    assert (first.labels == second.labels).all()
    assert first.picture_confidence == second.picture_confidence
