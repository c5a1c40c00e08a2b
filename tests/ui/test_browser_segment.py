"""Segment in a real browser: micrographs in, corrected, measured and taken away."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from fancgan.microscopy.micrograph import read_micrograph
from tests.support import browsing
from tests.support.browsing import WAIT_MS, toast, too_wide
from tests.support.drawing import draw_discs, info_bar
from tests.support.segment_page import (
    answered,
    count,
    d50,
    does,
    on_picture,
    open_segment,
    saved,
    table,
)

pytestmark = browsing.MARKS
FONT = str(Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf"))


@pytest.fixture(scope="module")
def field_file(tmp_path_factory) -> Path:
    """A TIFF of ten discs and an info bar, 5 nm per pixel by ImageJ's word."""
    folder = tmp_path_factory.mktemp("fields")
    discs = draw_discs(300, 420, radii=tuple(range(10, 30, 2)), gap=4)
    pixels = np.vstack([discs.image, info_bar(40, 420)])
    tifffile.imwrite(
        folder / "field.tif",
        pixels,
        imagej=True,
        resolution=(1 / 7.344, 1 / 7.344),
        metadata={"unit": "nm"},
    )
    return folder / "field.tif"


def middles(folder: Path, content: bytes) -> pd.DataFrame:
    (folder / "p.csv").write_bytes(content)
    return pd.read_csv(folder / "p.csv")


def test_a_tiff_is_measured_corrected_and_taken_away(page, field_file, tmp_path):
    open_segment(page, field_file)
    assert count(page) == 10
    scale = page.inner_text("#result [data-text=scale]")
    assert "7.344 nm per pixel (ImageJ resolution and unit)" in scale
    assert "bottom 40 rows" in scale
    first = d50(page)
    assert first.endswith(" nm")
    assert page.is_visible("#result [data-set=invert]")
    assert not page.is_visible("#result [data-set=diameter_px]"), "a model of one scale"

    # The slider answers live, and its way back gives the same.
    slider = page.locator("#result [data-set=split]")
    does(page, lambda: slider.fill("1"))
    does(page, lambda: slider.fill("0"))
    assert (count(page), d50(page)) == (10, first)

    # Table and picture point at each other.
    particles = middles(tmp_path, saved(page, "csv", tmp_path).read_bytes())
    largest = particles.loc[particles["ecd_nm"].idxmax()]
    page.mouse.click(*on_picture(page, largest["centroid_x_px"], largest["centroid_y_px"]))
    chosen = page.locator("#sizes tr.fa-chosen")
    assert chosen.get_attribute("data-label") == str(largest["label"])
    other = page.locator("#sizes tr[data-label]").first
    other.click()
    label = other.get_attribute("data-label")
    assert page.get_attribute("#result .fa-seg", "data-selected") == label
    page.click("#sizes th:nth-child(2) button")
    sizes = [float(row[1]) for row in table(page)]
    assert sizes == sorted(sizes)

    # One click deletes, and everything follows; undo brings it back, redo takes it again.
    page.click("#result [data-tool=delete]")
    place = on_picture(page, largest["centroid_x_px"], largest["centroid_y_px"])
    does(page, lambda: page.mouse.click(*place))
    assert count(page) == 9
    assert len(table(page)) == 9
    smaller = d50(page)
    assert smaller != first
    does(page, lambda: page.click("#result [data-do=undo]"))
    assert (count(page), d50(page)) == (10, first)
    does(page, lambda: page.click("#result [data-do=redo]"))
    assert (count(page), d50(page)) == (9, smaller)

    # A line splits the second largest, a stroke adds one.
    second = particles.sort_values("ecd_nm").iloc[-2]
    x, y = second["centroid_x_px"], second["centroid_y_px"]
    page.click("#result [data-tool=split]")
    page.mouse.move(*on_picture(page, x - 32, y))
    page.mouse.down()
    page.mouse.move(*on_picture(page, x + 32, y), steps=5)
    does(page, page.mouse.up)
    assert count(page) == 10
    page.click("#result [data-tool=join]")
    page.mouse.move(*on_picture(page, x, y - 10))
    page.mouse.down()
    page.mouse.move(*on_picture(page, x, y + 10), steps=5)
    does(page, page.mouse.up)
    assert count(page) == 9

    # The zip holds what the page shows.
    path = saved(page, "zip", tmp_path)
    assert path.name == "field_results.zip"
    with zipfile.ZipFile(path) as archive:
        with archive.open("particles.csv") as file:
            assert len(pd.read_csv(file)) == 9
        labels = tmp_path / "labels.tif"
        labels.write_bytes(archive.read("field_labels.tif"))
        edits = json.loads(archive.read("settings.json"))["fields"]["field"]["settings"]["edits"]
    assert [edit["do"] for edit in edits] == ["delete", "split", "join"]
    assert read_micrograph(labels).nm_per_px == pytest.approx(7.344, rel=1e-5)
    assert len(np.unique(tifffile.imread(labels))) == 10


