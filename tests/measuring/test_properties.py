"""Particle properties against drawn shapes of known size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fancgan.measuring.properties import (
    LENGTHS,
    RATIOS,
    border_weights,
    hull_measures,
    measure_particles,
)


def plane(side: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of every pixel from a centre that lies on no pixel and no pixel's side; y is up."""
    rows, columns = np.mgrid[:side, :side].astype(float)
    return columns - side / 2 - 0.3, -(rows - side / 2 - 0.4)


def turned(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along and across an axis, counterclockwise from the horizontal."""
    x, y = plane()
    angle = np.radians(degrees)
    return x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)


def only(mask: np.ndarray, **options) -> pd.Series:
    table = measure_particles(mask.astype(np.int32), **options)
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize("radius", [5.0, 10.2, 20.0, 41.7, 70.0])
def test_a_disc_has_its_diameter_whatever_is_asked(radius):
    x, y = plane()
    disc = only(np.hypot(x, y) <= radius)
    assert disc["ecd_px"] == pytest.approx(2 * radius, rel=0.02)
    for name in ("feret_max_px", "feret_min_px", "major_axis_px", "minor_axis_px"):
        assert disc[name] == pytest.approx(2 * radius, abs=1)
    assert disc["perimeter_px"] == pytest.approx(2 * np.pi * radius, rel=0.02)
    for name in ("circularity_iso", "circularity_imagej", "convexity"):
        assert 0.97 <= disc[name] <= 1
    assert 0.94 <= disc["solidity"] <= 1


@pytest.mark.parametrize("degrees", [0, 17, 45, 73, 90, 120, 165])
@pytest.mark.parametrize("size", [1, 2.5])
def test_ellipses_have_axes_and_direction(degrees, size):
    along, across = turned(degrees)
    major, minor = 40 * size, 20 * size
    ellipse = only((2 * along / major) ** 2 + (2 * across / minor) ** 2 <= 1)
    assert ellipse["ecd_px"] == pytest.approx(np.sqrt(major * minor), rel=0.01)
    assert ellipse["major_axis_px"] == pytest.approx(major, rel=0.02)
    assert ellipse["minor_axis_px"] == pytest.approx(minor, rel=0.02)
    assert ellipse["feret_max_px"] == pytest.approx(major, abs=1)
    assert ellipse["feret_min_px"] == pytest.approx(minor, abs=1)
    assert ellipse["aspect_ratio"] == pytest.approx(0.5, abs=0.03)
    assert ellipse["aspect_ratio_imagej"] == pytest.approx(2, abs=0.05)
    difference = (ellipse["orientation_deg"] - degrees + 90) % 180 - 90
    assert abs(difference) < 1
    # Ramanujan's perimeter of an ellipse
    a, b = major / 2, minor / 2
    h = ((a - b) / (a + b)) ** 2
    perimeter = np.pi * (a + b) * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h)))
    assert ellipse["perimeter_px"] == pytest.approx(perimeter, rel=0.03)


@pytest.mark.parametrize("degrees", [0, 12, 30, 45, 60, 101])
def test_turned_rectangles_have_sides_and_diagonal(degrees):
    along, across = turned(degrees)
    rectangle = only((abs(along) <= 35) & (abs(across) <= 15))
    assert rectangle["area_px"] == pytest.approx(70 * 30, rel=0.02)
    assert rectangle["feret_min_px"] == pytest.approx(30, abs=1)
    assert rectangle["feret_max_px"] == pytest.approx(np.hypot(70, 30), abs=1)
    assert rectangle["solidity"] > 0.95
    assert rectangle["convexity"] > 0.95


def test_an_upright_rectangle_is_exact():
    mask = np.zeros((40, 60), bool)
    mask[10:22, 5:35] = True
    rectangle = only(mask)
    assert rectangle["area_px"] == 12 * 30
    assert rectangle["feret_min_px"] == pytest.approx(12)
    assert (rectangle["centroid_x_px"], rectangle["centroid_y_px"]) == (19.5, 15.5)
    box = rectangle[["left_px", "top_px", "right_px", "bottom_px"]]
    assert box.tolist() == [5, 10, 35, 22]


def test_a_cross_is_not_convex():
    x, y = turned(20)
    cross = only(((abs(x) < 8) & (abs(y) < 40)) | ((abs(y) < 8) & (abs(x) < 40)))
    # Four arms of 32 x 16 on a square of 16: the hull cuts the corners between the arms.
    area, hull = 16 * 80 * 2 - 256, 80**2 - 2 * 32**2
    assert cross["solidity"] == pytest.approx(area / hull, rel=0.03)
    assert cross["convexity"] == pytest.approx((64 + 4 * 32 * 2**0.5) / (64 + 8 * 32), rel=0.06)


def test_the_smallest_feret_diameter_is_that_of_all_directions():
    rng = np.random.default_rng(0)
    angles = np.radians(np.arange(0, 180, 0.05))
    for _ in range(10):
        region = np.zeros((40, 40), bool)
        for row, column in rng.integers(8, 32, (4, 2)):
            region[row : row + 6, column : column + 4] = True
        rows, columns = np.nonzero(region)
        sides = ((0, 0.5), (0, -0.5), (0.5, 0), (-0.5, 0))
        points = np.concatenate([np.column_stack([columns + a, rows + b]) for a, b in sides])
        widths = np.ptp(points @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
        largest, smallest, perimeter = hull_measures(region)
        assert widths.min() - 0.01 < smallest <= widths.min() + 1e-9
        assert largest == pytest.approx(widths.max(), abs=1e-3)
        assert perimeter == pytest.approx(np.pi * widths.mean(), rel=1e-3)  # Cauchy's formula


def test_single_pixels_and_lines_have_sizes_too():
    labels = np.zeros((40, 40), np.int32)
    labels[5, 5] = 1
    labels[10, 10:20] = 2
    dot, line = (row for _, row in measure_particles(labels).iterrows())
    assert (dot["feret_max_px"], dot["feret_min_px"]) == (1, pytest.approx(np.sqrt(0.5)))
    assert line["feret_max_px"] == 10
    assert np.isnan(line["aspect_ratio_imagej"])


def test_touching_particles_are_measured_each_for_itself():
    x, y = plane()
    left, right = np.hypot(x + 20, y) <= 20, np.hypot(x - 15, y) <= 15
    labels = np.where(right, 2, 0)
    labels[left] = 1
    both = measure_particles(labels)
    for number, row in both.iterrows():
        alone = only(labels == number + 1)
        same = [name for name in both if name not in ("label", "neighbour_distance_px")]
        pd.testing.assert_series_equal(row[same], alone[same], check_names=False)


def test_shapes_are_named_by_the_rule_on_what_was_measured():
    x, y = turned(20)
    fibre = only((abs(np.hypot(x, y + 40) - 60) < 4) & (y > -30))
    kinds = {
        "round": only(np.hypot(x, y) < 20),
        "elongated": only((abs(x) < 40) & (abs(y) < 10)),
        "irregular": only(((abs(x) < 8) & (abs(y) < 40)) | ((abs(y) < 8) & (abs(x) < 40))),
    }
    assert {name: row["shape"] for name, row in kinds.items()} == {name: name for name in kinds}
    assert np.isnan(kinds["round"]["length_px"]), "a disc has no middle to follow"
    rod = kinds["elongated"]
    assert (rod["length_px"], rod["width_px"]) == pytest.approx((80, 20), rel=0.03)
    assert (fibre["shape"], fibre["solidity"] < 0.9) == ("elongated", True), "bent, and no lump"
    assert fibre["width_px"] == pytest.approx(8, rel=0.04)


def test_neighbours_and_the_frame_are_as_far_as_they_are():
    labels = np.zeros((60, 90), np.int32)
    labels[10:20, 5:15] = 1
    labels[40:50, 45:55] = 2
    first, second = (row for _, row in measure_particles(labels, 2.0).iterrows())
    assert first["neighbour_distance_nm"] == second["neighbour_distance_nm"] == 100
    assert (first["frame_distance_nm"], second["frame_distance_nm"]) == (10, 20)


def test_the_scale_multiplies_lengths_once_and_areas_twice():
    x, y = plane()
    disc = np.hypot(x, y) <= 30
    pixels, scaled = only(disc), only(disc, nm_per_px=7.344)
    for name in LENGTHS:
        assert scaled[f"{name}_nm"] == pytest.approx(7.344 * pixels[f"{name}_px"])
    assert scaled["area_nm2"] == pytest.approx(7.344**2 * pixels["area_px"])
    for name in RATIOS:
        assert scaled[name] == pixels[name]
    assert "area_nm2" not in pixels
    assert not [name for name in scaled.index if name in LENGTHS], "every length has its unit"


def test_grey_levels_are_the_mean_of_the_image():
    labels = np.zeros((40, 40), np.int32)
    labels[4:10, 4:10] = 3
    image = np.random.default_rng(0).integers(0, 65535, labels.shape).astype(np.uint16)
    row = measure_particles(labels, image=image).iloc[0]
    assert row["label"] == 3
    assert row["mean_grey"] == pytest.approx(image[4:10, 4:10].mean())


def test_no_particles_is_an_empty_table_with_its_columns():
    full = measure_particles(np.eye(32, dtype=np.int32), 2.0, np.zeros((32, 32)))
    empty = measure_particles(np.zeros((32, 32), np.int32), 2.0, np.zeros((32, 32)))
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)


@pytest.mark.parametrize(
    "labels", [np.zeros((4, 4)), np.zeros((2, 2, 2), int), -np.ones((2, 2), int)]
)
def test_what_is_no_label_image_is_refused(labels):
    with pytest.raises(ValueError, match="whole numbers"):
        measure_particles(labels)


def test_what_the_frame_cuts_has_no_weight():
    labels = np.zeros((100, 200), np.int32)
    for number, (rows, columns) in enumerate(
        [((0, 10), (50, 60)), ((40, 50), (0, 10)), ((90, 100), (50, 60)), ((40, 50), (190, 200))], 1
    ):
        labels[slice(*rows), slice(*columns)] = number
    labels[40:60, 100:130] = 5
    table = measure_particles(labels)
    assert table["touches_border"].tolist() == [True] * 4 + [False]
    assert table["border_weight"].tolist()[:4] == [0] * 4
    assert table["border_weight"].iloc[4] == pytest.approx(200 * 100 / ((200 - 30) * (100 - 20)))


def test_border_weights_undo_the_loss_of_large_particles():
    """As many large squares as small ones, strewn over all the plane: seen through a frame, fewer
    large ones are whole, and the weights give both kinds back in equal number."""
    rng = np.random.default_rng(0)
    width, height, n = 300, 200, 40_000
    whole = {}
    for side in (5, 60):
        left = rng.uniform(-100, width + 100, n)
        top = rng.uniform(-100, height + 100, n)
        inside = (left > 0) & (top > 0) & (left + side < width) & (top + side < height)
        whole[side] = int(inside.sum())
    assert whole[60] < 0.65 * whole[5]
    weighted = {
        side: count * border_weights(side, side, width, height) for side, count in whole.items()
    }
    # The truth: how many of n have their corner in the frame.
    expected = n * width * height / ((width + 200) * (height + 200))
    for side, count in weighted.items():
        assert count == pytest.approx(expected, rel=4 / np.sqrt(whole[side]))
