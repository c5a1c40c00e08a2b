"""What counts, and how: the distribution's switch, how particles lie, filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.support import browsing
from tests.support.browsing import too_wide
from tests.support.drawing import draw_discs
from tests.support.segment_page import d50, does, open_segment

pytestmark = browsing.MARKS


@pytest.fixture(scope="module")
def field_file(tmp_path_factory) -> Path:
    """A TIFF of 36 discs with radii from 5 to 17 pixels, most of them small, 5 nm per pixel."""
    radii = tuple(np.repeat([17.0, 12.0, 7.0, 5.0], [4, 6, 10, 16]))
    discs = draw_discs(300, 420, radii=radii, gap=4)
    path = tmp_path_factory.mktemp("counts") / "field.tif"
    metadata = {"unit": "nm"}
    tifffile.imwrite(path, discs.image, imagej=True, resolution=(0.2, 0.2), metadata=metadata)
    return path


def number(words: str) -> float:
    return float(words.split(" ")[0])


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_one_switch_counts_by_number_or_by_volume(page, field_file):
    open_segment(page, field_file)
    small = number(d50(page))
    moment = page.inner_text("#sizes [data-statistic=volume_mean] td")
    does(page, lambda: page.select_option("#sizes .fa-by", "volume"))
    assert number(d50(page)) > 1.3 * small
    assert page.inner_text("#sizes [data-statistic=mean] td") == moment
    assert page.inner_text("#sizes [data-statistic=volume_mean] td") == moment
    assert "sphere of equal projected area" in page.inner_text("#sizes [data-text=how]")
    page.click("#sizes .fa-arranged summary")
    assert page.is_visible("#sizes .fa-arranged polyline")
    assert number(page.inner_text("#sizes [data-figure=per_um2]")) == pytest.approx(
        36 / (0.3 * 0.42 * 25), rel=0.2
    )
    assert "36 round" in page.inner_text("#sizes [data-figure=shapes]")
    assert too_wide(page) <= 0
