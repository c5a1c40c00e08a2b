"""Filters decide what counts, in tables, statistics and label images alike."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from fancgan.errors import UserError
from fancgan.measuring.analysis import Analysis, distribution_of, measure_field
from fancgan.measuring.field_of_view import FieldOfView
from fancgan.measuring.filters import guarded_weights, passing, read_filter, words_on
from fancgan.measuring.properties import border_weights
from fancgan.measuring.results import overlay_png
from fancgan.measuring.settings import Settings


@pytest.fixture
def count(draw_discs):
    """count(filters, nm_per_px) -> the analysis of ten discs with radii of 6, 8 ... 24 px."""
    discs = draw_discs(300, 400, radii=tuple(range(6, 26, 2)))

    def counted(filters: dict, nm_per_px: float | None = 2.0) -> Analysis:
        field = FieldOfView("field", discs.image, nm_per_px, None, 0, 1)
        return measure_field(field, discs.labels, Settings(filters=filters))

    return counted


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, 10),
        ({"ecd_nm": [34, None]}, 8),
        ({"ecd_nm": [34, 60]}, 3),
        ({"ecd_px": [17, 30]}, 3),
        ({"area_px": [None, 400]}, 3),
        ({"ecd_nm": [34, None], "circularity_iso": [None, 0.5]}, 0),
        ({"solidity": [0.5, 1], "confidence": [0.9, None]}, 10),
        ({"length_nm": [1, None]}, 0),
        ({"ecd_nm": [None, None]}, 10),
    ],
)
def test_only_what_all_filters_let_through_counts(count, filters, kept):
    analysis = count(filters)
    assert len(analysis.measured.table) == len(np.unique(analysis.labels)) - 1 == kept
    assert analysis.measured.left_out == 10 - kept
    assert len(np.unique(analysis.everything.labels)) == 11
    assert distribution_of([analysis.measured]).n == kept
    assert analysis.measured.covered == pytest.approx((analysis.labels > 0).mean())
    assert overlay_png(analysis)
    assert Settings.from_dict(json.loads(json.dumps(analysis.measured.settings.to_dict()))) == (
        analysis.measured.settings
    )


def test_neighbours_are_those_that_count(count):
    apart = count({"ecd_nm": [86, None]}).measured.table
    assert apart["neighbour_distance_nm"].nunique() == 1, "two are left, each other's neighbours"
    assert len(apart) == 2


def test_a_corrected_outline_has_no_confidence_and_passes(count):
    table = count({}).measured.table.assign(confidence=[np.nan, 0.4, *[0.9] * 8])
    assert passing(table, {"confidence": (0.5, None)}, 2.0).sum() == 9


@pytest.mark.parametrize(
    "bad",
    [
        {"colour": [1, 2]},
        {"ecd": [1, 2]},
        {"ecd_nm": [2, 1]},
        {"ecd_nm": [1]},
        {"ecd_nm": ["1", 2]},
        {"ecd_nm": [float("nan"), None]},
        {"ecd_nm": 3},
        [1],
    ],
)
def test_what_is_no_filter_is_refused(bad):
    with pytest.raises(UserError, match=r"[Ff]ilter"):
        Settings(filters=bad)


def test_nanometres_need_a_pixel_size(count):
    with pytest.raises(UserError, match="pixel size"):
        count({"ecd_nm": [1, 2]}, nm_per_px=None)


def test_filters_are_read_from_words_and_said_in_words():
    assert read_filter("ecd_nm=10:50") == ("ecd_nm", [10, 50])
    assert dict(map(read_filter, ["solidity=0.9:"])) == {"solidity": [0.9, None]}
    for words in ("ecd_nm", "ecd_nm=10", "ecd_nm=a:b", "ecd_nm=1:2:3"):
        with pytest.raises(UserError, match="not understood"):
            read_filter(words)
    words = words_on(Settings(filters={"ecd_nm": [10, 50], "solidity": [0.9, None]}).filters)
    assert words == "ecd_nm from 10 to 50, solidity from 0.9"


def test_a_filter_on_the_frame_distance_is_a_guard_frame():
    """Boxes laid at every place: what passes stands for all places, whatever the filter."""
    top, left = np.indices((201, 401)).reshape(2, -1)
    table = pd.DataFrame(
        {"left_px": left, "top_px": top, "right_px": left + 100, "bottom_px": top + 100}
    )
    table["frame_distance_nm"] = 2.0 * np.minimum.reduce([left, top, 400 - left, 200 - top])
    table["border_weight"] = border_weights(100, 100, 500, 300)
    every = table["border_weight"].sum()
    for filters in ({}, {"frame_distance_nm": (80.0, None)}, {"frame_distance_px": (20, 60)}):
        passed = table[passing(table, filters, 2.0)]
        found = guarded_weights(passed, filters, 2.0, (500, 300)).sum()
        assert found == pytest.approx(every, rel=0.03), filters
    assert np.array_equal(guarded_weights(table, {}, 2.0, (500, 300)), table["border_weight"])
