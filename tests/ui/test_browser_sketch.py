"""Sketch in a real browser: a drawing becomes an image, and an image of the last drawing."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fancgan.microscopy.image_files import STRIP_PX
from fancgan.particles.labels import read_mask
from tests.support import browsing
from tests.support.browsing import toast, too_wide
from tests.support.segment_page import open_segment
from tests.support.sketch_page import (
    mask,
    painted,
    regions,
    sequence,
    shown,
    stroke,
    upload_mask,
)

pytestmark = browsing.MARKS


def test_from_two_strokes_to_a_count(page, tmp_path):
    page.click("[data-do=clear]")
    assert page.is_visible("#view .fa-blank"), "an empty canvas is explained in words"
    stroke(page, (0.2, 0.3), (0.4, 0.35))
    stroke(page, (0.7, 0.6), (0.75, 0.75))
    painted(page, 1)
    first = shown(page)
    assert first.shape == (512, 768)
    page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
    assert page.inner_text("[data-figure=drawn]") == "2"

    page.click("[data-do=undo]")
    painted(page, 3)
    assert not np.array_equal(shown(page), first)
    page.click("[data-do=redo]")
    painted(page, 4)
    assert np.array_equal(shown(page), first), "the same drawing and seed give the same image"

    page.fill("#seed input", "8")
    page.wait_for_selector("#view .fa-view[data-seed='8'][data-state=done]")
    assert not np.array_equal(shown(page), first)

    with page.expect_download() as caught:
        page.click("#view .fa-save")
    name = caught.value.suggested_filename
    assert "synthetic" in name
    saved = tmp_path / name
    caught.value.save_as(saved)
    with Image.open(saved) as image:
        assert image.text["Synthetic"] == "true"
        pixels = np.array(image)
    assert np.array_equal(pixels[:-STRIP_PX], shown(page))
    assert (pixels[-STRIP_PX:] == 0).mean() > 0.6, "the strip says synthetic"

    with page.expect_download() as caught:
        page.click("#view .fa-save[data-pair]")
    caught.value.save_as(tmp_path / "pair.zip")
    with zipfile.ZipFile(tmp_path / "pair.zip") as archive:
        archive.extractall(tmp_path / "pair")
    stem = "fancgan_synthetic_seed8"
    pair = {p.name.removeprefix(f"{stem}_"): p for p in (tmp_path / "pair").iterdir()}
    assert sorted(pair) == ["image.png", "labels.png", "mask.png", "settings.json"]
    assert np.array_equal(np.array(Image.open(pair["image.png"])), shown(page))
    labels = read_mask(pair["labels.png"])
    assert labels.max() == 2 and np.array_equal(labels > 0, read_mask(pair["mask.png"]) > 0)
    settings = json.loads(pair["settings.json"].read_text())
    assert settings["Synthetic"] == "true" and settings["Seed"] == "8"

    page.click("#sketch [data-do=closer]")
    assert "scale(" in page.get_attribute("#view .fa-picture", "style"), "zooms with the drawing"
    page.click("#sketch [data-do=fit]")

    open_segment(page, saved)
    assert page.get_attribute("#result .fa-seg", "data-count") == "2"
    assert page.is_visible("#result [data-synthetic]")
    assert "PNG text NmPerPx" in page.inner_text("#result [data-text=scale]")

    kept = shown(page)
    page.get_by_role("tab", name="Sketch").click()
    assert page.is_visible("#sketch canvas")
    assert np.array_equal(shown(page), kept), "a visit to the other tab changes nothing"


def test_mistakes_become_toasts(page, tmp_path):
    page.click("[data-do=clear]")
    page.click("#paint")
    assert "no particle" in toast(page)

    upload_mask(page, _colour(tmp_path))
    assert "colour.png" in toast(page)

    page.get_by_role("tab", name="Segment").click()
    text = tmp_path / "notes.tif"
    text.write_text("not a picture")
    page.set_input_files("#micrograph input[type=file]", text)
    assert "notes.tif" in toast(page)


def _colour(folder: Path) -> Path:
    path = folder / "colour.png"
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_uploaded_mask_and_layout_come_to_the_canvas(page, tmp_path):
    mask = np.zeros((160, 240), np.uint8)
    mask[40:80, 30:90] = mask[100:140, 150:200] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    upload_mask(page, tmp_path / "mask.png")
    painted(page, 0)
    assert shown(page).shape == (160, 240)
    assert page.evaluate("document.querySelector('#sketch canvas').width") == 240
    before = sequence(page)
    page.click("#layout-0")
    painted(page, before)
    assert shown(page).shape == (160, 240), "a layout takes the canvas as it is"


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_a_layout_by_numbers(page):
    before = page.locator("#own-layout summary").bounding_box()
    page.click("#own-layout summary")
    assert page.is_visible("#own-layout form") and too_wide(page) <= 0
    if page.viewport_size["width"] > 720:  # a phone's row of buttons scrolls, and wraps for it
        assert page.locator("#own-layout summary").bounding_box() == before, "it stays put"
    page.fill("#own-layout [name=count]", "12")
    page.fill("#own-layout [name=d50_nm]", "300")
    page.fill("#own-layout [name=gsd]", "1.1")
    page.select_option("#own-layout [name=agglomeration]", "single")
    before = sequence(page)
    page.click("#own-layout button")
    painted(page, before)
    found = regions(mask(page))
    assert len(found) == 12
    whole = [one for one in found if one[1:-1, 1:-1].sum() == one.sum()]
    sizes = [2 * 7.344 * np.sqrt(one.sum() / np.pi) for one in whole]
    # Three standard errors of the median of the eight or so that the frame does not cut.
    assert np.median(sizes) == pytest.approx(300, rel=0.13)
    page.select_option("#own-layout [name=shape]", "rods")
    assert page.is_visible("#own-layout [name=flexibility]")
    assert not page.is_visible("#own-layout [name=aspect_mean]")
    page.fill("#own-layout [name=aspect_ratio]", "3")
    before = sequence(page)
    page.click("#own-layout button")
    painted(page, before)
    assert too_wide(page) <= 0
    page.select_option("#own-layout [name=shape]", "grains")
    found = regions(mask(page))
    page.fill("#own-layout [name=d50_nm]", "90000")
    page.click("#own-layout button")
    assert re.search(r"choose [\d.]+ to [\d.]+ nm", toast(page))
    page.fill("#own-layout [name=d50_nm]", "210")
    page.fill("#own-layout [name=count]", "900")
    page.click("#own-layout button")
    assert "at most 33%" in toast(page)
    assert len(regions(mask(page))) == len(found), "what cannot be changes nothing"


def test_hurried_strokes_end_with_the_last(page):
    page.click("[data-do=clear]")
    for i in range(10):
        x = 0.06 + 0.09 * i
        stroke(page, (x, 0.2), (x, 0.5))
    painted(page, 10)
    page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
    assert page.inner_text("[data-figure=drawn]") == "10"
    hurried = shown(page)
    page.click("#another")
    page.wait_for_function("document.querySelector('#view .fa-view').dataset.seed !== '7'")
    page.fill("#seed input", "7")
    page.wait_for_selector("#view .fa-view[data-seed='7'][data-state=done]")
    assert np.array_equal(shown(page), hurried)


def test_another_canvas_size_keeps_the_middle(page):
    before = mask(page)
    page.select_option("#sketch select", "256x256")
    painted(page, 0)
    assert shown(page).shape == (256, 256)
    assert np.array_equal(mask(page), before[128:384, 256:512])
    page.click("[data-do=undo]")
    assert np.array_equal(mask(page), before)
    page.select_option("#sketch select", "512x512")
    page.click("#layout-2")
    page.wait_for_timeout(300)
    painted(page, 2)
    assert shown(page).shape == (512, 512)
