"""Pictures of any kind in a real browser, without a setting: right, or said to be doubtful."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support import browsing
from tests.support.drawing import mesh, packed_discs, tem_discs
from tests.support.segment_page import count, d50, does, on_picture, open_segment, saved, table
from tests.support.serving import Served, serve

pytestmark = browsing.MARKS
SIZE = (420, 300)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Served]:
    """The app as it is started without a flag."""
    temporary = tmp_path_factory.mktemp("any") / "temporary"
    temporary.mkdir()
    with serve(None, temporary) as running:
        yield running


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    drawn = {"tem": tem_discs().image, "packed": packed_discs().image, "mesh": mesh()}
    for name, pixels in drawn.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in drawn}


def withheld(page) -> bool:
    return page.get_attribute("#sizes .fa-sizes", "data-state") == "withheld"


def test_dark_and_packed_particles_are_found_without_a_setting(page, pictures):
    open_segment(page, pictures["tem"])
    discs = tem_discs()
    assert count(page) == len(discs.radii) == 13
    assert page.is_visible("#result [data-set=diameter_px]")
    assert not page.is_visible("#result [data-set=invert]"), "polarity finds itself"
    typical = page.locator("#result [data-set=diameter_px]")
    assert float(typical.input_value()) == pytest.approx(28, rel=0.1)
    pixels = page.locator("#result [data-set=nm_per_px]")
    found = table(page)
    does(page, lambda: (pixels.fill("2"), pixels.press("Enter")))
    nm = page.inner_text("#result [data-text=typical]").split()[-2]
    assert float(nm) == pytest.approx(2 * float(typical.input_value()), rel=0.01)
    assert len(table(page)) == len(found), "a pixel size changes nothing that is found"
    row, column = discs.centres[-1]
    page.mouse.move(*on_picture(page, column, row, SIZE))
    page.wait_for_selector("#result .fa-card:not([hidden])")
    assert float(page.inner_text("#result .fa-card").split()[-1]) > 0.9
    open_segment(page, pictures["packed"])
    assert count(page) == len(packed_discs().radii)
    page.wait_for_selector("#sizes .fa-offers:not([aria-busy=true])", state="attached")
    page.reload()
    page.wait_for_selector("#view .fa-view[data-state=done]")
    open_segment(page, pictures["tem"])
    assert count(page) == 13


def test_a_picture_without_particles_withholds_statistics(page, pictures, tmp_path):
    open_segment(page, pictures["mesh"])
    assert withheld(page)
    assert not page.is_visible("#sizes .fa-stats") and not page.is_visible("#sizes .fa-table")
    assert "No particle was found" in page.inner_text("#sizes [data-text=doubt]")
    with zipfile.ZipFile(saved(page, "zip", tmp_path)) as archive:
        assert "statistics.csv" not in archive.namelist()
    does(page, lambda: page.click("#sizes [data-anyway]"))
    assert page.is_visible("#sizes .fa-stats") and not withheld(page)
    does(page, lambda: page.click("#sizes [data-anyway]"))
    assert withheld(page)


def test_a_line_across_a_particle_guides_the_model_until_it_is_let_go(page, pictures):
    open_segment(page, pictures["tem"])
    first, typical = d50(page), page.locator("#result [data-set=diameter_px]")
    page.click("#result [data-tool=diameter]")
    page.mouse.move(*on_picture(page, 40, 100, SIZE))
    page.mouse.down()
    page.mouse.move(*on_picture(page, 160, 100, SIZE), steps=4)
    does(page, page.mouse.up)
    assert float(typical.input_value()) == pytest.approx(120, abs=1.5)
    assert d50(page) != first, "the outlines follow"
    does(page, lambda: page.click("#result [data-do=auto]"))
    assert d50(page) == first


def test_a_model_that_knows_the_picture_is_a_click_away(page):
    page.get_by_role("tab", name="Segment").click()
    does(page, lambda: page.click("#take-sketch"))
    offer = page.locator("#sizes .fa-offers button")
    offer.wait_for()
    does(page, offer.click)
    assert page.input_value("#result [data-model]") == "tio2-sem"
    assert not page.is_visible("#result [data-set=diameter_px]")
