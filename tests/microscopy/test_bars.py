"""Bars as the makers of microscopes draw them, and pictures that only look as if they had one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fancgan.microscopy.info_bar import Bars, find_bars, find_info_bar
from tests.support.bars import BARS, published, textured

HEIGHT, WIDTH = 400, 640
LEVELS = (25, 120, 200)


def write(image: np.ndarray, at: tuple[int, int], words: str, ink: int) -> np.ndarray:
    drawn = Image.fromarray(image)
    ImageDraw.Draw(drawn).text(at, words, fill=ink, font=ImageFont.load_default(13))
    return np.array(drawn)


@pytest.mark.parametrize("maker", BARS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("below", [0, 1, 8])
def test_the_bar_of_each_maker(maker, level, below):
    ground = textured(HEIGHT, WIDTH, level)
    whole = np.vstack([ground, BARS[maker](WIDTH), ground[20 : 20 + below]])
    assert find_info_bar(whole) == HEIGHT
    for factor, quality in ((1, 60), (0.7, 85), (1.3, 80)):
        found = find_info_bar(published(whole, factor, quality))
        assert found is not None and abs(found - factor * HEIGHT) <= 3, (factor, quality)


@pytest.mark.parametrize("maker", BARS)
@pytest.mark.parametrize("below", [0, 3])
def test_a_bar_at_the_top(maker, below):
    ground, bar = textured(HEIGHT, WIDTH, 120), BARS[maker](WIDTH)
    whole = np.vstack([ground[20 : 20 + below], bar, ground])
    bars = find_bars(whole)
    assert bars == Bars(top=below + len(bar))
    assert np.array_equal(bars.cut_off(whole), ground)
    assert find_bars(ground) == Bars()


def with_strip(image: np.ndarray, level: int) -> np.ndarray:
    image = image.copy()
    image[-50:] = level
    return image


def with_dots(image: np.ndarray, level: int, lined_up: bool) -> np.ndarray:
    """Discs in the strip: at random places, or like in size, side by side."""
    image, rng = with_strip(image, level), np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    dots = (
        ((rows - 375) ** 2 + (columns % 24 - 12) ** 2 < 64) if lined_up else np.zeros(image.shape)
    )
    for _ in range(0 if lined_up else 60):
        row, column, radius = rng.uniform(355, HEIGHT), rng.uniform(0, WIDTH), rng.uniform(2, 7)
        dots = np.logical_or(dots, np.hypot(rows - row, columns - column) < radius)
    image[(dots > 0) & (rows >= HEIGHT - 50)] = 255 - level
    return image


def with_edge(image: np.ndarray, level: int) -> np.ndarray:
    """The edge of a film, almost level with the frame."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.where(rows > 330 + 3 * np.sin(columns / 40), np.uint8(level), image)


def written_over(image: np.ndarray, ink: int) -> np.ndarray:
    image = write(image, (4, 378), "SU8100 3.0kV 8.9mm x40.0k SE(L) 01/21/2019", ink)
    return write(image, (570, 378), "1.00um", ink)


def in_a_corner(image: np.ndarray, level: int) -> np.ndarray:
    """A box with a scale over a part of the lower edge."""
    image = image.copy()
    image[-30:, -200:] = level
    image[-6:-3, -180:-20] = 255 - level
    return write(image, (450, 374), "2 um 100 nm", 255 - level)


@pytest.mark.parametrize("level", [0, 5, *LEVELS, 250])
@pytest.mark.parametrize("shade", [0, 255])
@pytest.mark.parametrize(
    "change",
    [
        with_strip,
        lambda image, level: with_dots(image, level, True),
        lambda image, level: with_dots(image, level, False),
        with_edge,
        written_over,
        in_a_corner,
    ],
)
def test_what_looks_like_a_bar(change: Callable, level, shade):
    image = change(textured(HEIGHT, WIDTH, level), shade)
    for seen in (image, published(image, 1, 70), published(image, 0.7, 85), published(image, 1.3)):
        assert find_bars(seen) == Bars()
