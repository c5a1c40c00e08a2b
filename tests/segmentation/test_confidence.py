"""Confidence: what a clear particle and a clear picture look like beside doubtful ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fancgan.particles.map_targets import map_targets
from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.confidence import (
    PARTICLE_FEATURES,
    PICTURE_FEATURES,
    particle_features,
    picture_features,
)
from fancgan.segmentation.fragments import cut_into_fragments
from fancgan.segmentation.joining import FEATURES, join, noise_score
from tests.support.drawing import draw_discs

RADII = (8, 10, 12, 14)


def constant(features: int, probability: float) -> SmallClassifier:
    zeros, ones = np.zeros(features), np.ones(features)
    bias = float(np.log(probability / (1 - probability)))
    return SmallClassifier(zeros, ones, np.zeros((features + 1, 1)), np.zeros(1), bias)


def features_of(maps: np.ndarray, typical_px: float = 22.0) -> np.ndarray:
    particles = join(cut_into_fragments(maps), noise_score, 0)
    return particle_features(maps, particles, constant(len(FEATURES), 0.3), typical_px)


def column(table: np.ndarray, name: str) -> np.ndarray:
    return table[:, PARTICLE_FEATURES.index(name)]


def test_perfect_maps_agree_with_themselves() -> None:
    table = features_of(map_targets(draw_discs(radii=RADII).labels))
    assert table.shape == (len(RADII), len(PARTICLE_FEATURES))
    assert np.isfinite(table).all()
    assert np.allclose(column(table, "probability inside"), 1)
    assert np.allclose(column(table, "outline on the rim"), 1)
    for name in ("size against the expected", "votes off the middle, in diameters"):
        assert np.abs(column(table, name)).max() < 0.05, name
    diameters = np.sort(np.exp(column(table, "size in the maps")) * 10)
    assert np.allclose(diameters, np.multiply(2, RADII), rtol=0.05)
    assert (column(table, "likeliest to be one with a neighbour") == 0).all()


def test_a_particle_that_is_not_as_expected_shows_it() -> None:
    labels = draw_discs(radii=RADII).labels
    maps = map_targets(labels)
    odd = labels == 2
    maps[0, odd] = 0.6
    maps[3, odd] += np.log(3)
    maps[4, odd] += 0.5
    table = features_of(maps)
    odd_row = int(column(table, "probability inside").argmin())
    for name in ("size against the expected", "votes off the middle, in diameters"):
        assert np.abs(column(table, name)).argmax() == odd_row, name


def test_neighbours_are_rivals() -> None:
    labels = np.zeros((40, 60), np.int32)
    labels[10:30, 10:30], labels[10:30, 30:50] = 1, 2
    table = features_of(map_targets(labels))
    assert len(table) == 2
    assert np.allclose(column(table, "likeliest to be one with a neighbour"), 0.3)
    assert (column(table, "share of the rim in contact") > 0.2).all()


def test_no_particles() -> None:
    assert features_of(np.zeros((6, 32, 32), np.float32)).shape == (0, len(PARTICLE_FEATURES))
    values = picture_features(np.zeros((32, 32)), np.zeros((32, 32), int), np.zeros(0), 30.0, 30.0)
    assert len(values) == len(PICTURE_FEATURES) and np.isfinite(values).all()


@pytest.mark.parametrize(
    "name", ["unsure pixels against particle pixels", "unsure pixels elsewhere"]
)
def test_a_blurred_map_is_less_sure(name: str) -> None:
    discs = draw_discs(radii=RADII)
    sharp = map_targets(discs.labels)[0]

    def value(sigma: float) -> float:
        prob = gaussian_filter(sharp, sigma)
        values = picture_features(prob, discs.labels, np.ones(len(RADII)), 22.0, 22.0)
        return values[PICTURE_FEATURES.index(name)]

    assert value(3.0) > value(0.5)


def test_two_looks_that_differ_and_sizes_that_differ_are_seen() -> None:
    discs = draw_discs(radii=RADII)
    values = picture_features(discs.mask * 1.0, discs.labels, np.full(4, 0.7), 44.0, 22.0)
    named = dict(zip(PICTURE_FEATURES, values, strict=True))
    assert named["first against second look at the diameter"] == pytest.approx(np.log(2))
    assert named["found against expected diameter"] < 0.1
    assert named["mean confidence of particles"] == pytest.approx(0.7)
