"""The whole way in a real browser: draw, paint, another look, take the image, count particles."""

from __future__ import annotations

import base64
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from bundles import make_tiny_bundle
from conftest import draw_discs, info_bar
from PIL import Image
from scipy import ndimage
from serving import Served, serve

from fancgan.micrograph import read_micrograph
from fancgan.outputs import STRIP_PX

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("gradio")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: bash tests/run installs it"),
]
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 90_000


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("browser")
    temporary = folder / "temporary"
    temporary.mkdir()
    with serve(make_tiny_bundle(folder / "tiny"), temporary) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(params=["desktop"])
def page(request, browser, served) -> Iterator[sync_api.Page]:
    """The loaded page; at the end nothing may have gone wrong or gone out."""
    phone = request.param == "phone"
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 860}
    context = browser.new_context(viewport=size, has_touch=phone, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(f"error: {error}"))
    opened.on("console", lambda line: line.type == "error" and problems.append(line.text))
    opened.on("request", lambda request: _local(request.url) or problems.append(request.url))
    opened.goto(served.url)
    opened.wait_for_selector("#view .fa-view[data-state=done]")
    yield opened
    context.close()
    assert not problems


def _local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://localhost:", "data:", "blob:"))


def shown(page: sync_api.Page) -> np.ndarray:
    """The pixels of the synthetic image on the page."""
    url = page.get_attribute("#view .fa-picture", "src")
    return np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))))


def painted(page: sync_api.Page, last: int) -> None:
    """Wait until the image belongs to a drawing after number `last`."""
    page.wait_for_function(
        """last => {
          const view = document.querySelector('#view .fa-view').dataset;
          const drawing = document.querySelector('#sketch .fa-sketch').dataset;
          return view.state === 'done' && +view.seq > last && view.seq === drawing.seq;
        }""",
        arg=last,
    )


def sequence(page: sync_api.Page) -> int:
    return int(page.get_attribute("#sketch .fa-sketch", "data-seq"))


def stroke(page: sync_api.Page, *points: tuple[float, float]) -> None:
    """Draw through points, given as fractions of the canvas."""
    box = page.locator("#sketch canvas").bounding_box()
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=6)
    page.mouse.up()


def open_segment(page: sync_api.Page, *paths: Path) -> None:
    """Drop files into the Segment tab and wait for the last of them."""
    page.get_by_role("tab", name="Segment").click()
    before = page.get_attribute("#result .fa-seg", "data-token")
    page.set_input_files("#micrograph input[type=file]", paths)
    answered(page, before)


def answered(page: sync_api.Page, before: str | None) -> None:
    """Wait for the answer after the one with the token `before`, on both sides of the tab."""
    page.wait_for_function(
        """before => {
          const picture = document.querySelector('#result .fa-seg').dataset;
          const numbers = document.querySelector('#sizes .fa-sizes').dataset;
          return picture.state === 'done' && picture.token !== (before ?? undefined)
            && numbers.state === 'done';
        }""",
        arg=before,
    )


