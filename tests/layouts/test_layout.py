"""Layouts: what a config asks for is what is drawn, and the defaults look like the real masks."""

from __future__ import annotations

import dataclasses
import json
import re
import time

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

from fancgan.__main__ import main
from fancgan.errors import UserError
from fancgan.layouts import agglomerates
from fancgan.layouts.canvas import MIN_VISIBLE_PX, Canvas
from fancgan.layouts.config import AGGLOMERATIONS, MONOLAYERS, LayoutConfig
from fancgan.layouts.layout import example_layouts, make_layout, to_mask, usual_number
from fancgan.layouts.mask_statistics import measure_mask, pooled_statistic
from fancgan.layouts.shapes import draw_diameters, draw_outlines, statistics
from fancgan.particles.labels import read_mask

SMALL = LayoutConfig(height=256, width=320)
EIGHT = np.ones((3, 3), bool)


def layout(**changes: object) -> np.ndarray:
    return make_layout(dataclasses.replace(SMALL, **changes))


def equivalent_diameters(labels: np.ndarray) -> np.ndarray:
    """Diameters in pixels of the regions that the frame does not cut."""
    areas = np.bincount(labels.ravel())
    frame = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    whole = np.setdiff1d(np.arange(1, len(areas)), frame)
    return np.sqrt(4 * areas[whole] / np.pi)


