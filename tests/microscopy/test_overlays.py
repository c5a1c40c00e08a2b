"""Words and scale bars burnt into a picture are marked, particles are not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fancgan.microscopy.overlays import find_overlays
from tests.support.bars import published, textured

HEIGHT, WIDTH = 400, 640
WORDS, SCALE = np.s_[20:60, 20:150], np.s_[360:366, 480:600]


def burnt(image: np.ndarray, ink: int) -> np.ndarray:
    """The picture with '200 nm' in its upper left corner and a scale bar in its lower right."""
    drawn = Image.fromarray(image)
    ImageDraw.Draw(drawn).text((24, 24), "200 nm", fill=ink, font=ImageFont.load_default(30))
    image = np.array(drawn)
    image[SCALE] = ink
    return image


@pytest.mark.parametrize(("level", "ink"), [(60, 255), (150, 255), (120, 0), (190, 0)])
@pytest.mark.parametrize("quality", [None, 80])
def test_words_and_a_scale_bar(level, ink, quality):
    image = textured(HEIGHT, WIDTH, level)
    seen = burnt(image, ink)
    drawn = seen != image
    found = find_overlays(seen if quality is None else published(seen, 1, quality))
    assert found.shape == seen.shape and found.dtype == bool
    assert found[drawn].mean() > 0.95
    around = np.zeros_like(found)
    around[WORDS] = around[350:376, 470:610] = True
    assert not (found & ~around).any()


def rods(level: int, ink: int) -> np.ndarray:
    """Saturated rods and discs side by side on one line, level and upright."""
    image = textured(HEIGHT, WIDTH, level) // 2 + level // 2
    image = image.astype(np.uint8)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image[(rows % 40 < 8) & (columns % 60 < 40) & (rows < 70)] = ink
    image[(rows - 100) ** 2 + (columns % 40 - 20) ** 2 < 225] = ink
    image[(abs(rows - 200) < 16) & (columns % 20 < 8)] = ink
    image[(abs(rows - 300 - (columns % 30) / 3) < 14) & (columns % 30 < 12)] = ink
    return image


@pytest.mark.parametrize(("level", "ink"), [(60, 255), (190, 0)])
def test_particles_are_no_letters(level, ink):
    assert not find_overlays(rods(level, ink)).any()
    for level_of_ground in (0, 25, 120, 230, 255):
        assert not find_overlays(textured(HEIGHT, WIDTH, level_of_ground)).any()


def test_saturated_noise_is_quickly_left_alone():
    noise = np.random.default_rng(0).integers(0, 2, (192, 256)).repeat(4, 0).repeat(4, 1) * 255
    start = time.process_time()
    find_overlays(noise.astype(np.uint8))
    assert time.process_time() - start < 1
