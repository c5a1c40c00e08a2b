"""Fragments, joining and labels of maps drawn from known particles."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fancgan.particles.map_targets import map_targets
from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.fragments import cut_into_fragments
from fancgan.segmentation.from_maps import at_size, particles_from_maps
from fancgan.segmentation.joining import (
    FEATURES,
    compactness,
    join,
    noise_score,
    pair_features,
)


def classifier() -> SmallClassifier:
    """One unit that looks at the outline between two fragments and at where they have their middle.

    Both low: one particle.
    """
    hidden = np.zeros((len(FEATURES) + 1, 1))
    hidden[FEATURES.index("outline between")] = -4
    hidden[FEATURES.index("votes apart, in diameters")] = -4
    hidden[-1] = 2
    ones = np.ones(len(FEATURES))
    return SmallClassifier(0 * ones, ones, hidden, np.array([5.0]), 0.0)


def blurred(labels: np.ndarray, noise: float = 0.03, seed: int = 0) -> np.ndarray:
    """Maps as a network gives them: not quite sharp, not quite even, defined everywhere."""
    rng = np.random.default_rng(seed)
    maps = map_targets(labels)
    maps[:3] = gaussian_filter(maps[:3], (0, 0.7, 0.7))
    return maps + noise * gaussian_filter(rng.normal(0, 3, maps.shape), (0, 1, 1))


def two_touching_discs() -> np.ndarray:
    rows, columns = np.mgrid[:60, :90]
    left = (rows - 30) ** 2 + (columns - 28) ** 2 <= 18**2
    right = (rows - 30) ** 2 + (columns - 60) ** 2 <= 18**2
    return np.where(left & (columns < 44), 1, np.where(right, 2, 0)).astype(np.int32)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_touching_discs_are_parted() -> None:
    truth = two_touching_discs()
    labels = particles_from_maps(blurred(truth), classifier()).labels
    assert labels.dtype == np.int32 and labels.max() == 2
    for number, column in ((1, 28), (2, 60)):
        assert iou(labels == labels[30, column], truth == number) > 0.9


def test_a_rod_whose_depth_has_gaps_stays_one() -> None:
    truth = np.zeros((60, 160), np.int32)
    truth[20:40, 10:150] = 1
    maps = blurred(truth)
    for column in (45, 80, 120):
        maps[2, :, column - 3 : column + 3] *= 0.4
    assert join(cut_into_fragments(maps), noise_score, 0).labels.max() >= 4
    labels = particles_from_maps(maps, classifier()).labels
    assert labels.max() == 1
    assert iou(labels == 1, truth == 1) > 0.9


@pytest.mark.parametrize("diameter", [7, 20, 60])
def test_all_sizes_alike(diameter: int) -> None:
    rows, columns = np.mgrid[:140, :140]
    truth = ((rows - 70) ** 2 + (columns - 70) ** 2 <= (diameter / 2) ** 2).astype(np.int32)
    labels = particles_from_maps(blurred(truth, noise=0.02), classifier()).labels
    assert labels.max() == 1
    assert iou(labels == 1, truth == 1) > 0.8


def test_no_particles_no_labels() -> None:
    fragments = particles_from_maps(np.zeros((6, 40, 50), np.float32), classifier())
    assert fragments.labels.max() == 0 and fragments.labels.shape == (40, 50)
    assert len(fragments.peak) == 1 and not fragments.contacts


def test_joining_keeps_the_books() -> None:
    """After joining, sums, peaks and contacts are those of the labels that result."""
    truth = np.zeros((60, 90), np.int32)
    truth[:, :30], truth[:, 30:60], truth[:, 60:] = 1, 2, 3
    maps = blurred(truth, noise=0.1)
    joined = join(cut_into_fragments(maps), noise_score, 0)
    area = np.bincount(joined.labels.ravel(), minlength=len(joined.peak))
    assert (joined.sums[:, 0] == area).all()
    prob = np.bincount(joined.labels.ravel(), maps[0].ravel(), len(joined.peak))
    assert np.allclose(joined.sums[:, 9], prob)
    edges = 0
    for axis in (0, 1):
        a, b = np.moveaxis(joined.labels, axis, 0)[:-1], np.moveaxis(joined.labels, axis, 0)[1:]
        edges += ((a != b) & (a > 0) & (b > 0)).sum()
    assert sum(contact[0] for contact in joined.contacts.values()) == edges


def test_likeliest_pair_is_joined_first_and_the_rest_is_scored_anew() -> None:
    truth = np.zeros((30, 90), np.int32)
    truth[5:25, 5:30], truth[5:25, 30:60], truth[5:25, 60:85] = 1, 2, 3
    fragments = cut_into_fragments(blurred(truth, noise=0))
    three = join(fragments, noise_score, 0)
    assert len(three.peak) == 4
    limit = 30 * 20 + 25 * 20 + 50  # the middle one and one of its neighbours

    def score(state, a, b, contact):
        area = state.sums[a, 0] + state.sums[b, 0]
        return 0.0 if area > limit else 1 / area

    assert len(join(three, score, 0).peak) == 3
    assert len(three.peak) == 4, "what is joined is a copy"


def test_compactness_in_closed_form() -> None:
    rows, columns = np.mgrid[:101, :201].astype(float)

    def sums(mask: np.ndarray) -> np.ndarray:
        y, x = rows[mask], columns[mask]
        return np.array([len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()])

    ellipse = ((rows - 50) / 30) ** 2 + ((columns - 100) / 90) ** 2 <= 1
    rod = (abs(rows - 50) < 8) & (abs(columns - 100) < 80)
    left = (rows - 50) ** 2 + (columns - 60) ** 2 <= 40**2
    right = (rows - 50) ** 2 + (columns - 140) ** 2 <= 40**2
    assert compactness(sums(ellipse)) == pytest.approx(1, abs=0.01)
    assert compactness(sums(rod)) == pytest.approx(3 / math.pi, abs=0.01)
    assert compactness(sums(left | right)) == pytest.approx(2 / math.sqrt(5), abs=0.02)


def test_classifier_survives_a_configuration_file() -> None:
    there = SmallClassifier.from_dict(json.loads(json.dumps(classifier().to_dict())))
    fragments = join(cut_into_fragments(blurred(two_touching_discs())), noise_score, 0)
    ((a, b), contact) = next(iter(fragments.contacts.items()))
    features = pair_features(fragments, a, b, contact)
    assert len(features) == len(FEATURES)
    assert there(features) == classifier()(features)


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_labels_at_the_size_of_the_picture(factor: float) -> None:
    shape = (120, 180)
    small = tuple(round(n * factor) for n in shape)

    def drawn(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
        k = size[0] / shape[0]
        away = np.hypot(rows - 60 * k, columns - 90 * k)
        return (away <= 40 * k).astype(np.int32), 1 / (1 + np.exp(away - 40 * k))

    labels, prob = drawn(small)
    back = at_size(labels, prob, shape)
    assert back.dtype == np.int32 and back.shape == shape
    assert iou(back == 1, drawn(shape)[0] == 1) > 0.97
    assert at_size(labels, prob, small) is labels
