"""The whole way in a real browser: draw, paint, another look, take the image, count particles."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bundles import make_tiny_bundle
from PIL import Image
from serving import Served, serve

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
    assert np.array_equal(np.array(Image.open(saved)), shown(page))
    assert Image.open(saved).text["Synthetic"] == "true"

    page.get_by_role("tab", name="Segment").click()
    page.set_input_files("#micrograph input[type=file]", saved)
    page.wait_for_selector("#result .fa-result[data-state=done]")
    assert page.inner_text("#result [data-text=count]") == "2"
    assert "synthetic" in page.inner_text("#result [data-text=name]")
    with page.expect_download() as caught:
        page.click("#result [data-save=labels]")
    assert caught.value.suggested_filename.endswith("_labels.tif")

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
    page.click("#outline")
    assert "drop a micrograph" in toast(page)
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
    assert shown(page).shape == (512, 768)


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
