"""The Sketch tab as the tests use it: drawing by mouse, and what canvas and image show."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

if TYPE_CHECKING:
    from playwright.sync_api import Page


def shown(page: Page) -> np.ndarray:
    """The pixels of the synthetic image on the page."""
    url = page.get_attribute("#view .fa-picture", "src")
    return np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))))


def mask(page: Page) -> np.ndarray:
    """The drawing [H, W] bool, as its canvas shows it."""
    url = page.evaluate("document.querySelector('#sketch canvas').toDataURL()")
    return (
        np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("L")) > 99
    )


def regions(mask: np.ndarray) -> list[np.ndarray]:
    """The 4-connected regions of mask [H, W], each as [H, W] bool."""
    labels, n = ndimage.label(mask)
    return [labels == k for k in range(1, n + 1)]


def sequence(page: Page) -> int:
    return int(page.get_attribute("#sketch .fa-sketch", "data-seq"))


def painted(page: Page, last: int) -> None:
    """Wait until the image belongs to a drawing after number `last`."""
    page.wait_for_function(
        """last => {
          const view = document.querySelector('#view .fa-view').dataset;
          const drawing = document.querySelector('#sketch .fa-sketch').dataset;
          return view.state === 'done' && +view.seq > last && view.seq === drawing.seq;
        }""",
        arg=last,
    )


def fresh_image(page: Page, act: Callable[[], object]) -> np.ndarray:
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


def spot(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the drawing lies on the screen."""
    box = page.locator("#sketch canvas").bounding_box()
    width = page.evaluate("document.querySelector('#sketch canvas').width")
    scale = box["width"] / width
    return box["x"] + x * scale, box["y"] + y * scale


def stroke(page: Page, *points: tuple[float, float]) -> None:
    """Draw through points, given as fractions of the canvas."""
    box = page.locator("#sketch canvas").bounding_box()
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=6)
    page.mouse.up()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def handle(page: Page, name: str) -> tuple[float, float]:
    box = page.locator(f"#sketch [data-handle={name}]").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def upload_mask(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("#mask-upload")
    chooser.value.set_files(path)