def test_the_scale_bar_and_a_number_set_the_pixel_size(page, field_file):
    open_segment(page, field_file)
    pixels = page.locator("#result [data-set=nm_per_px]")
    does(page, lambda: (pixels.fill("14,688"), pixels.press("Enter")))
    assert "14.688 nm per pixel (entered by hand)" in page.inner_text("#result [data-text=scale]")
    page.click("#result [data-tool=scale]")
    page.mouse.move(*on_picture(page, 100, 320))
    page.mouse.down()
    page.mouse.move(*on_picture(page, 200, 320), steps=4)
    page.mouse.up()
    page.fill("#result .fa-ask input", "0.5")
    page.select_option("#result .fa-ask select", "µm")
    does(page, lambda: page.click("#result .fa-ask button[type=submit]"))
    words = page.inner_text("#result [data-text=scale]")
    assert float(words.split(" nm")[0]) == pytest.approx(5.0, rel=0.02)
    does(page, lambda: (pixels.fill(""), pixels.press("Enter")))
    assert "7.344 nm" in page.inner_text("#result [data-text=scale]")
    rows = page.locator("#result [data-set=bar_rows]")
    does(page, lambda: (rows.fill("100"), rows.press("Enter")))
    assert "bottom 100 rows" in page.inner_text("#result [data-text=scale]")
    page.mouse.move(*on_picture(page, 200, 240))
    page.mouse.down()
    page.mouse.move(*on_picture(page, 200, 270), steps=4)
    does(page, page.mouse.up)
    assert int(rows.input_value()) == pytest.approx(70, abs=1), "its edge is dragged"
    does(page, lambda: (rows.fill("100"), rows.press("Enter")))
    rows.fill("100000")
    rows.press("Enter")
    assert "leaves fewer" in toast(page)
    assert rows.input_value() == "100", "a wish that failed leaves what was"


def test_a_scale_bar_is_offered_drawn_and_taken_by_a_click(page, tmp_path):
    pytest.importorskip("rapidocr")
    picture = Image.fromarray(draw_discs(400, 420, radii=tuple(range(10, 30, 2)), gap=4).image)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((250, 330, 419, 399), 0)
    draw.text((292, 340), "200 nm", 255, ImageFont.truetype(FONT, 24))
    draw.rectangle((290, 375, 389, 381), 255)
    picture.save(tmp_path / "bar.png")
    open_segment(page, tmp_path / "bar.png")
    offer = page.locator("#sizes .fa-offer-words", has_text="Scale bar: 200 nm = 100 px")
    offer.wait_for(timeout=WAIT_MS)
    assert offer.inner_text().endswith("so 2 nm per pixel: take it?")
    assert page.locator("#result .fa-seg[data-bar]").count() == 1, "drawn on the picture"
    assert "Pixel size unknown" in page.inner_text("#result [data-text=scale]"), "not yet taken"
    does(page, offer.click)
    assert "2 nm per pixel (scale bar, 200 nm = 100 px)" in page.inner_text(
        "#result [data-text=scale]"
    )
    assert page.locator("#result .fa-seg[data-bar]").count() == 0


