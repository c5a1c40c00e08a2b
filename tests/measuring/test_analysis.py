"""From a file to numbers: scale, info bar, split strength, corrections, warnings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan.errors import UserError
from fancgan.measuring.analysis import analyse, distribution_of
from fancgan.measuring.field_of_view import read_field
from fancgan.measuring.predicting import network_zoom, predict
from fancgan.measuring.settings import Settings
from fancgan.pipeline import Pipeline


@pytest.fixture(scope="module")
def pipe(tiny_bundle) -> Pipeline:
    """The tiny bundle: trained, as it says, at 7.344 nm per pixel."""
    return Pipeline.from_pretrained(tiny_bundle)


@pytest.fixture(scope="module")
def discs(draw_discs):
    return draw_discs(320, 400, radii=(14, 18, 22, 26, 30, 34), gap=6)


def write(path: Path, image: np.ndarray, nm: float | None = None) -> Path:
    metadata = {"unit": "nm"} if nm else {}
    resolution = (1 / nm, 1 / nm) if nm else None
    tifffile.imwrite(path, image, imagej=True, resolution=resolution, metadata=metadata)
    return path


def test_discs_are_found_and_measured_in_nm(pipe, discs, tmp_path):
    result = analyse(pipe, write(tmp_path / "a.tif", discs.image, 7.344)).measured
    assert len(result.table) == 6
    assert result.unit == "nm"
    sizes = np.sort(result.table["ecd_nm"])
    assert sizes == pytest.approx(2 * 7.344 * np.array([14, 18, 22, 26, 30, 34]), rel=0.06)
    assert result.covered == pytest.approx(discs.mask.mean(), rel=0.1)
    assert "Only 6 particles" in result.cautions[-1]


def test_without_a_scale_lengths_are_in_pixels(pipe, discs, tmp_path):
    result = analyse(pipe, write(tmp_path / "a.tif", discs.image)).measured
    assert (result.unit, result.column("ecd")) == ("px", "ecd_px")
    assert "ecd_nm" not in result.table


@pytest.mark.parametrize("factor", [0.5, 2.0, 3.1])
def test_the_network_sees_its_own_scale_and_sizes_stay_native(pipe, discs, tmp_path, factor):
    """The same sample at another magnification: the same sizes in nanometres."""
    height, width = discs.image.shape
    size = (round(width * factor), round(height * factor))
    nm = 7.344 / factor
    path = write(tmp_path / "a.tif", np.asarray(Image.fromarray(discs.image).resize(size)), nm)
    field = read_field(path)
    prediction = predict(pipe, field, Settings()).prediction
    assert prediction.zoom == pytest.approx(1 / factor)
    assert prediction.prob.shape == size[::-1]
    result = analyse(pipe, path).measured
    expected = 2 * 7.344 * np.array([14, 18, 22, 26, 30, 34])
    assert np.sort(result.table["ecd_nm"]) == pytest.approx(expected, rel=0.08)
    assert any("times its size" in caution for caution in result.cautions)
    assert predict(pipe, field, Settings(rescale=False)).prediction.zoom == 1


def test_the_zoom_is_held_within_what_can_be_worked_on(pipe, discs, tmp_path):
    field = read_field(write(tmp_path / "a.tif", discs.image, 7.344))
    assert network_zoom(field, None) == 1
    assert network_zoom(field, 7.0) == 1, "a few per cent are within the training's own spread"
    assert network_zoom(field, 1e-3) == pytest.approx(np.sqrt(8e6 / discs.image.size))
    larger = dataclasses.replace(field, pixels=np.broadcast_to(np.uint8(0), (4000, 6000)))
    assert network_zoom(larger, 1e-3) == 1.15, "enlarged a little, and a warning says so"
    assert min(field.pixels.shape) * network_zoom(field, 1e6) == pytest.approx(32)


def test_a_picture_that_wants_more_than_the_bound_says_so(pipe, discs, tmp_path):
    corner = discs.image[:64, :80]
    field = read_field(write(tmp_path / "a.tif", corner))
    for nm, held in ((1000, True), (7.344 * 7.9, False)):
        seen = predict(pipe, dataclasses.replace(field, nm_per_px=nm), Settings())
        assert seen.prediction.zoom == pytest.approx(8 if held else 7.9)
        assert ("more than the 8 times" in " ".join(seen.warnings)) == held


def test_dark_particles_on_bright_ground_are_inverted(pipe, discs, tmp_path):
    path = write(tmp_path / "a.tif", 255 - discs.image)
    assert len(analyse(pipe, path, Settings(invert=True)).measured.table) == 6
    warned = analyse(pipe, path).measured.cautions
    assert any("darker than their ground" in caution for caution in warned)


def test_the_bar_can_be_told(pipe, discs, tmp_path, info_bar):
    image = np.vstack([discs.image, info_bar(40, discs.image.shape[1])])
    path = write(tmp_path / "a.tif", image)
    assert read_field(path).bar_rows == 40
    assert read_field(path, Settings(bar_rows=0)).pixels.shape == image.shape
    assert read_field(path, Settings(bar_rows=50)).pixels.shape[0] == len(image) - 50
    with pytest.raises(UserError, match="leaves fewer"):
        read_field(path, Settings(bar_rows=len(image)))


def test_a_page_can_be_chosen(pipe, discs, tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.stack([np.zeros_like(discs.image), discs.image]))
    assert read_field(path).pages == 2
    assert len(analyse(pipe, path, Settings(page=1)).measured.table) == 6
    with pytest.raises(UserError, match="no page 2"):
        read_field(path, Settings(page=2))


def test_corrections_are_part_of_the_settings(pipe, discs, tmp_path):
    path = write(tmp_path / "a.tif", discs.image)
    before = analyse(pipe, path).measured.table
    row = before.iloc[2]
    place = [row["centroid_x_px"] + 0.5, row["centroid_y_px"] + 0.5]
    settings = Settings(edits=({"do": "delete", "at": place},))
    again = Settings.from_dict(settings.to_dict())
    assert again == settings
    after = analyse(pipe, path, again).measured.table
    assert set(before["label"]) - set(after["label"]) == {row["label"]}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"nm_per_px": -1}, "positive"),
        ({"nm_per_px": float("nan")}, "positive"),
        ({"bar_rows": -1}, "fewer than 0"),
        ({"page": -1}, "from 0"),
        ({"split": 1.5}, "between -1"),
        ({"min_area_px": 0}, "1 pixel"),
        ({"edits": [{"do": "dance"}]}, "Correction 1"),
        ({"colour": "red"}, "nothing else"),
        ({"split": "much"}, "wrong kind"),
        ([], "nothing else"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(bad, words):
    with pytest.raises(UserError, match=words):
        Settings.from_dict(bad)


def test_nothing_found_is_said(pipe, tmp_path):
    noise = np.random.default_rng(0).normal(30, 3, (200, 200)).astype(np.uint8)
    result = analyse(pipe, write(tmp_path / "a.tif", noise)).measured
    assert len(result.table) == 0
    assert "No particle was found" in result.cautions[0]
    assert distribution_of([result]).n == 0


def test_mixed_scales_have_no_common_distribution(pipe, discs, tmp_path):
    with_scale = analyse(pipe, write(tmp_path / "a.tif", discs.image, 7.344)).measured
    without = analyse(pipe, write(tmp_path / "b.tif", discs.image)).measured
    with pytest.raises(UserError, match="scale"):
        distribution_of([with_scale, without])
    assert distribution_of([with_scale, without], "solidity").n == 12


@pytest.mark.micrographs
def test_the_shipped_bundle_measures_the_validation_fields(tio2):
    """Counts within 10 % of the manual masks, diameters within 5 %, over the four fields."""
    from fancgan.datasets.fields import load_fields
    from fancgan.measuring.analysis import Analysis, measure_field
    from fancgan.particles.instances import drop_small

    pipe = Pipeline.from_pretrained()
    found, manual = [], []
    for field in load_fields(tio2, "val", "sem"):
        path = next((tio2 / "sem").glob(f"{field.stem}.*"))
        analysis: Analysis = analyse(pipe, path)
        found.append(analysis.measured)
        true_labels = drop_small(field.labels, 20)
        manual.append(measure_field(analysis.field, true_labels, Settings()).measured)
    count, true = (sum(len(one.table) for one in group) for group in (found, manual))
    assert count == pytest.approx(true, rel=0.10)
    ours, theirs = distribution_of(found), distribution_of(manual)
    for name in ("median", "d90"):
        value = theirs.estimates[name].value
        assert ours.estimates[name].value == pytest.approx(value, rel=0.05)
