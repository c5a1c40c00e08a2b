"""Segmentation metrics on drawn shapes whose overlap is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from fancgan.evaluation import metrics
from fancgan.particles import matching


def squares(*boxes: tuple[int, int, int, int], size: int = 64) -> np.ndarray:
    """Label image with one rectangle (top, left, height, width) per box."""
    labels = np.zeros((size, size), np.int32)
    for number, (top, left, height, width) in enumerate(boxes, 1):
        labels[top : top + height, left : left + width] = number
    return labels


def ap50(truth: np.ndarray, pred: np.ndarray, **options: int) -> float:
    return metrics.match_labels(truth, pred, **options)[0].average_precision


def ap50_95(truth: np.ndarray, pred: np.ndarray) -> float:
    return np.mean([m.average_precision for m in metrics.match_labels(truth, pred)])


def disc(radius: float, column: float, size: int = 256) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    return (rows - size / 2) ** 2 + (columns - column) ** 2 <= radius**2


def lens_area(radius: float, distance: float) -> float:
    """Area common to two discs of one radius."""
    half = distance / 2
    return 2 * radius**2 * np.arccos(half / radius) - distance * np.sqrt(radius**2 - half**2)


@pytest.mark.parametrize("shift", [10, 30, 60])
def test_shifted_discs_have_the_overlap_of_geometry(shift):
    radius = 50
    a, b = disc(radius, 100), disc(radius, 100 + shift)
    common, area = lens_area(radius, shift), np.pi * radius**2
    assert metrics.iou(a, b) == pytest.approx(common / (2 * area - common), abs=0.005)
    assert metrics.dice(a, b) == pytest.approx(common / area, abs=0.005)
    matrix = matching.iou_matrix(a.astype(np.int32), b.astype(np.int32))
    assert matrix.shape == (1, 1)
    assert matrix[0, 0] == pytest.approx(metrics.iou(a, b), abs=1e-12)


def test_empty_masks():
    empty, full = np.zeros((8, 8), bool), np.ones((8, 8), bool)
    assert metrics.dice(empty, empty) == metrics.iou(empty, empty) == 1
    assert metrics.dice(empty, full) == metrics.iou(empty, full) == 0
    assert metrics.boundary_f1(empty, empty) == 1
    assert metrics.boundary_f1(empty, full) == 1, "the frame is no outline"
    assert metrics.boundary_f1(empty, np.eye(8, dtype=bool)) == 0
    nothing = np.zeros((8, 8), np.int32)
    assert ap50(nothing, nothing) == 1
    with pytest.raises(ValueError, match=r"\(8, 8\)"):
        metrics.dice(empty, np.zeros((8, 9), bool))


def test_boundary_f1_has_a_tolerance_of_two_pixels():
    a = squares((20, 20, 20, 20)) > 0
    within, beyond = np.roll(a, 2, 1), np.roll(a, 12, (0, 1))
    assert metrics.boundary_f1(a, within) == 1
    assert metrics.boundary_f1(a, within, tolerance_px=1) < 0.8
    assert metrics.boundary_f1(a, beyond) < 0.3


def test_matching_counts_hits_misses_and_inventions():
    truth = squares((2, 2, 10, 10), (20, 2, 10, 10), (40, 2, 10, 10))
    # The first exact, the second 4 of 10 columns off (IoU 60 / 140), the third missing, one new.
    pred = squares((2, 2, 10, 10), (20, 6, 10, 10), (40, 40, 10, 10))
    (at_half,) = metrics.match_labels(truth, pred, (0.5,))
    assert (at_half.tp, at_half.fp, at_half.fn) == (1, 2, 2)
    assert at_half.average_precision == pytest.approx(1 / 5)
    assert at_half.panoptic_quality == pytest.approx(1 / 3)
    (at_four_tenths,) = metrics.match_labels(truth, pred, (0.4,))
    assert (at_four_tenths.tp, at_four_tenths.fp, at_four_tenths.fn) == (2, 1, 1)
    assert at_four_tenths.iou_sum == pytest.approx(1 + 60 / 140)
    both = at_half + at_four_tenths
    assert (both.tp, both.fp, both.fn) == (3, 3, 3)


def test_each_particle_is_matched_once_and_as_many_as_possible():
    # Greedy by IoU would give (0, 0) and leave row 1 alone.
    overlaps = np.array([[0.45, 0.42], [0.41, 0.0]])
    found = matching.match(overlaps, 0.4)
    assert found.tp == 2
    assert found.iou_sum == pytest.approx(0.42 + 0.41)


def test_ap_falls_with_the_threshold():
    truth = squares((10, 10, 10, 20))
    pred = squares((10, 10, 10, 15))  # IoU 0.75: right at 0.50 .. 0.75, wrong at 0.80 .. 0.95
    assert ap50(truth, pred) == 1
    assert ap50_95(truth, pred) == pytest.approx(0.6)
    assert metrics.match_labels(truth, pred)[0].panoptic_quality == pytest.approx(0.75)


def test_merged_particles_cost_ap_but_hardly_dice(draw_discs):
    truth = squares((10, 10, 20, 20), (10, 31, 20, 20))
    merged = squares((10, 10, 20, 41))
    assert metrics.dice(truth > 0, merged > 0) > 0.98
    assert ap50(truth, merged) == 0
    discs = draw_discs()
    assert ap50_95(discs.labels, discs.labels) == 1


def test_small_particles_are_dropped_in_both():
    truth = squares((2, 2, 10, 10), (30, 30, 4, 4))
    pred = squares((2, 2, 10, 10), (50, 50, 3, 3))
    assert ap50(truth, pred) == 1
    assert ap50(truth, pred, min_area_px=1) == pytest.approx(1 / 3)
    assert metrics.particle_count(truth) == 1


def test_equal_area_diameter_of_drawn_discs_and_the_frame(draw_discs):
    discs = draw_discs()
    measured = metrics.equal_area_diameters(discs.labels)
    np.testing.assert_allclose(measured, 2 * np.array(discs.radii), rtol=0.03)
    cut = squares((0, 10, 10, 10), (30, 30, 10, 10))
    np.testing.assert_allclose(metrics.equal_area_diameters(cut), [np.sqrt(400 / np.pi)])


def test_relative_error_is_signed():
    assert metrics.relative_error(20, 15) == -0.25
    assert np.isnan(metrics.relative_error(0, 3))
