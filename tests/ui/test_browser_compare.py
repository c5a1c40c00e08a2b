"""The slider of the cycle check, in a real browser: mask, image, read-back, differences."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fancgan.evaluation import metrics
from tests.support import browsing
from tests.support.browsing import too_wide
from tests.support.sketch_page import fresh_image, mask, sequence, stroke

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browsing.MARKS
AGREE, ONLY_DRAWN = (0, 158, 115), (230, 159, 0)


def choose(page: Page, left: str, right: str) -> None:
    page.select_option("#view select[data-side=left]", label=left)
    page.select_option("#view select[data-side=right]", label=right)


def layer(page: Page, side: str) -> np.ndarray:
    """What lies over the image on that side, RGBA [H, W, 4]."""
    url = page.evaluate(
        "side => document.querySelector(`#view canvas[data-side=${side}]`).toDataURL()", side
    )
    return np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))))


def read_back(page: Page) -> None:
    """Wait for the check of the image that is shown."""
    page.wait_for_selector("#cycle .fa-cycle[data-state=fresh]")
    page.wait_for_selector("#view .fa-view:not([data-unread])")


@pytest.fixture
def compared(page) -> Page:
    """The page with two drawn particles, read back, and the slider open."""
    page.click("[data-do=clear]")
    stroke(page, (0.2, 0.4), (0.3, 0.4))
    stroke(page, (0.7, 0.6), (0.8, 0.6))
    page.click("[data-show=compare]")
    read_back(page)
    return page


def test_mask_and_read_back_are_what_the_figures_say(compared):
    page = compared
    choose(page, "Mask", "Read back")
    drawn, read = layer(page, "left")[..., 0] > 99, layer(page, "right")[..., 0] > 99
    assert np.array_equal(drawn, mask(page))
    assert metrics.dice(drawn, read) == pytest.approx(
        float(page.inner_text("[data-figure=dice]")), abs=5e-4
    )
    choose(page, "Image", "Differences")
    assert not layer(page, "left").any(), "nothing lies over the image"
    colours = layer(page, "right")
    assert np.array_equal(colours[..., 3] > 0, drawn | read)
    assert np.allclose(colours[drawn & read][:, :3], AGREE, atol=3)


def test_what_is_not_read_back_is_coloured(compared):
    page = compared
    page.click("#look summary")
    dark = page.locator("#look [data-level=brightness] input")
    fresh_image(page, lambda: dark.fill("-0.3"))  # the particles sink below what is read as one
    read_back(page)
    assert page.inner_text("[data-figure=read]") == "0"
    colours = layer(page, "right")
    drawn = mask(page)
    assert np.array_equal(colours[..., 3] > 0, drawn)
    assert np.allclose(colours[drawn][:, :3], ONLY_DRAWN, atol=3)
    choose(page, "Read back", "Mask")
    assert not (layer(page, "left")[..., 0] > 99).any()


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_a_press_anywhere_moves_the_line(compared):
    page = compared
    choose(page, "Mask", "Differences")
    box = page.locator("#view .fa-stage").bounding_box()
    for share in (0.25, 0.7):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        wipe = page.evaluate(
            "document.querySelector('#view .fa-view').style.getPropertyValue('--fa-wipe')"
        )
        assert float(wipe.rstrip("%")) == pytest.approx(100 * share, abs=1)
    page.keyboard.press("End")
    shot = np.array(Image.open(io.BytesIO(page.locator("#view .fa-stage").screenshot())))
    inner = shot[shot.shape[0] // 2 - 40 :, 10:-10, 0]
    assert set(np.unique(inner[:, ::3])) & set(range(230, 256)), "the mask covers all of it"
    assert too_wide(page) <= 0
    for side in ("left", "right"):
        assert page.is_visible(f"#view select[data-side={side}]")


def test_an_older_check_is_not_shown_over_a_newer_image(compared):
    page = compared
    choose(page, "Mask", "Differences")
    before = sequence(page)
    stroke(page, (0.5, 0.2), (0.5, 0.3))
    page.wait_for_function(
        "last => +document.querySelector('#view .fa-view').dataset.seq > last", arg=before
    )
    read_back(page)
    assert np.array_equal(layer(page, "left")[..., 0] > 99, mask(page))
