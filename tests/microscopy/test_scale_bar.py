"""Scale bars: drawn ones of known length are found, and what is uncertain is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from fancgan.errors import UserError
from fancgan.measuring.field_of_view import cut_field, offered_bar, scale_of
from fancgan.measuring.settings import Settings
from fancgan.microscopy import words as reading
from fancgan.microscopy.micrograph import Micrograph
from fancgan.microscopy.scale_bar import ScaleBar, bar_of, find_scale_bar
from fancgan.microscopy.words import Word

FONT = ImageFont.truetype(str(Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf")), 24)


class Sheet:
    """A noisy picture, 640 x 480, on which labels and bars are drawn."""

    def __init__(self, ground: int = 90, seed: int = 0):
        noise = np.random.default_rng(seed).normal(ground, 9, (480, 640)).clip(0, 200)
        self.image = Image.fromarray(noise.astype(np.uint8))
        self.draw = ImageDraw.Draw(self.image)
        self.words: list[Word] = []

    def label(self, text: str, x: int, y: int, ink: int = 255) -> Sheet:
        self.draw.text((x, y), text, ink, FONT)
        left, top, right, bottom = self.draw.textbbox((x, y), text, FONT)
        self.words.append(
            Word(text, 0.99, int(top) - 4, int(bottom) + 4, int(left) - 4, int(right) + 4)
        )
        return self

    def box(self, left: int, top: int, right: int, bottom: int, ink: int = 255) -> Sheet:
        self.draw.rectangle((left, top, right - 1, bottom - 1), ink)
        return self

    def found(self) -> ScaleBar | None:
        return bar_of(np.asarray(self.image), self.words)


def plain() -> Sheet:
    return Sheet().label("200 nm", 430, 400).box(420, 440, 520, 447)


def in_a_box() -> Sheet:
    sheet = Sheet().box(400, 380, 560, 460).label("200 nm", 430, 400, 0)
    return sheet.box(420, 440, 520, 446, 0)


def with_ends() -> Sheet:
    """As in the bar of a microscope: |-- 200 nm --|."""
    sheet = Sheet().box(0, 430, 640, 480, 0).label("200 nm", 430, 440)
    right = sheet.words[0].right
    sheet.box(360, 455, 424, 457).box(right + 4, 455, right + 68, 457)
    return sheet.box(360, 449, 362, 463).box(right + 66, 449, right + 68, 463)


def beside() -> Sheet:
    return Sheet().box(0, 430, 640, 480, 0).box(300, 454, 400, 456).label("200 nm", 415, 442)


@pytest.mark.parametrize("drawn", [plain, in_a_box, beside])
def test_a_drawn_bar_is_measured_to_half_a_pixel(drawn):
    bar = drawn().found()
    assert bar.label == "200 nm"
    assert bar.length_px == pytest.approx(100, abs=0.5)
    assert bar.nm_per_px == pytest.approx(2, rel=0.005)


def test_a_label_may_interrupt_its_bar():
    sheet = with_ends()
    bar = sheet.found()
    assert bar.length_px == pytest.approx(sheet.words[0].right + 68 - 360, abs=0.5)
    assert bar.words == f"200 nm = {bar.length_px:.4g} px, so {bar.nm_per_px:.4g} nm per pixel"


@pytest.mark.parametrize(
    ("text", "nm"),
    [("50nm", 50), ("0.5 µm", 500), ("1 um", 1000), ("2.5 μm", 2500), ("100 NM", 100)]
    + [(refused, None) for refused in ("592 nm", "05 µm", "200", "50 mm", "HFW", "0 nm", "7 nm")],
)
def test_labels(text, nm):
    bar = Sheet().label(text, 430, 400).box(420, 440, 520, 447).found()
    assert (bar.nm if bar else None) == nm


def test_what_is_uncertain_is_refused():
    assert Sheet().label("200 nm", 430, 400).found() is None, "no bar"
    assert Sheet().box(420, 440, 520, 447).found() is None, "no label"
    assert Sheet().label("50 nm", 560, 400).box(570, 440, 640, 447).found() is None, "cut"
    assert plain().box(430, 380, 475, 386).found() is None, "two bars"
    assert plain().label("500 nm", 30, 400).box(30, 440, 130, 447).found() is None, "contradiction"
    prolonged = Sheet()
    prolonged.draw.ellipse((500, 425, 545, 462), 215)
    bar = prolonged.label("200 nm", 430, 400).box(420, 440, 520, 447).found()
    assert bar is None or bar.length_px == pytest.approx(100, abs=1), "by a particle"
    unsure = plain()
    unsure.words = [dataclasses.replace(unsure.words[0], confidence=0.7)]
    assert unsure.found() is None


def test_the_library_reads_what_is_drawn():
    pytest.importorskip("rapidocr")
    for drawn in (plain, in_a_box, beside):
        bar = find_scale_bar(np.asarray(drawn().image))
        assert (bar.label, round(bar.nm_per_px, 1)) == ("200 nm", 2.0)
    assert find_scale_bar(np.asarray(Sheet().image)) is None


def test_a_bar_is_offered_only_where_nobody_says_the_pixel_size(monkeypatch):
    sheet = plain()
    monkeypatch.setattr(reading, "can_read", lambda: False)
    unknown, known = (Micrograph(np.asarray(sheet.image), nm, None, None) for nm in (None, 3.0))
    with pytest.raises(UserError, match="pip install rapidocr"):
        offered_bar(unknown, Settings())
    assert offered_bar(known, Settings()) is None
    assert offered_bar(unknown, Settings(nm_per_px=3.0)) is None
    field = cut_field(unknown, "drawn", Settings(**scale_of(sheet.found())))
    assert field.nm_per_px == pytest.approx(2, rel=0.005)
    assert field.nm_source == "scale bar, 200 nm = 100 px"
