"""Shapes and arrangements besides grains, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, spatial

from fancgan.layouts.bodies import BodySource, area_and_centre, centre_line, mean_area
from fancgan.layouts.canvas import Canvas
from fancgan.layouts.config import AGGLOMERATIONS, SHAPES, LayoutConfig
from fancgan.layouts.layout import make_layout, to_mask, usual_number
from fancgan.layouts.monolayers import PACKED_SHARE
from fancgan.layouts.placing import turned

EIGHT = np.ones((3, 3), bool)
BODIES = [shape for shape in SHAPES if shape != "grains"]


def config(**changes: object) -> LayoutConfig:
    settings = {"height": 256, "width": 320, "nm_per_px": 1.0, "shape": "spheres"} | changes
    if "d50_nm" in changes:
        settings.setdefault("gsd", 1.0)
    return LayoutConfig(**settings)


def whole(labels: np.ndarray) -> np.ndarray:
    """Numbers of the particles that the frame does not cut."""
    frame = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.setdiff1d(np.unique(labels), np.append(frame, 0))


def areas_of_whole(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels.ravel())[whole(labels)]


@pytest.mark.parametrize("shape", BODIES)
@pytest.mark.parametrize("tilted", [0.0, 1.0])
def test_mean_projected_area(shape: str, tilted: float) -> None:
    given = config(shape=shape, d50_nm=100.0, tilted=tilted, rounding=0.3, aspect_ratio_gsd=1.0)
    source = BodySource(np.random.default_rng(0), given)
    areas = [area_and_centre(source.draw().outline)[0] / 100**2 for _ in range(1500)]
    assert np.mean(areas) == pytest.approx(mean_area(given), rel=0.015)


def test_mean_area_of_a_cube_is_a_quarter_of_its_surface() -> None:
    assert mean_area(config(shape="cubes")) == pytest.approx(6 / 4)
    assert mean_area(config(shape="cubes", tilted=0.0)) == pytest.approx(1)
    assert mean_area(config(shape="octahedra")) == pytest.approx(np.sqrt(12) / 4)
    assert mean_area(config(shape="tetrahedra")) == pytest.approx(np.sqrt(3) / 4)
    assert mean_area(config(shape="polyhedra")) == pytest.approx(np.pi / 4)


def test_aspect_ratios_and_lengths_of_rods_are_log_normal() -> None:
    given = config(shape="rods", d50_nm=80.0, gsd=1.3, aspect_ratio=6.0, aspect_ratio_gsd=1.2)
    source = BodySource(np.random.default_rng(1), given)
    rods = [turned(source.draw(), 0.0).outline for _ in range(2000)]
    length, width = np.array([np.ptp(rod, axis=0) for rod in rods]).T
    for values, median, gsd in ((length, 80, 1.3), (length / width, 6, 1.2)):
        assert np.median(values) == pytest.approx(median, rel=0.02)
        assert np.exp(np.log(values).std()) == pytest.approx(gsd, rel=0.02)


@pytest.mark.parametrize("flexibility", [0.5, 2.0])
def test_fibres_are_worm_like_chains(flexibility: float) -> None:
    rng = np.random.default_rng(2)
    lines = [centre_line(rng, 1.0, 0.001, flexibility) for _ in range(1500)]
    steps = np.linalg.norm(np.diff(lines[0], axis=0), axis=1)
    assert steps.sum() == pytest.approx(1)
    square = np.mean([np.sum((line[-1] - line[0]) ** 2) for line in lines])
    p = 1 / flexibility  # persistence length, Kratky and Porod in two dimensions
    assert square == pytest.approx(4 * p * (1 - 2 * p * (1 - np.exp(-1 / (2 * p)))), rel=0.03)


def test_hexagonal_lattice() -> None:
    labels = make_layout(config(d50_nm=24.0, agglomeration="hexagonal", disorder=0.0))
    numbers = whole(labels)
    centres = np.array(ndimage.center_of_mass(labels > 0, labels, numbers))
    inner = (centres > 40).all(axis=1) & (centres < np.array(labels.shape) - 40).all(axis=1)
    distance = spatial.cKDTree(centres).query(centres[inner], k=8)[0][:, 1:]
    assert distance[:, :6] == pytest.approx(25, abs=0.6), "a diameter and the line"
    assert (distance[:, 6] > 40).all()
    ideal = np.pi / np.sqrt(12) * (24 / 25) ** 2
    assert (labels > 0).mean() == pytest.approx(ideal, rel=0.02)
    holes = make_layout(config(d50_nm=12.0, agglomeration="hexagonal", disorder=0.1, vacancies=0.2))
    assert holes.max() == pytest.approx(usual_number(config(d50_nm=12.0, vacancies=0.2,
        agglomeration="hexagonal")) * (12 / 13) ** 2, rel=0.1)  # fmt: skip


def test_random_close_packing() -> None:
    labels = make_layout(config(d50_nm=24.0, gsd=1.15, agglomeration="packed"))
    assert (labels > 0).mean() == pytest.approx(PACKED_SHARE * (24 / 25) ** 2, rel=0.03)
    equal = areas_of_whole(make_layout(config(d50_nm=30.0, agglomeration="packed")))
    assert equal == pytest.approx(np.pi * 15**2, rel=0.03), "none lies over another"


@pytest.mark.parametrize("agglomeration", AGGLOMERATIONS)
def test_no_overlap_where_none_is_asked(agglomeration: str) -> None:
    given = config(d50_nm=20.0, count=40, agglomeration=agglomeration, overlap=0.0)
    labels = make_layout(given)
    assert labels.max() == 40
    assert areas_of_whole(labels) == pytest.approx(np.pi * 10**2, rel=0.04)
    if agglomeration == "single":
        assert ndimage.label(ndimage.binary_dilation(labels > 0, EIGHT))[1] == 40


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("agglomeration", AGGLOMERATIONS)
def test_every_shape_in_every_arrangement(shape: str, agglomeration: str) -> None:
    given = config(
        shape=shape, agglomeration=agglomeration, d50_nm=22.0, count=12, border="inside", seed=3
    )
    labels = make_layout(given)
    assert labels.dtype == np.int32 and 8 <= labels.max() <= 12
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    assert not labels[[0, -1]].any() and not labels[:, [0, -1]].any()
    assert np.array_equal(labels, make_layout(given))
    assert np.array_equal(to_mask(labels), labels > 0), "lines of background part all"


@pytest.mark.parametrize("both", [False, True])
def test_crossing_rods_as_annotators_draw_them(both: bool) -> None:
    canvas = Canvas(60, 60, both=both)
    lying = np.array([[5.0, 25], [55, 25], [55, 35], [5, 35]])
    canvas.paint(lying, on_top=True)
    canvas.paint(lying[:, ::-1], on_top=True)
    labels = canvas.painted()
    assert set(np.unique(labels)) == {0, 1, 2}
    assert ndimage.label(labels == 1)[1] == 2, "the lower one is cut and keeps its number"
    assert ndimage.label(labels == 2)[1] == (3 if both else 1)
    assert labels[30, 30] == 2
    area = np.count_nonzero(labels == 2)
    assert area == (51 - 2) * 11 if both else area == 51 * 11, "outlines of the lower one remain"
    assert canvas.covered == np.count_nonzero(labels)


@pytest.mark.parametrize("agglomeration", ["single", "hexagonal"])
def test_shells_and_cores(agglomeration: str) -> None:
    settings = {"shape": "core-shell", "d50_nm": 40.0, "shell": 0.25, "count": 10}
    settings |= {"border": "inside", "disorder": 0.0, "agglomeration": agglomeration}
    filled, shell, pair = (
        make_layout(config(parts=parts, **settings)) for parts in ("filled", "shell", "pair")
    )
    disc = np.pi * 20**2
    assert filled.max() == shell.max() == 10 and pair.max() == 20
    assert np.bincount(filled.ravel())[1:] == pytest.approx(disc, rel=0.05)
    assert np.bincount(shell.ravel())[1:] == pytest.approx(disc * (1 - 0.75**2), rel=0.08)
    assert np.bincount(pair.ravel())[2::2] == pytest.approx(disc * 0.75**2, rel=0.05)
    for k in (1, 2):
        ring = ndimage.binary_fill_holes(pair == 2 * k - 1)
        assert ring[pair == 2 * k].all(), "the core's number follows its shell's"
    assert ndimage.label(pair > 0)[1] == 20


@pytest.mark.parametrize(("d50_nm", "count"), [(3.0, 300), (250.0, 1)])
def test_from_three_pixels_to_hundreds(d50_nm: float, count: int) -> None:
    labels = make_layout(config(d50_nm=d50_nm, count=count, border="inside"))
    assert labels.max() == count
    assert np.bincount(labels.ravel())[1:].mean() == pytest.approx(
        np.pi / 4 * d50_nm**2, rel=0.12 if d50_nm < 10 else 0.01
    )


def test_settings_of_older_versions_stay_as_they_are() -> None:
    assert not {"shape", "parts", "vacancies"} & set(LayoutConfig().to_dict())
    rods = config(shape="rods", flexibility=0.5)
    assert LayoutConfig(**rods.to_dict()) == rods
