"""Particles as objects, in a real browser: by mouse and by keys."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.support import browsing
from tests.support.sketch_page import (
    drag,
    handle,
    mask,
    painted,
    regions,
    spot,
    stroke,
    upload_mask,
)

pytestmark = browsing.MARKS


def test_particles_are_objects(page):
    page.click("[data-do=clear]")
    page.click("[data-do=particle]")
    page.locator("#sketch input[type=range]").fill("80")
    page.mouse.click(*spot(page, 200, 200))
    page.mouse.click(*spot(page, 500, 300))
    first = mask(page)
    sizes = [2 * np.sqrt(region.sum() / np.pi) for region in regions(first)]
    assert sizes == pytest.approx([80, 80], rel=0.03), "the slider is the equal-area diameter"
    # Touching particles stay parted by a line of background.
    drag(page, spot(page, 500, 300), spot(page, 255, 220))
    moved = mask(page)
    assert len(regions(moved)) == 2
    assert moved.sum() < first.sum()
    painted(page, 2)
    page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
    assert page.inner_text("[data-figure=drawn]") == "2"
    # Handles: size, turn, delete.
    x, y = handle(page, "size")
    middle = spot(page, 255, 220)
    drag(page, (x, y), (x + (x - middle[0]) / 4, y + (y - middle[1]) / 4))
    larger = mask(page)
    assert larger.sum() > 1.15 * moved.sum()
    x, y = handle(page, "turn")
    drag(page, (x, y), (x - (y - middle[1]), y + (x - middle[0])))
    turned = mask(page)
    assert not np.array_equal(turned, larger)
    page.click("#sketch [data-handle=delete]")
    assert len(regions(mask(page))) == 1
    # Undo and redo go over objects and strokes alike.
    for expected in (turned, larger, moved, first):
        page.click("[data-do=undo]")
        assert np.array_equal(mask(page), expected)
    for expected in (moved, larger, turned):
        page.click("[data-do=redo]")
        assert np.array_equal(mask(page), expected)


def test_particles_by_keys(page):
    page.click("[data-do=clear]")
    page.focus("#sketch canvas")
    page.keyboard.press("Enter")
    first = mask(page)
    assert first.any()
    page.keyboard.press("Shift+ArrowRight")
    assert np.array_equal(mask(page)[:, 10:], first[:, :-10])
    page.keyboard.press("+")
    assert mask(page).sum() > 1.05 * first.sum()
    before = mask(page)
    for _ in range(9):
        page.keyboard.press("r")
    assert not np.array_equal(mask(page), before)
    page.keyboard.press("Delete")
    assert not mask(page).any()
    page.keyboard.press("Control+z")
    assert mask(page).any()
    # Undo wherever the focus is, but for where text is written.
    page.focus("#layout-1")
    page.keyboard.press("Control+y")
    assert not mask(page).any()
    page.focus("#seed input")
    page.keyboard.press("Control+z")
    assert not mask(page).any()


def test_keys_reach_every_particle(page):
    page.click("[data-do=clear]")
    stroke(page, (0.2, 0.2), (0.25, 0.2))
    stroke(page, (0.7, 0.7), (0.75, 0.7))
    drawn = mask(page)
    page.focus("#sketch canvas")
    for key in ("n", "ArrowUp", "n", "ArrowDown"):
        page.keyboard.press(key)
    expected = np.zeros_like(drawn)
    expected[:255], expected[257:] = drawn[1:256], drawn[256:-1]
    assert np.array_equal(mask(page), expected)
    page.keyboard.press("n")  # around: the first again
    page.keyboard.press("Delete")
    page.keyboard.press("Shift+N")
    page.keyboard.press("Delete")
    assert not mask(page).any()


def test_under_zoom_a_stroke_lies_where_the_pointer_is(page):
    page.click("[data-do=clear]")
    page.click("[data-do=closer]")
    page.click("[data-do=closer]")
    page.mouse.click(*spot(page, 384, 256))
    rows, columns = np.nonzero(mask(page))
    assert (rows.mean(), columns.mean()) == pytest.approx((256, 384), abs=1.5)
    x, y = spot(page, 384, 256)
    page.mouse.move(x, y)
    page.mouse.down(button="middle")
    page.mouse.move(x + 40, y + 30, steps=4)
    page.mouse.up(button="middle")
    assert spot(page, 384, 256) == pytest.approx((x + 40, y + 30), abs=1.5)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 300)
    page.keyboard.up("Control")
    page.wait_for_function("document.querySelector('[data-do=fit]').textContent === '1×'")


def test_a_drawn_region_becomes_an_object_without_a_change(page, tmp_path):
    pixels = np.zeros((160, 240), np.uint8)
    pixels[40:90, 30:90] = pixels[100:140, 150:200] = 255
    pixels[60:70, 50:60] = 0  # a hole
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    upload_mask(page, tmp_path / "mask.png")
    painted(page, 0)
    page.click("[data-do=particle]")
    page.mouse.click(*spot(page, 40, 50))
    assert np.array_equal(mask(page), pixels > 0)
    assert page.get_attribute("#sketch .fa-sketch", "data-chosen") == ""
    drag(page, spot(page, 40, 50), spot(page, 60, 50))
    rolled = np.roll(pixels[:90], 20, axis=1) > 0
    assert np.array_equal(mask(page)[:90, 20:], rolled[:, 20:])
    # The eraser works on it as on strokes.
    page.click("[data-do=eraser]")
    page.locator("#sketch input[type=range]").fill("20")
    page.mouse.click(*spot(page, 100, 80))
    assert 0 < rolled.sum() - mask(page)[:90].sum() <= 330