def test_same_seed_same_layout_and_another_seed_another() -> None:
    first, again, other = (layout(seed=seed, count=20) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("agglomeration", AGGLOMERATIONS[: -len(MONOLAYERS)])
@pytest.mark.parametrize("border", ["cut", "inside"])
def test_labels_are_the_connected_parts_of_the_mask(agglomeration: str, border: str) -> None:
    labels = layout(count=30, agglomeration=agglomeration, border=border, d50_nm=150.0)
    mask = to_mask(labels)
    parts, n = ndimage.label(mask)
    assert labels.dtype == np.int32 and labels.shape == (256, 320)
    assert n == labels.max() == len(np.unique(labels)) - 1 == 30
    pairs = np.unique(np.stack([parts[mask], labels[mask]]), axis=1)
    assert pairs.shape[1] == n, "a label is one region and a region one label"
    assert np.bincount(labels.ravel())[1:].min() >= MIN_VISIBLE_PX
    assert ndimage.label(mask, EIGHT)[1] == n, "the lines part corners as well"


def test_line_between_touching_particles_is_one_pixel_wide() -> None:
    canvas = Canvas(60, 60)
    square = np.array([[-10.0, 20], [10, 20], [10, 40], [-10, 40]])
    canvas.paint(square + np.array((20, 0)), on_top=True)
    canvas.paint(square + np.array((36, 0)), on_top=True)
    canvas.paint(square + np.array((52, 0)), on_top=False)
    row = canvas.visible()[30]
    inside = row[np.flatnonzero(row)[0] : np.flatnonzero(row)[-1] + 1]
    assert [int(n) for n in np.unique(row)] == [0, 1, 2, 3]
    assert np.count_nonzero(inside == 0) == 2, "one pixel at each of the two contacts"


@pytest.mark.parametrize("agglomeration", ["mix", "chains", "clusters"])
@pytest.mark.parametrize("coverage", [0.05, 0.3, 0.6])
def test_coverage_is_reached(agglomeration: str, coverage: float) -> None:
    mask = to_mask(layout(coverage=coverage, agglomeration=agglomeration, seed=5))
    one_particle = np.pi * 60**2 / 4 / mask.size
    assert coverage <= mask.mean() <= coverage + one_particle


def test_single_particles_keep_apart() -> None:
    labels = layout(count=25, agglomeration="single", d50_nm=150.0)
    grown, n = ndimage.label(ndimage.binary_dilation(labels > 0, EIGHT))
    assert n == labels.max() == 25
    assert grown.max() == 25


def test_jam_ends_with_what_fits() -> None:
    labels = layout(coverage=0.8, agglomeration="single")
    assert 0.2 < to_mask(labels).mean() < 0.5


def test_agglomerates_touch() -> None:
    def neighbours(kind: str) -> float:
        return measure_mask(
            to_mask(layout(count=60, agglomeration=kind, d50_nm=120.0))
        ).contacts.mean()

    assert neighbours("single") == 0
    assert 1 < neighbours("chains") < neighbours("clusters")


def test_inside_leaves_the_frame_free() -> None:
    labels = layout(count=30, border="inside", agglomeration="clusters")
    assert not labels[[0, -1]].any() and not labels[:, [0, -1]].any()
    cut = layout(coverage=0.5, agglomeration="clusters")
    assert cut[[0, -1]].any() and cut[:, [0, -1]].any()


def test_overlap_pulls_neighbours_together() -> None:
    def spacing(overlap: float) -> float:
        settings = {"count": 60, "overlap": overlap, "agglomeration": "chains"}
        fields = [
            measure_mask(to_mask(layout(seed=seed, sizes_nm=(180.0,), **settings)))
            for seed in range(6)
        ]
        return float(np.nanmedian(pooled_statistic(fields, "neighbour_px")))

    assert spacing(0.4) < 0.85 * spacing(0.0)


def test_sizes_in_nm_are_what_is_drawn() -> None:
    # The line around a particle is taken from its neighbours, never from a particle that is alone.
    config = LayoutConfig(
        1024, 1024, count=60, agglomeration="single", sizes_nm=(400.0,), nm_per_px=8.0
    )
    assert equivalent_diameters(make_layout(config)) == pytest.approx(50, rel=0.01)
    finer = dataclasses.replace(config, nm_per_px=16.0)
    assert equivalent_diameters(make_layout(finer)) == pytest.approx(25, rel=0.03)


def test_log_normal_sizes() -> None:
    diameters = draw_diameters(np.random.default_rng(0), 20_000, d50=30.0, gsd=1.4)
    assert np.median(diameters) == pytest.approx(30, rel=0.02)
    assert np.exp(np.log(diameters).std()) == pytest.approx(1.4, rel=0.02)


@pytest.mark.parametrize(("roughness", "facets"), [(0.0, 0.0), (2.0, 0.0), (1.0, 1.0)])
def test_outlines_keep_area_and_aspect(roughness: float, facets: float) -> None:
    rng = np.random.default_rng(1)
    diameters = np.linspace(10, 60, 40)
    outlines = draw_outlines(
        rng, diameters, np.full(40, 0.7), np.zeros(40), roughness=roughness, facets=facets
    )
    x, y = outlines[..., 0], outlines[..., 1]
    area = 0.5 * np.abs((x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(axis=1))
    assert np.sqrt(4 * area / np.pi) == pytest.approx(diameters)
    ratio = np.ptp(y, axis=1) / np.ptp(x, axis=1)
    assert np.median(ratio) == pytest.approx(0.7, abs=1e-3 if roughness == facets == 0 else 0.06)


def test_facets_flatten_the_sides() -> None:
    def corners(facets: float) -> float:
        outlines = draw_outlines(
            np.random.default_rng(2),
            np.full(60, 40.0),
            np.ones(60),
            np.zeros(60),
            roughness=0.0,
            facets=facets,
        )
        edges = np.roll(outlines, -1, axis=1) - outlines
        turn = np.diff(np.unwrap(np.arctan2(edges[..., 1], edges[..., 0]), axis=1), axis=1)
        return float(np.quantile(turn, 0.95) / np.median(np.abs(turn)))

    assert corners(1.0) > 2 * corners(0.0)


def test_painting_on_top_parts_what_lies_below() -> None:
    square = np.array([[-8.0, -8], [8, -8], [8, 8], [-8, 8]])
    small = square / 2
    canvas = Canvas(40, 40)
    canvas.paint(square + 20, on_top=True)
    shown = canvas.paint(small + 20, on_top=True)
    labels = canvas.visible()
    assert labels.max() == 2 and canvas.covered == np.count_nonzero(labels)
    assert shown == np.count_nonzero(labels == labels[20, 20])
    assert canvas.paint(small + np.array([20, 10]), on_top=False) < shown, (
        "what is covered does not show"
    )
    assert canvas.paint(square + 200, on_top=True) == 0


def test_default_config_is_what_was_fitted() -> None:
    config, particle = LayoutConfig(), statistics()["particle"]
    assert config.nm_per_px == statistics()["nm_per_px"]
    assert config.d50_nm == pytest.approx(particle["d50_nm"], rel=0.03)
    assert config.aspect_mean == pytest.approx(particle["aspect_mean"], abs=0.01)
    assert config.aspect_sd == pytest.approx(particle["aspect_sd"], abs=0.01)


def test_default_layouts_look_like_the_training_masks() -> None:
    fields = [measure_mask(to_mask(make_layout(LayoutConfig(seed=seed)))) for seed in range(12)]
    real = statistics()["visible_quantiles"]
    middle = slice(5, 16)  # the 25 % to the 75 % quantile: what 12 fields can tell
    levels = np.linspace(0, 1, len(real["ecd_px"]))[middle]
    for name, tolerance in (
        ("ecd_px", 0.1),
        ("aspect", 0.08),
        ("solidity", 0.04),
        ("neighbour_px", 0.1),
    ):
        made = np.nanquantile(pooled_statistic(fields, name), levels)
        assert made == pytest.approx(np.array(real[name])[middle], rel=tolerance), name
    assert pooled_statistic(fields, "contacts").mean() == pytest.approx(
        np.mean(real["contacts"][1:-1]), abs=0.5
    )
    coverage = np.median([field.coverage for field in fields])
    low, high = np.quantile(statistics()["field"]["coverage"], [0.2, 0.8])
    assert low < coverage < high


def test_examples_are_named_distinct_and_filled() -> None:
    examples = example_layouts(256, 384)
    assert len(dict(examples)) == len(examples) >= 4
    for name, config in examples:
        labels = make_layout(config)
        assert labels.shape == (256, 384)
        assert 0.01 < to_mask(labels).mean() < 0.65, name


def test_quick_enough_to_draw_while_training() -> None:
    make_layout(SMALL)
    begin = time.process_time()
    for seed in range(10):
        make_layout(LayoutConfig(256, 256, seed=seed, coverage=0.15))
    assert (time.process_time() - begin) / 10 < 0.2, "some 0.02 s on an idle core"


@pytest.mark.parametrize(
    "size",
    [
        {},
        {"gsd": 1.5},
        {"sizes_nm": (80.0, 160.0)},
        {"shape": "cubes"},
        {"shape": "rods", "d50_nm": 150.0, "aspect_ratio": 3.0},
    ],
)
def test_the_number_is_known_before_it_is_drawn(size: dict) -> None:
    config = dataclasses.replace(
        SMALL,
        **({"coverage": 0.2, "d50_nm": 90.0, "agglomeration": "single"} | size),
        border="inside",
    )
    assert make_layout(config).max() == pytest.approx(usual_number(config), rel=0.3)


def test_particles_too_small_to_show_are_not_drawn_for_ever(monkeypatch) -> None:
    monkeypatch.setattr(agglomerates, "MAX_DRAWN", 50)
    assert layout(count=100, sizes_nm=(5 * SMALL.nm_per_px,)).max() < 50


@pytest.mark.parametrize(
    "changes",
    [
        {"height": 8},
        {"count": 0},
        {"coverage": 0.99},
        {"count": 5, "coverage": 0.1},
        {"d50_nm": 5.0},
        {"d50_nm": 5000.0},
        {"sizes_nm": (200.0, 1.0)},
        {"gsd": float("nan")},
        {"agglomeration": "piles"},
        {"border": "none"},
        {"shape": "bananas"},
        {"shape": "rods", "aspect_ratio": 0.5},
        {"shape": "rods", "aspect_ratio": 100.0},
        {"shape": "core-shell", "parts": "yolk"},
        {"coverage": 0.8, "d50_nm": 37.0, "height": 2048, "width": 2048},
        {"coverage": 0.8, "sizes_nm": (40.0,), "height": 2048, "width": 2048},
        {"d50_nm": 37.0, "height": 4096, "width": 4096},
    ],
)
def test_impossible_settings_are_refused_in_one_sentence(changes: dict) -> None:
    with pytest.raises(UserError) as refusal:
        layout(**changes)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)


@pytest.mark.parametrize("shape", ["grains", "rods"])
@pytest.mark.parametrize("wrong", [0.1, 90_000.0])
def test_sizes_that_a_refusal_proposes_are_accepted(shape: str, wrong: float) -> None:
    with pytest.raises(UserError) as refusal:
        dataclasses.replace(SMALL, shape=shape, aspect_ratio=1.5, d50_nm=wrong)
    for proposed in re.search(r"choose ([\d.]+) to ([\d.]+) nm", str(refusal.value)).groups():
        dataclasses.replace(SMALL, shape=shape, aspect_ratio=1.5, d50_nm=float(proposed))


def test_command_writes_masks_labels_and_manifest(tmp_path, capsys) -> None:
    command = ["make-masks", "--n", "2", "--out", str(tmp_path / "made"), "--seed", "7"]
    assert main([*command, "--height", "128", "--width", "160", "--coverage", "0.3"]) == 0
    entries = [json.loads(line) for line in (tmp_path / "made/manifest.jsonl").open()]
    assert [entry["layout"]["seed"] for entry in entries] == [7, 8]
    for entry in entries:
        labels = tifffile.imread(tmp_path / "made" / entry["labels"])
        assert labels.dtype == np.uint16 and labels.max() == entry["count"]
        assert np.array_equal(labels, make_layout(LayoutConfig(**entry["layout"])))
        back = read_mask(tmp_path / "made" / entry["mask"])
        assert np.array_equal(back > 0, labels > 0) and back.max() == entry["count"]
        assert Image.open(tmp_path / "made" / entry["mask"]).text["Synthetic"] == "true"
        with tifffile.TiffFile(tmp_path / "made" / entry["labels"]) as tiff:
            assert tiff.imagej_metadata["unit"] == "nm"
            pixels, nm = tiff.pages[0].tags["XResolution"].value
            assert nm / pixels == pytest.approx(7.344, rel=1e-4)
    assert not [path for path in (tmp_path / "made").iterdir() if path.name.startswith(".")]
    assert main(command) == 2
    assert "choose another folder" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--n", "0"], ["--gsd", "99"], ["--agglomeration", "heap"]])
def test_command_refuses_bad_settings(tmp_path, capsys, arguments: list[str]) -> None:
    assert main(["make-masks", "--out", str(tmp_path / "out"), *arguments]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
