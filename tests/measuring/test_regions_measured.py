"""Particles are those with their centroid in a region; the rest of a picture neither counts."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from fancgan.errors import UserError
from fancgan.measuring.analysis import Analysis, analyse, measure_field
from fancgan.measuring.doubts import Judged
from fancgan.measuring.field_of_view import FieldOfView, read_field
from fancgan.measuring.settings import Settings
from fancgan.pipeline import Pipeline
from fancgan.segmentation.finding import Found
from tests.support.bars import zeiss
from tests.support.drawing import draw_discs, tem_discs


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline.from_pretrained("particles")


def box(x0: float, y0: float, x1: float, y1: float, use: str = "include") -> dict:
    return {"use": use, "points": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]}


def centroids(analysis: Analysis) -> set[tuple[int, int]]:
    table = analysis.measured.table
    columns = (table["centroid_x_px"].round(), table["centroid_y_px"].round())
    return set(zip(*(column.astype(int) for column in columns), strict=True))


def test_a_particle_belongs_where_its_centroid_lies(pipe, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", tem_discs().image)
    whole = analyse(pipe, tmp_path / "a.tif")
    left, right, rest = (
        analyse(pipe, tmp_path / "a.tif", Settings(nm_per_px=10, regions=(region,)))
        for region in (box(0, 0, 210, 300), box(210, 0, 420, 300), box(0, 0, 210, 300, "exclude"))
    )
    assert centroids(left) | centroids(right) == centroids(whole)
    assert not centroids(left) & centroids(right), "each is counted once"
    assert centroids(rest) == centroids(right)
    assert left.measured.per_um2 == pytest.approx(
        left.measured.table.loc[~left.measured.table["touches_border"], "border_weight"].sum() / 6.3
    )
    assert left.measured.frame.width == 2100 and rest.measured.frame.width == 2100
    assert left.measured.area_px == whole.measured.area_px / 2 == 210 * 300
    covered = left.measured.covered + right.measured.covered
    assert covered / 2 == pytest.approx(whole.measured.covered)
    assert left.measured.confidence != right.measured.confidence, "each part has its own"
    crossing = left.measured.table
    assert (crossing["border_weight"][~crossing["touches_border"]] >= 1).all()
    with pytest.raises(UserError, match="nothing of the picture"):
        analyse(pipe, tmp_path / "a.tif", Settings(regions=(box(500, 0, 600, 10),)))


def test_a_region_of_the_whole_picture_changes_no_figure():
    discs = draw_discs(160, 192)
    field = FieldOfView("x", discs.image, 7.0, "given", 0, 1)
    one, other = (
        measure_field(field, discs.labels, Settings(), Judged(Found(discs.labels), where=where))
        for where in (None, np.ones((160, 192), bool))
    )
    for name in ("label", "ecd_nm", "touches_border"):
        assert (one.measured.table[name] == other.measured.table[name]).all()
    weights = (a.measured.table["border_weight"] for a in (one, other))
    assert np.allclose(*weights, rtol=0.02), "centroids of pixels lie off the middle of the box"


def test_a_bar_at_the_top_is_no_part_of_the_field(pipe, tmp_path):
    discs, bar = tem_discs(), zeiss(420)
    tifffile.imwrite(tmp_path / "a.tif", discs.image)
    tifffile.imwrite(tmp_path / "top.tif", np.vstack([bar, discs.image]))
    plain, below = (analyse(pipe, tmp_path / f"{name}.tif") for name in ("a", "top"))
    assert below.measured.top_rows == len(bar) and below.labels.shape == (300 + len(bar), 420)
    assert np.array_equal(below.labels[len(bar) :], plain.labels)
    assert below.measured.area_px == plain.measured.area_px
    for name in ("ecd_px", "border_weight", "touches_border", "confidence"):
        assert np.allclose(below.measured.table[name], plain.measured.table[name]), name
    lower = below.measured.table["top_px"] - plain.measured.table["top_px"]
    assert (lower == len(bar)).all(), "places are those of the picture"
    assert read_field(tmp_path / "top.tif", Settings(top_rows=0)).top_rows == 0
    with pytest.raises(UserError, match="leaves fewer"):
        read_field(tmp_path / "top.tif", Settings(top_rows=330))


def test_words_in_the_picture_can_be_told(pipe, tmp_path):
    image = tem_discs().image.copy()
    tifffile.imwrite(tmp_path / "a.tif", image)
    table = analyse(pipe, tmp_path / "a.tif").measured.table
    row = table.iloc[3]
    corner = [int(row["left_px"]), int(row["top_px"])]
    sides = [int(row["right_px"] - row["left_px"]), int(row["bottom_px"] - row["top_px"])]
    told = analyse(pipe, tmp_path / "a.tif", Settings(written=([*corner, *sides],)))
    assert len(told.measured.table) == len(table) - 1
    assert told.measured.area_px == image.size - sides[0] * sides[1]
