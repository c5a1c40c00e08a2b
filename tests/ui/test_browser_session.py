"""Work in the Segment tab is not lost, and settings are for this file or for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.support import browsing
from tests.support.browsing import toast
from tests.support.drawing import draw_discs
from tests.support.segment_page import answered, count, does, on_picture, open_segment, saved

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browsing.MARKS
SIZE = (420, 300)
DISCS = draw_discs(300, 420, radii=(14, 18, 22, 26, 30), gap=6)


@pytest.fixture
def pictures(tmp_path) -> list[Path]:
    paths = [tmp_path / f"{name}.png" for name in "abcdef"]
    for path in paths:
        Image.fromarray(DISCS.image).save(path)
    return paths


def delete_one(page: Page, number: int) -> None:
    row, column = DISCS.centres[number]
    page.click("#result [data-tool=delete]")
    does(page, lambda: page.mouse.click(*on_picture(page, column, row, SIZE)))


def said(page: Page) -> str:
    return page.inner_text("#result [data-text=said]")


def test_corrections_outlive_an_accident(page, demo, pictures, tmp_path):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_segment(page, *pictures[:2])
    every = count(page)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    delete_one(page, 0)
    row, column = DISCS.centres[0]
    page.click("#result [data-tool=split]")
    page.mouse.move(*on_picture(page, column - 6, row, SIZE))
    page.mouse.down()
    page.mouse.move(*on_picture(page, column + 6, row, SIZE), steps=3)
    does(page, page.mouse.up)
    assert said(page) == "Nothing lies there that this would change."
    assert "Corrections by hand: 1." in page.inner_text("#result [data-text=scale]")
    page.evaluate("setTimeout(() => location.reload(), 0)")
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"] and count(page) == every - 1
    # The tab is gone without a question: the next one offers what was kept.
    context = page.context
    page.close(run_before_unload=False)
    again = context.new_page()
    again.set_default_timeout(browsing.WAIT_MS)
    again.goto(demo.url)
    again.get_by_role("tab", name="Segment").click()
    kept = again.locator("#result .fa-kept")
    kept.wait_for()
    assert "2 files, 1 correction by hand" in kept.inner_text()
    before = again.get_attribute("#result .fa-seg", "data-token")
    kept.locator("button").first.click()
    again.wait_for_function("document.querySelectorAll('.fa-sheets option').length === 2")
    answered(again, before)
    assert "Settings taken over from this browser.json: 2 files, 1 correction" in said(again)
    assert count(again) == every - 1
    # What is saved asks no more, and the zip brings it back as well.
    path = saved(again, "zip", tmp_path)
    again.reload()
    open_segment(again, path, pictures[1])
    assert count(again) == every - 1
    assert "Drop their pictures too: a." in said(again)
    assert not again.is_visible("#result .fa-kept")


def test_a_file_that_failed_leaves_the_drop_zone(page, pictures, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    page.get_by_role("tab", name="Segment").click()
    page.set_input_files("#micrograph input[type=file]", broken)
    assert "broken.png" in toast(page)
    page.wait_for_selector("#micrograph input[type=file]", state="attached")
    open_segment(page, pictures[0])
    assert count(page) == 5
    assert page.locator("[data-testid=toast-text]").count() == 0, "it is not opened again"


def test_settings_are_for_this_file_or_for_all(page, pictures):
    open_segment(page, *pictures)
    area = page.locator("#result [data-set=min_area_px]")
    does(page, lambda: (area.fill("900"), area.press("Enter")))
    assert count(page) == 4, "this file"
    does(page, lambda: page.select_option("#result .fa-sheets", "0"))
    assert count(page) == 5
    scope = page.locator("#result [data-scope-choice]")
    assert scope.inner_text().split("\n")[-1].strip() == "all 6 files"
    scope.select_option("all")
    does(page, lambda: (area.fill("1300"), area.press("Enter")))
    counts = []
    for number in range(6):
        does(page, lambda n=number: page.select_option("#result .fa-sheets", str(n)))
        counts.append(count(page))
    assert counts == [3] * 6
    does(page, lambda: page.click("#result [data-do=undo]"))
    does(page, lambda: page.select_option("#result .fa-sheets", "0"))
    assert count(page) == 5
    # While the others are read again this one is in use, and Stop leaves the rest.
    page.evaluate(
        """() => {
          const stop = document.querySelector('#result [data-do=stop]');
          const watch = new MutationObserver(() => {
            if (stop.hidden) return;
            window.waited = document.querySelector('#result .fa-status').textContent;
            stop.click();
            watch.disconnect();
          });
          watch.observe(document.querySelector('#result'), { attributes: true, subtree: true });
        }"""
    )
    does(page, lambda: (area.fill("2000"), area.press("Enter")))
    assert "reading again 2 of 6" in page.evaluate("window.waited")
    assert page.is_hidden("#result [data-do=stop]")
    does(page, lambda: page.select_option("#result .fa-sheets", "5"))
    assert count(page) == 4, "as it was"


def test_opening_is_stopped_before_the_server_has_answered(page, pictures):
    page.get_by_role("tab", name="Segment").click()
    page.evaluate(
        """() => {
          const watch = new MutationObserver(() => {
            if (!('opening' in document.querySelector('#result .fa-seg').dataset)) return;
            document.querySelector('#stop-opening').click();
            watch.disconnect();
          });
          watch.observe(document.querySelector('#result'), { attributes: true, subtree: true });
        }"""
    )
    page.set_input_files("#micrograph input[type=file]", pictures)
    page.wait_for_selector("#stop-opening", state="visible")
    page.wait_for_selector("#stop-opening", state="hidden")
    assert page.locator("#result .fa-sheets option").count() < 6
    open_segment(page, pictures[0])
    assert count(page) == 5
