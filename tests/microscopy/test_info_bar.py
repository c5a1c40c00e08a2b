"""The info bar is found by its writing and its lines, whatever the ground above it is like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from fancgan.microscopy.image_files import with_strip
from fancgan.microscopy.info_bar import find_info_bar

HEIGHT, WIDTH = 300, 400


def even_ground(level: float, sd: float, particle: float, seed: int = 0) -> np.ndarray:
    """A picture [300, 400] uint8 of 14 discs on an even ground."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image = level + rng.normal(0, sd, (HEIGHT, WIDTH)) if sd else np.full((HEIGHT, WIDTH), level)
    for radius in rng.uniform(5, 18, 14):
        row, column = rng.uniform(0, HEIGHT), rng.uniform(0, WIDTH)
        image[np.hypot(rows - row, columns - column) < radius] = particle
    return np.clip(image, 0, 255).round().astype(np.uint8)


def write_on(image: np.ndarray, at: tuple[int, int], words: str, ink: int) -> np.ndarray:
    drawn = Image.fromarray(image)
    ImageDraw.Draw(drawn).text(at, words, fill=ink)
    return np.array(drawn)


def table(width: int, paper: int, ink: int) -> np.ndarray:
    """A bar [40, width] as a table of two rows and five columns, framed, with figures in it."""
    bar = np.full((40, width), paper, np.uint8)
    for number, (head, value) in enumerate(
        (("HV", "10.0 kV"), ("WD", "5.4 mm"), ("mag", "15 000 x"), ("det", "TLD"), ("HFW", "20 um"))
    ):
        bar = write_on(bar, (8 + number * width // 5, 4), head, ink)
        bar = write_on(bar, (8 + number * width // 5, 23), value, ink)
    bar[[0, 19, -1]] = ink
    bar[:, :: width // 5] = ink
    return bar


GROUNDS = {
    "clipped black": (1, 1, 160),
    "half black": (1, 9, 160),
    "dark": (11, 1, 160),
    "darker than its noise": (4, 4, 160),
    "dark without noise": (11, 0, 160),
    "grey without noise": (90, 0, 200),
    "bright": (244, 1, 70),
    "clipped white": (254, 1, 70),
    "bright without noise": (248, 0, 70),
    "noisy": (31, 5, 131),
}
SATURATED = {"black": (0, 0, 160), "white": (255, 0, 70)}


@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0)])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("seed", range(4))
def test_even_ground_above_a_bar(info_bar, ground, paper, ink, seed):
    image = even_ground(*GROUNDS[ground], seed)
    assert find_info_bar(image) is None
    assert find_info_bar(np.vstack([image, info_bar(40, WIDTH, paper, ink)])) == HEIGHT
    assert find_info_bar(np.vstack([image, table(WIDTH, paper, ink)])) == HEIGHT


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("width", [80, 124, 130, 256, 400])
def test_the_strip_of_a_synthetic_image(ground, width):
    image = even_ground(*GROUNDS[ground])[:, :width]
    for nm_per_px in (None, 7.344):
        assert find_info_bar(with_strip(image, 5, nm_per_px)) == HEIGHT


@pytest.mark.parametrize("ground", [*GROUNDS, *SATURATED])
@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0)])
@pytest.mark.parametrize("below", [0, 1, 2, 8])
def test_lines_frame_the_bar(info_bar, ground, paper, ink, below):
    """Zeiss: a line above and below, of the colour of the writing; picture rows may follow."""
    image = even_ground(*(GROUNDS | SATURATED)[ground])
    bar = info_bar(44, WIDTH, paper, ink)
    bar[[0, -1]] = ink
    whole = np.vstack([image, bar, image[20 : 20 + below]])
    unseen = ground in SATURATED and SATURATED[ground][0] == ink  # a line like the ground above it
    assert find_info_bar(whole) == HEIGHT + unseen


@pytest.mark.parametrize("thickness", [1, 2, 4])
def test_thicker_lines(draw_discs, info_bar, thickness):
    bar = info_bar(52, WIDTH, 255, 0)
    bar[:thickness] = bar[-thickness:] = 0
    assert find_info_bar(np.vstack([draw_discs(HEIGHT, WIDTH).image, bar])) == HEIGHT


@pytest.mark.parametrize("quality", [75, 90])
def test_a_framed_bar_survives_jpeg(tmp_path, draw_discs, quality):
    whole = np.vstack([draw_discs(304, WIDTH).image, table(WIDTH, 0, 255)])
    Image.fromarray(whole).save(tmp_path / "a.jpg", quality=quality)
    assert find_info_bar(np.array(Image.open(tmp_path / "a.jpg"))) in (304, 305)


def black_with_small_particles(seed: int, step: int) -> np.ndarray:
    """A picture whose lower part is black: it ends at a straight edge, or fades within `step`."""
    rng = np.random.default_rng(seed)
    image = 60 + gaussian_filter(rng.normal(0, 8, (HEIGHT, WIDTH)), 0.6)
    image *= np.clip((230 - np.arange(HEIGHT)) / step, 0, 1)[:, None]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for _ in range(rng.integers(20, 300)):
        row, column, radius = rng.uniform(0, HEIGHT), rng.uniform(0, WIDTH), rng.uniform(1, 4)
        near = np.s_[max(0, int(row) - 5) : int(row) + 6, max(0, int(column) - 5) : int(column) + 6]
        image[near][np.hypot(rows[near] - row, columns[near] - column) < radius] = 220
    return image.clip(0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("step", [1, 60])
@pytest.mark.parametrize("invert", [False, True])
def test_particles_on_a_saturated_part_are_no_writing(step, invert):
    for seed in range(60):
        image = black_with_small_particles(seed, step)
        assert find_info_bar(255 - image if invert else image) is None, seed


def agglomerate(draw_discs: Callable) -> np.ndarray:
    image = draw_discs(HEIGHT, WIDTH).image
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image[np.hypot((rows - HEIGHT) / 60, (columns - 200) / 190) < 1] = 150
    return image


def row_of_discs(draw_discs: Callable) -> np.ndarray:
    image = draw_discs(HEIGHT, WIDTH).image
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image[(rows - 286) ** 2 + (columns % 40 - 20) ** 2 < 100] = 140
    return image


def test_no_bar_where_there_is_none(draw_discs):
    for name, draw in {"agglomerate": agglomerate, "row of discs": row_of_discs}.items():
        assert find_info_bar(draw(draw_discs)) is None, name
    for level in (0, 1, 11, 128, 244, 255):
        for sd in (0, 1, 4):
            plain = np.random.default_rng(0).normal(level, sd, (HEIGHT, WIDTH))
            assert find_info_bar(plain.clip(0, 255).round().astype(np.uint8)) is None, (level, sd)


@pytest.mark.parametrize("ground", [*GROUNDS, *SATURATED])
@pytest.mark.parametrize("length", [60, 150, 250])
def test_a_scale_bar_burnt_into_the_picture(ground, length):
    image = even_ground(*(GROUNDS | SATURATED)[ground])
    ink = 255 if image.mean() < 128 else 0
    image = write_on(image, (300, 270), "SE 200 nm", ink)
    assert find_info_bar(image) is None, "letters alone"
    image[290:294, 390 - length : 390] = ink
    assert find_info_bar(image) is None
    microscope = write_on(image, (8, 272), "SU8010 5.0kV 8.9mm x400 LM(L) 7/10/2018", ink)
    assert find_info_bar(microscope) is None, "writing all along the lower edge"
