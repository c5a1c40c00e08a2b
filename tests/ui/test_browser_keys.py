"""By keyboard alone, by finger, and as assistive programs see the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tifffile

from tests.support import browsing
from tests.support.drawing import draw_discs
from tests.support.paths import ROOT
from tests.support.segment_page import count, does, open_segment, table
from tests.support.sketch_page import mask, spot

pytestmark = browsing.MARKS
AXE = ROOT / "node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def field_file(tmp_path_factory) -> Path:
    discs = draw_discs(300, 420, radii=tuple(range(10, 30, 2)), gap=4)
    path = tmp_path_factory.mktemp("keys") / "field.tif"
    tifffile.imwrite(path, discs.image)
    return path


def test_keys_alone_correct_a_picture(page, field_file):
    open_segment(page, field_file)
    page.click("#sizes th:nth-child(2) button")  # by size
    page.locator("#result canvas").focus()
    keys = page.keyboard
    keys.press("Shift+N")  # the last row, the largest
    largest = page.locator("#sizes .fa-chosen")
    assert largest.locator("td").nth(1).inner_text() == max(
        (row[1] for row in table(page)), key=float
    )
    # A line by the cursor, which begins in the middle of the chosen one, parts it.
    for key in ("s", *["Shift+ArrowUp"] * 3, "Enter", *["Shift+ArrowDown"] * 6):
        keys.press(key)
    does(page, lambda: keys.press("Enter"))
    assert count(page) == 11
    # The same the other way makes it one again.
    for key in ("j", *["Shift+ArrowUp"] * 3, *["Shift+ArrowLeft"] * 2, "Enter"):
        keys.press(key)
    for _ in range(4):
        keys.press("Shift+ArrowRight")
    does(page, lambda: keys.press("Enter"))
    assert count(page) == 10
    keys.press("Escape")
    keys.press("v")
    keys.press("n")
    does(page, lambda: keys.press("Delete"))
    assert count(page) == 9
    assert page.locator("#sizes .fa-chosen").count() == 1, "and the next one is chosen"
    does(page, lambda: keys.press("Control+z"))
    assert count(page) == 10
    before = page.locator("#result [data-set=threshold]").input_value()
    does(page, lambda: keys.press(">"))
    assert float(page.locator("#result [data-set=threshold]").input_value()) > float(before)
    # The sheet names the keys, and Escape closes it.
    keys.press("?")
    assert "next particle" in page.inner_text("#result .fa-keys")
    keys.press("Escape")
    assert not page.is_visible("#result .fa-keys")
    # Rows of the table take the focus, and arrow keys go on from there.
    page.locator("#sizes tr[data-label]").first.focus()
    keys.press("Home")
    keys.press("ArrowDown")
    second = page.locator("#sizes tr[data-label]").nth(1)
    assert second.evaluate("row => row === document.activeElement")
    assert second.get_attribute("data-label") == page.get_attribute(
        "#result .fa-seg", "data-selected"
    )


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_on_touch_buttons_say_what_they_do_and_handles_stay_in_reach(page, field_file):
    page.click("[data-do=clear]")
    page.tap("[data-do=particle]")
    page.touchscreen.tap(*spot(page, 4, 4))
    assert mask(page).any()
    stage = page.locator("#sketch .fa-stage").bounding_box()
    for name in ("turn", "size", "delete"):
        box = page.locator(f"#sketch [data-handle={name}]").bounding_box()
        assert box["x"] >= stage["x"] - 0.5 and box["y"] >= stage["y"] - 0.5, name
    page.tap("#sketch [data-handle=delete]")
    page.wait_for_selector("#view .fa-view[data-state=empty]")
    open_segment(page, field_file)
    words = page.locator("#result [data-do=undo]").inner_text()
    assert "undo" in words
    assert browsing.too_wide(page) <= 0


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here: npm ci installs it")
def test_axe_finds_nothing_serious(page, field_file):
    open_segment(page, field_file)
    page.click("#sizes .fa-arranged summary")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    serious = []
    for tab in ("Segment", "Sketch", "Data set"):
        page.get_by_role("tab", name=tab).click()
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        serious += [
            {"tab": tab, "rule": one["id"], "where": [node["target"] for node in one["nodes"]][:4]}
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    assert not serious, json.dumps(serious, indent=1)
