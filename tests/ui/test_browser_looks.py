"""The look of the image, in a real browser: seeds, mixtures, levels, a micrograph's look."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.support import browsing
from tests.support.drawing import draw_discs
from tests.support.sketch_page import (
    fresh_image,
    mask,
    shown,
)

pytestmark = browsing.MARKS


def test_looks_side_by_side_mixed_and_levelled(page, tmp_path):
    first = shown(page)
    drawn = page.locator("#look [data-level=background] output").inner_text()
    assert 10 < float(drawn) < 60, "the sliders begin at what the seed drew"
    page.click("[data-do=four]")
    page.wait_for_selector("#look .fa-fan figure")
    tiles = page.locator("#look .fa-take")
    assert tiles.count() == 4
    assert len({tiles.nth(i).locator("img").get_attribute("src") for i in range(4)}) == 4
    taken = fresh_image(page, lambda: tiles.nth(1).click())
    assert not np.array_equal(taken, first)
    number = page.locator("#look figure").nth(1).get_attribute("data-seed")
    assert page.input_value("#seed input") == number
    mixed = fresh_image(page, lambda: page.locator("#look .fa-with").nth(2).click())
    assert not np.array_equal(mixed, taken)
    slider = page.locator("#look .fa-mix input")
    assert np.array_equal(fresh_image(page, lambda: slider.fill("0")), taken)

    # A level that is asked for is seen, and its way back gives the look as drawn.
    ground = ~ndimage.binary_dilation(mask(page), iterations=8)
    level = page.locator("#look [data-level=background]")
    higher = fresh_image(page, lambda: level.locator("input").fill("48"))
    assert level.locator("output").inner_text() == "48"
    back = fresh_image(page, lambda: level.locator("button").click())
    assert np.array_equal(back, taken)
    assert not np.array_equal(higher, taken)
    page.click("#look summary")
    bright = page.locator("#look [data-level=brightness]")
    finished = fresh_image(page, lambda: bright.locator("input").fill("0.2"))
    gain = finished[ground].mean() - taken[ground].mean()
    assert gain == pytest.approx(51, abs=1)
    fresh_image(page, lambda: bright.locator("button").click())

    # The look of a micrograph replaces the seed's.
    path = tmp_path / "reference.png"
    Image.fromarray(draw_discs(200, 300).image).save(path)
    with page.expect_file_chooser() as chooser:
        page.click("#reference")
    like = fresh_image(page, lambda: chooser.value.set_files(path))
    assert "reference.png" in page.inner_text("#look .fa-reference")
    assert not np.array_equal(like, taken)
    assert np.array_equal(fresh_image(page, lambda: page.click("[data-do=unrefer]")), taken)