def upload_mask(page: sync_api.Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("#mask-upload")
    chooser.value.set_files(path)


def toast(page: sync_api.Page) -> str:
    page.wait_for_selector("[data-testid=toast-text]")
    words = page.inner_text("[data-testid=toast-text]")
    page.click("[data-testid=toast-close]")
    page.wait_for_selector("[data-testid=toast-text]", state="detached")
    return words


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


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_finger_draws_on_a_phone(page):
    page.click("[data-do=clear]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator("#sketch canvas").bounding_box()
    assert box["width"] > 320
    page.touchscreen.tap(box["x"] + 100, box["y"] + 100)
    painted(page, 1)
    page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
    assert page.inner_text("[data-figure=drawn]") == "1"


def spot(page: sync_api.Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the drawing lies on the screen."""
    box = page.locator("#sketch canvas").bounding_box()
    width = page.evaluate("document.querySelector('#sketch canvas').width")
    scale = box["width"] / width
    return box["x"] + x * scale, box["y"] + y * scale


def mask(page: sync_api.Page) -> np.ndarray:
    """The drawing [H, W] bool, as its canvas shows it."""
    url = page.evaluate("document.querySelector('#sketch canvas').toDataURL()")
    return (
        np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("L")) > 99
    )


def drag(page: sync_api.Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def handle(page: sync_api.Page, name: str) -> tuple[float, float]:
    box = page.locator(f"#sketch [data-handle={name}]").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_particles_are_objects(page):
    page.click("[data-do=clear]")
    page.click("[data-do=particle]")
    page.locator("#sketch input[type=range]").fill("80")
    page.mouse.click(*spot(page, 200, 200))
    page.mouse.click(*spot(page, 500, 300))
    first = mask(page)
    sizes = [2 * np.sqrt(region.sum() / np.pi) for region in _regions(first)]
    assert sizes == pytest.approx([80, 80], rel=0.03), "the slider is the equal-area diameter"
    # Touching particles stay parted by a line of background.
    drag(page, spot(page, 500, 300), spot(page, 255, 220))
    moved = mask(page)
    assert len(_regions(moved)) == 2
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
    drag(page, (x, y), (x + 90, y + 60))
    turned = mask(page)
    assert not np.array_equal(turned, larger)
    page.click("#sketch [data-handle=delete]")
    assert len(_regions(mask(page))) == 1
    # Undo and redo go over objects and strokes alike.
    for expected in (turned, larger, moved, first):
        page.click("[data-do=undo]")
        assert np.array_equal(mask(page), expected)
    for expected in (moved, larger, turned):
        page.click("[data-do=redo]")
        assert np.array_equal(mask(page), expected)


def _regions(mask: np.ndarray) -> list[np.ndarray]:
    labels, n = ndimage.label(mask)
    return [labels == k for k in range(1, n + 1)]


def test_particles_by_keys_and_zoom(page):
    page.click("[data-do=clear]")
    page.focus("#sketch canvas")
    page.keyboard.press("Enter")
    first = mask(page)
    assert first.any()
    page.keyboard.press("Shift+ArrowRight")
    assert np.array_equal(mask(page)[:, 10:], first[:, :-10])
    page.keyboard.press("+")
    assert mask(page).sum() > 1.05 * first.sum()
    page.keyboard.press("r")
    page.keyboard.press("Delete")
    assert not mask(page).any()
    # Under zoom a stroke lies where the pointer is.
    page.click("[data-do=brush]")
    page.click("[data-do=closer]")
    page.click("[data-do=closer]")
    page.mouse.click(*spot(page, 384, 256))
    rows, columns = np.nonzero(mask(page))
    assert (rows.mean(), columns.mean()) == pytest.approx((256, 384), abs=1.5)
    page.click("[data-do=fit]")
    assert page.inner_text("[data-do=fit]") == "1×"


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


def fresh_image(page: sync_api.Page, act) -> np.ndarray:
    """Do something that makes the server paint anew, and wait for that."""
    before = page.get_attribute("#view .fa-view", "data-round")
    act()
    page.wait_for_function(
        """before => {
          const view = document.querySelector('#view .fa-view').dataset;
          return view.state === 'done' && view.round !== before;
        }""",
        arg=before,
    )
    return shown(page)


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


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_finger_places_and_moves_a_particle(page):
    page.click("[data-do=clear]")
    page.tap("[data-do=particle]")
    page.touchscreen.tap(*spot(page, 300, 200))
    first = mask(page)
    assert len(_regions(first)) == 1
    assert page.locator("#sketch [data-handle=delete]").bounding_box()["width"] >= 30
    page.tap("#sketch [data-handle=delete]")
    assert not mask(page).any()


# the Segment tab


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


def count(page: sync_api.Page) -> int:
    return int(page.get_attribute("#result .fa-seg", "data-count"))


def d50(page: sync_api.Page) -> str:
    return page.inner_text("#sizes [data-statistic=median] td")


def table(page: sync_api.Page) -> list[list[str]]:
    rows = page.locator("#sizes tr[data-label]")
    return [rows.nth(i).locator("td").all_inner_texts() for i in range(rows.count())]


def on_picture(
    page: sync_api.Page, x: float, y: float, size: tuple[int, int] = (420, 340)
) -> tuple[float, float]:
    """Where a pixel of the fitted picture of that width and height lies on the screen."""
    canvas = page.locator("#result canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    width, height = size
    scale = min(box["width"] / width, box["height"] / height)
    left = box["x"] + (box["width"] - width * scale) / 2
    top = box["y"] + (box["height"] - height * scale) / 2
    return left + x * scale, top + y * scale


def does(page: sync_api.Page, act) -> None:
    """Do something that makes the server answer, and wait for that."""
    before = page.get_attribute("#result .fa-seg", "data-token")
    act()
    answered(page, before)


def middles(folder: Path, content: bytes) -> pd.DataFrame:
    (folder / "p.csv").write_bytes(content)
    return pd.read_csv(folder / "p.csv")


def saved(page: sync_api.Page, what: str, path: Path) -> Path:
    with page.expect_download() as caught:
        page.click(f"#sizes [data-save={what}]")
    path = path / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def test_a_tiff_is_measured_corrected_and_taken_away(page, field_file, tmp_path):
    open_segment(page, field_file)
    assert count(page) == 10
    scale = page.inner_text("#result [data-text=scale]")
    assert "7.344 nm per pixel (ImageJ resolution and unit)" in scale
    assert "bottom 40 rows" in scale
    first = d50(page)
    assert first.endswith(" nm")

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
    rows.fill("100000")
    rows.press("Enter")
    assert "leaves fewer" in toast(page)
    assert rows.input_value() == "100", "a wish that failed leaves what was"


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


def test_two_visitors_do_not_see_each_other(browser, served, field_file, tmp_path):
    other = tmp_path / "other.png"
    Image.fromarray(draw_discs(300, 420, radii=(14, 18, 22), seed=5).image).save(other)
    contexts = [browser.new_context(accept_downloads=True) for _ in range(2)]
    pages = []
    for context, path in zip(contexts, (field_file, other), strict=True):
        visitor = context.new_page()
        visitor.set_default_timeout(WAIT_MS)
        visitor.goto(served.url)
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
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#result canvas").bounding_box()["width"] > 320


# the Data set tab


def set_state(page: sync_api.Page, state: str) -> None:
    page.wait_for_selector(f"#set .fa-set[data-state={state}]")


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_a_data_set_is_previewed_made_and_saved(page, tmp_path):
    page.get_by_role("tab", name="Data set").click()
    page.fill("#set-n input", "5")
    page.click("#set-preview")
    set_state(page, "previewed")
    assert page.locator("#set figure").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 or (
        page.viewport_size["width"] > 390
    )
    page.click("#set-make")
    set_state(page, "done")
    with page.expect_download() as caught:
        page.click("#set-save")
    assert "synthetic" in caught.value.suggested_filename
    caught.value.save_as(tmp_path / "set.zip")
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        lines = archive.read("manifest.jsonl").decode().splitlines()
        first = json.loads(lines[0])
        image = Image.open(io.BytesIO(archive.read(first["image"])))
    assert len(lines) == 5
    assert image.text["Synthetic"] == "true"
    assert image.size == (256, 256 + STRIP_PX), "the strip is on by default"


def test_a_data_set_is_stopped_and_nothing_is_kept(page, served):
    page.get_by_role("tab", name="Data set").click()
    page.fill("#set-n input", "500")
    page.click("#set-make")
    assert "make-dataset --n 500" in toast(page)
    page.fill("#set-n input", "200")
    page.click("#set-make")
    set_state(page, "making")
    page.click("#set [data-do=stop]")
    set_state(page, "stopped")
    assert not page.is_visible("#set-save")
    assert not list(served.temporary.rglob("*.jsonl"))
    assert not list(served.temporary.rglob("plan.json"))
