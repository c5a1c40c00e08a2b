"""What counts, and how: the distribution's switch, how particles lie, filters."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.support import browsing
from tests.support.browsing import too_wide
from tests.support.drawing import draw_discs
from tests.support.segment_page import count, d50, does, open_segment, saved, table

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


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_a_handle_on_the_histogram_and_numbers_decide_what_counts(page, field_file, tmp_path):
    open_segment(page, field_file)
    assert count(page) == 36
    first = number(d50(page))
    handle = page.locator("#sizes .fa-handle").first
    handle.scroll_into_view_if_needed()
    grip = handle.locator("path").bounding_box()
    plot = page.locator("#sizes .fa-handles").bounding_box()
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    does(page, lambda: page.mouse.move(x + plot["width"] * 0.4, y, steps=4))
    page.mouse.up()
    page.wait_for_function("!document.querySelector('#result .fa-seg').dataset.busy")
    assert number(d50(page)) > 1.3 * first, "small ones are out, and D50 follows"
    assert count(page) < 30
    assert page.locator("#sizes .fa-out").count() > 0
    # The other end by number; table, picture and statistics follow.
    does(
        page,
        lambda: (
            page.fill("#sizes [aria-label='Count to'] >> nth=-1", "150"),
            page.keyboard.press("Enter"),
        ),
    )
    sizes = [float(row[1]) for row in table(page)]
    assert 0 < len(sizes) == count(page) and max(sizes) <= 150
    assert "filtered out" in page.inner_text("#sizes [data-text=n]")
    path = saved(page, "zip", tmp_path)
    with zipfile.ZipFile(path) as archive:
        settings = json.loads(archive.read("settings.json"))["fields"]["field"]["settings"]
    assert settings["filters"]["ecd_nm"][1] == 150
    assert too_wide(page) <= 0
    # Keys move the handle; the chip takes the filter away.
    before = count(page)
    handle.focus()
    does(page, lambda: page.keyboard.press("Home"))
    assert count(page) > before
    does(page, lambda: page.click("#sizes .fa-filters button"))
    assert (count(page), number(d50(page))) == (36, first)


def test_the_foreground_threshold_stands_beside_merge_and_split(page, field_file):
    open_segment(page, field_file)
    slider = page.locator("#result [data-set=threshold]")
    usual = slider.input_value()
    first = d50(page)
    does(page, lambda: slider.fill("0.93"))
    assert number(d50(page)) < number(first), "only what is surely particle"
    does(page, lambda: page.click("#result [data-do=usual]"))
    assert (slider.input_value(), d50(page)) == (usual, first)


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_a_picture_in_colour_is_opened_after_one_question(page, tmp_path):
    grey = draw_discs(300, 420, radii=(20, 24, 28), gap=4).image
    Image.fromarray(np.stack([grey, 255 - grey, grey // 2], axis=-1)).save(tmp_path / "c.png")
    page.get_by_role("tab", name="Segment").click()
    page.set_input_files("#micrograph input[type=file]", tmp_path / "c.png")
    page.wait_for_selector("#result .fa-colour", state="visible")
    assert "c is in colour" in page.inner_text("#result .fa-colour")
    page.select_option("#result .fa-colour select", "red")
    does(page, lambda: page.click("#result .fa-colour [type=submit]"))
    assert count(page) == 3
    assert not page.is_visible("#result .fa-colour")
    assert too_wide(page) <= 0
