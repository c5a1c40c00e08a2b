"""Data set in a real browser: previewed, made, saved, stopped."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from fancgan.microscopy.image_files import STRIP_PX
from tests.support import browsing
from tests.support.browsing import toast, too_wide

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browsing.MARKS


def wait_for_state(page: Page, state: str) -> None:
    page.wait_for_selector(f"#set .fa-set[data-state={state}]")


@pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)
def test_a_data_set_is_previewed_made_and_saved(page, tmp_path):
    page.get_by_role("tab", name="Data set").click()
    page.fill("#set-n input", "5")
    page.fill("#set-d50 input", "300")
    page.click("#set-shape input")
    page.get_by_role("option", name="rods", exact=True).click()
    page.wait_for_selector("#set-flexibility input")
    assert not page.is_visible("#set-vacancies")
    page.click("#set-preview")
    wait_for_state(page, "previewed")
    assert page.locator("#set figure").count() == 4
    assert too_wide(page) <= 0 or (page.viewport_size["width"] > 390)
    page.click("#set-make")
    wait_for_state(page, "done")
    with page.expect_download() as caught:
        page.click("#set-save")
    assert "synthetic" in caught.value.suggested_filename
    caught.value.save_as(tmp_path / "set.zip")
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        lines = archive.read("manifest.jsonl").decode().splitlines()
        first = json.loads(lines[0])
        image = Image.open(io.BytesIO(archive.read(first["image"])))
    assert len(lines) == 5 and first["layout"]["shape"] == "rods"
    assert image.text["Synthetic"] == "true"
    assert image.size == (256, 256 + STRIP_PX), "the strip is on by default"


def test_a_data_set_is_stopped_and_nothing_is_kept(page, demo):
    page.get_by_role("tab", name="Data set").click()
    page.fill("#set-n input", "500")
    page.click("#set-make")
    assert "make-dataset --n 500" in toast(page)
    page.fill("#set-n input", "200")
    page.click("#set-make")
    wait_for_state(page, "making")
    page.click("#set [data-do=stop]")
    wait_for_state(page, "stopped")
    assert not page.is_visible("#set-save")
    assert not list(demo.temporary.rglob("*.jsonl"))
    assert not list(demo.temporary.rglob("plan.json"))
