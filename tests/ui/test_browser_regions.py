"""Regions in a real browser: what is drawn says where particles are measured."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.support import browsing
from tests.support.bars import zeiss
from tests.support.browsing import too_wide
from tests.support.drawing import tem_discs
from tests.support.segment_page import count, d50, does, on_picture, open_segment, saved, table
from tests.support.serving import Served, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browsing.MARKS
SIZE = (420, 300)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Served]:
    """The app as it is started without a flag."""
    temporary = tmp_path_factory.mktemp("regions") / "temporary"
    temporary.mkdir()
    with serve(None, temporary) as running:
        yield running


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "tem.png"
    Image.fromarray(tem_discs().image).save(path)
    return path


def drawn(page: Page, *places: tuple[float, float], size=SIZE) -> None:
    """Press at the first place, move over the others, lift at the last."""
    first, *rest = (on_picture(page, *place, size) for place in places)
    page.mouse.move(*first)
    page.mouse.down()
    for place in rest:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def within(test: Callable[[float, float], bool]) -> int:
    """How many of the discs have their middle where the test says so."""
    return sum(test(column, row) for row, column in tem_discs().centres)


def scale(page: Page) -> str:
    return page.inner_text("#result [data-text=scale]")


def test_regions_say_what_counts(page, picture, tmp_path):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_segment(page, picture)
    whole, every = d50(page), count(page)
    pixels = page.locator("#result [data-set=nm_per_px]")
    does(page, lambda: (pixels.fill("10"), pixels.press("Enter")))
    page.focus("#result canvas")
    page.keyboard.press("r")
    does(page, lambda: drawn(page, (0, 0), (210, 300)))
    left = within(lambda x, y: x < 210)
    assert count(page) == len(table(page)) == left < every
    assert d50(page) != whole
    assert "6.3 µm², 50 % of the picture" in scale(page)
    # A corner is taken further, the outline carries the whole, a part is left out.
    does(page, lambda: drawn(page, (209, 298), (299, 299)))
    assert count(page) == within(lambda x, y: x < 300)
    does(page, lambda: drawn(page, (300, 150), (419, 150)))
    assert count(page) == within(lambda x, y: x > 120)
    page.click("#result [data-use=exclude]")
    page.click("#result [data-shape=polygon]")
    for place in ((130, 10), (410, 10), (410, 150), (130, 150)):
        page.mouse.click(*on_picture(page, *place, SIZE))
    does(page, lambda: page.keyboard.press("Enter"))
    kept = within(lambda x, y: x > 120 and not (130 < x < 410 and 10 < y < 150))
    assert count(page) == kept
    with zipfile.ZipFile(saved(page, "zip", tmp_path)) as archive:
        fields = json.loads(archive.read("settings.json"))["fields"]
    regions = fields["tem"]["settings"]["regions"]
    assert [region["use"] for region in regions] == ["include", "exclude"]
    assert fields["tem"]["measured_area_px"] == pytest.approx(300 * 300 - 280 * 140, rel=0.02)
    page.keyboard.press("Escape")
    does(page, lambda: page.click("#result [data-region=none]"))
    assert count(page) == every
    # By hand, and chosen by a click; Delete takes it away.
    page.click("#result [data-use=include]")
    page.click("#result [data-shape=freehand]")
    does(page, lambda: drawn(page, (5, 5), (200, 5), (200, 295), (5, 295), (5, 8)))
    assert count(page) == within(lambda x, y: x < 200)
    page.keyboard.press("Escape")
    page.mouse.click(*on_picture(page, 100, 150, SIZE))
    does(page, lambda: page.keyboard.press("Delete"))
    assert count(page) == every


def test_words_and_bars_are_regions_that_can_be_moved(page, tmp_path):
    pixels = tem_discs().image.copy()
    pixels[270:276, 300:400] = 255
    Image.fromarray(np.vstack([zeiss(420), pixels])).save(tmp_path / "top.png")
    size = (420, 346)
    open_segment(page, tmp_path / "top.png")
    assert "the top 46 rows" in scale(page)
    every = count(page)
    assert every <= 13
    drawn(page, (200, 46), (200, 100), size=size)
    page.wait_for_function("document.querySelector('[data-set=top_rows]').value === '100'")
    rows = page.locator("#result [data-set=top_rows]")
    does(page, lambda: (rows.fill(""), rows.press("Enter")))
    assert "the top 46 rows" in scale(page), "as it is found"
    # The box of the scale bar is a region too: taken by a corner, and taken away.
    page.click("#result [data-tool=region]")
    page.mouse.click(*on_picture(page, 350, 46 + 273, size))
    does(page, lambda: drawn(page, (403, 46 + 279), (404, 46 + 290), size=size))
    with zipfile.ZipFile(saved(page, "zip", tmp_path)) as archive:
        stored = json.loads(archive.read("settings.json"))["fields"]["top"]["settings"]
    ((x, y, width, height),) = stored["written"]
    assert (x, y, width) == pytest.approx((297, 46 + 267, 107), abs=2) and height > 20
    page.focus("#result canvas")
    does(page, lambda: page.keyboard.press("Delete"))
    assert "Words and bars" not in scale(page)
    does(page, lambda: page.click("#result [data-region=none]"))
    assert "Words and bars" in scale(page) and count(page) == every


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_finger_draws_a_region(page, picture):
    open_segment(page, picture)
    every = count(page)
    page.tap("#result [data-tool=region]")
    page.tap("#result [data-shape=polygon]")
    for place in ((2, 2), (208, 2), (208, 298), (2, 298)):
        page.touchscreen.tap(*on_picture(page, *place, SIZE))
    does(page, lambda: page.tap("#result [data-region=finish]"))
    assert count(page) == within(lambda x, y: x < 208) < every
    assert too_wide(page) <= 0
