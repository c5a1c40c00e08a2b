"""Looks of other materials in a real browser, with the bundles that ship."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fancgan.pretrained.bundle import PACKAGED
from fancgan.pretrained.find import DEFAULT
from tests.support import browsing
from tests.support.browsing import too_wide
from tests.support.drawing import tem_discs
from tests.support.serving import Served, serve
from tests.support.sketch_page import fresh_image, mask

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browsing.MARKS


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Served]:
    """The app as the Space serves it."""
    temporary = tmp_path_factory.mktemp("looks") / "temporary"
    temporary.mkdir()
    with serve(PACKAGED / DEFAULT, temporary) as running:
        yield running


def contrast(page: Page, image: np.ndarray) -> float:
    """Mean grey level of the drawn particles minus that of the ground."""
    drawn = mask(page)
    return float(image[drawn].mean() - image[~drawn].mean())


def choose_file(page: Page, path) -> None:
    with page.expect_file_chooser() as choosing:
        page.click("#reference")
    choosing.value.set_files(path)


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_dark_particles_are_painted_in_the_look_of_a_micrograph_and_of_the_gallery(page, tmp_path):
    Image.fromarray(tem_discs().image).save(tmp_path / "tem.png")
    dark = fresh_image(page, lambda: choose_file(page, tmp_path / "tem.png"))
    assert page.inner_text("#look [data-text=reference]") == "look of tem.png"
    assert contrast(page, dark) < -20
    page.click("#gallery")
    page.wait_for_selector("#look .fa-fan figure")
    names = page.locator("#look .fa-fan figcaption").all_inner_texts()
    assert len(names) == len(set(names)) == 12
    assert too_wide(page) <= 0
    for words, sign in (("Bright", 1), ("Dark", -1)):
        number = next(k for k, name in enumerate(names) if name.startswith(words))
        tile = page.locator("#look .fa-fan .fa-take").nth(number)
        image = fresh_image(page, tile.click)
        assert sign * contrast(page, image) > 20
    image = fresh_image(page, lambda: page.click("#look [data-do=unrefer]"))
    assert contrast(page, image) > 60, "the looks of seeds are those of TiO2"
