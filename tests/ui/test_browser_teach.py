"""Teaching in a real browser: two pictures are corrected and learned, the model is used."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from fancgan.pretrained.bundle import open_bundle
from tests.support import browsing
from tests.support.drawing import tem_discs
from tests.support.segment_page import count, does, on_picture, open_segment
from tests.support.serving import Served, serve

pytestmark = browsing.MARKS
SIZE = (420, 300)
TEACH_MS = 300_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Served]:
    """The app as it is started without a flag."""
    temporary = tmp_path_factory.mktemp("teach") / "temporary"
    temporary.mkdir()
    with serve(None, temporary) as running:
        yield running


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"tem{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        Image.fromarray(tem_discs(seed=seed).image).save(path)
    return paths


def erase(page, seed: int) -> None:
    """Delete the last disc of the picture on top."""
    row, column = tem_discs(seed=seed).centres[-1]
    page.mouse.click(*on_picture(page, column, row, SIZE))
    does(page, lambda: page.keyboard.press("Delete"))


def teach(page, state: str) -> str:
    page.click("#teach-start")
    page.wait_for_selector(f"#teach-status [data-state={state}]", timeout=TEACH_MS)
    return page.inner_text("#teach-status")


def test_two_corrected_pictures_make_a_model_that_is_used(page, pictures, tmp_path):
    for seed, picture in enumerate(pictures):
        open_segment(page, picture)
        if seed < 2:
            erase(page, seed)
    page.click("#teach button.label-wrap")
    page.fill("#teach-steps input", "2")
    page.click("#teach-start")
    page.wait_for_selector("#teach-status progress")
    page.click("#teach-stop")
    page.wait_for_function("document.querySelector('#teach-status').innerText.includes('stopped')")
    words = teach(page, "done")
    assert "On 1 kept aside" in words
    with page.expect_download() as caught:
        page.click("#teach-save")
    caught.value.save_as(tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        archive.extractall(tmp_path)
    assert open_bundle(tmp_path / "mine").config["taught"]["pictures"] == 2
    does(page, lambda: page.click("#teach-use"))
    assert page.input_value("#result [data-model]") == "mine"
    assert count(page) == len(tem_discs(seed=2).radii)