def test_several_files_are_measured_together(page, field_file, tmp_path):
    others = []
    for seed in (1, 2):
        path = tmp_path / f"other{seed}.png"
        Image.fromarray(draw_discs(300, 420, radii=(12, 16, 20, 24), seed=seed).image).save(path)
        path.with_suffix(".txt").write_text("[SemImageFile]\nPixelSize=7.344\nDataSize=420x300\n")
        others += [path, path.with_suffix(".txt")]
    broken = tmp_path / "broken.tif"
    broken.write_text("no picture")
    open_segment(page, field_file, broken, *others)
    assert "broken.tif" in toast(page)
    names = page.locator("#result .fa-sheets option").all_inner_texts()
    assert names == ["field", "other1", "other2"]
    assert "Hitachi" in page.inner_text("#result [data-text=scale]")
    assert count(page) == 4
    does(page, lambda: page.select_option("#result .fa-sheets", "0"))
    assert count(page) == 10
    does(page, lambda: page.click("#sizes .fa-pool"))
    assert page.inner_text("#sizes [data-text=n]") == "n = 18"
    assert "over the files" in page.inner_text("#sizes [data-text=how]")
    path = saved(page, "zip", tmp_path)
    with zipfile.ZipFile(path) as archive, archive.open("particles.csv") as file:
        per_file = pd.read_csv(file).groupby("file").size().to_dict()
    assert per_file == {"field": 10, "other1": 4, "other2": 4}
    does(page, lambda: page.click("#result .fa-close"))
    assert page.inner_text("#sizes [data-text=n]") == "n = 8"
    does(page, lambda: page.click("#result .fa-close"))
    page.click("#result .fa-close")
    page.wait_for_selector("#result .fa-seg[data-state=none]")
    assert page.is_visible("#result .fa-blank")


def test_two_visitors_do_not_see_each_other(browser, demo, field_file, tmp_path):
    other = tmp_path / "other.png"
    Image.fromarray(draw_discs(300, 420, radii=(14, 18, 22), seed=5).image).save(other)
    contexts = [browser.new_context(accept_downloads=True) for _ in range(2)]
    pages = []
    for context, path in zip(contexts, (field_file, other), strict=True):
        visitor = context.new_page()
        visitor.set_default_timeout(WAIT_MS)
        visitor.goto(demo.url)
        visitor.wait_for_selector("#view .fa-view[data-state=done]")
        open_segment(visitor, path)
        pages.append(visitor)
    for visitor in pages:
        visitor.click("#result [data-tool=delete]")
    # Both delete at the same time, each a particle of their own.
    places = []
    for visitor in pages:
        frame = middles(tmp_path, saved(visitor, "csv", tmp_path).read_bytes())
        places.append(frame.iloc[0])
    tokens = [v.get_attribute("#result .fa-seg", "data-token") for v in pages]
    sizes = [(420, 340), (420, 300)]
    for visitor, row, size in zip(pages, places, sizes, strict=True):
        place = on_picture(visitor, row["centroid_x_px"], row["centroid_y_px"], size)
        visitor.mouse.click(*place)
    for visitor, token in zip(pages, tokens, strict=True):
        answered(visitor, token)
    assert [count(visitor) for visitor in pages] == [9, 2]
    assert [v.inner_text("#result [data-text=name]") for v in pages] == ["field", "other"]
    for context in contexts:
        context.close()


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_segment_fits_a_phone(page, field_file):
    open_segment(page, field_file)
    assert too_wide(page) <= 0
    assert page.locator("#result canvas").bounding_box()["width"] > 320
