"""Info bars as the makers of microscopes draw them, and grounds of pictures to put them under."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from tests.support.drawing import draw_discs


class _Bar:
    """A strip of paper to write and draw on: white on dark paper, black on bright paper."""

    def __init__(self, height: int, width: int, paper: int):
        self.ink = 255 if paper < 128 else 0
        self.image = Image.new("L", (width, height), paper)
        self.draw = ImageDraw.Draw(self.image)
        self.height, self.width = height, width

    def write(self, left: int, top: int, words: str, size: int = 11) -> None:
        self.draw.text((left, top), words, fill=self.ink, font=ImageFont.load_default(size))

    def line(self, left: int, row: int, right: int, thickness: int = 1) -> None:
        self.draw.rectangle((left, row, right - 1, row + thickness - 1), fill=self.ink)

    def frame(self, ink: int | None = None) -> None:
        box = (0, 0, self.width - 1, self.height - 1)
        self.draw.rectangle(box, outline=self.ink if ink is None else ink)

    def logo(self, left: int, right: int) -> None:
        """A shield whose grey runs from white to black."""
        levels = np.linspace(255, 0, (right - left)).astype(np.uint8)
        shield = Image.fromarray(np.tile(levels, (self.height - 8, 1)))
        self.image.paste(shield, (left, 4))

    def ticks(self, left: int, top: int, right: int) -> None:
        for column in range(left, right, (right - left) // 10):
            self.draw.rectangle((column, top, column + 1, top + 4), fill=self.ink)


def zeiss(width: int, paper: int = 255, framed: bool = True) -> np.ndarray:
    """Two lines of words and a scale with feet, a shield on the right."""
    bar = _Bar(46, width, paper)
    bar.write(8, 4, "2 um")
    bar.line(8, 30, 68)
    bar.draw.line((8, 25, 8, 35), fill=bar.ink)
    bar.draw.line((67, 25, 67, 35), fill=bar.ink)
    for top, words in (
        (5, "EHT =  5.00 kV    Signal A = InLens"),
        (24, "WD =  5.6 mm    Mag = 25.00 K X"),
    ):
        bar.write(90, top, words)
    bar.logo(width - 44, width - 8)
    if framed:
        bar.frame()
    return np.array(bar.image)


def zeiss_table(width: int) -> np.ndarray:
    bar = _Bar(40, width, 0)
    for left, (above, below) in enumerate(
        (("10 um", ""), ("EHT = 5.00 kV", "I Probe = 80 pA"), ("Signal A = SE2", "WD = 6.6 mm"))
    ):
        bar.write(6 + left * width // 3, 3, above)
        bar.write(6 + left * width // 3, 21, below)
        bar.draw.line((left * width // 3, 0, left * width // 3, 39), fill=255)
    bar.line(width // 3, 19, width)
    bar.line(8, 28, 90)
    return np.array(bar.image)


def jeol(width: int) -> np.ndarray:
    """One line of words spread over black paper, the scale a thick line over its length."""
    bar = _Bar(30, width, 0)
    for number, words in enumerate(("SEI", "5.0kV", "X25,000", "1um", "WD 8.1mm")):
        bar.write(12 + number * width // 5, 10, words, 13)
    bar.line(width // 2, 3, width // 2 + 90, 3)
    return np.array(bar.image)


def hitachi(width: int) -> np.ndarray:
    bar = _Bar(32, width, 0)
    bar.write(3, 11, "SU8010 5.0kV 9.2mm x600 LM(L) 7/10/2018", 13)
    bar.ticks(width - 90, 3, width - 6)
    bar.write(width - 60, 13, "50.0um", 12)
    return np.array(bar.image)


def hitachi_tem(width: int) -> np.ndarray:
    bar = _Bar(20, width, 0)
    bar.write(2, -1, "x30.0k Zoom-1 HC-1 100.0kV 2018/11/25", 9)
    bar.write(2, 8, "Hitachi TEM system.", 9)
    bar.ticks(width - 80, 1, width - 4)
    return np.array(bar.image)


def fei(width: int, paper: int = 0, closing: int = 0) -> np.ndarray:
    """A table of headings and figures, a scale with its length in the middle, a closing line."""
    bar = _Bar(34 + closing, width, paper)
    for number, (heading, value) in enumerate(
        (("HV", "15.0 kV"), ("WD", "5.1 mm"), ("mag", "20 000 x"), ("det", "TLD"))
    ):
        bar.write(5 + number * width // 7, 2, heading)
        bar.write(5 + number * width // 7, 17, value, 10)
        bar.draw.line((number * width // 7, 0, number * width // 7, 33), fill=bar.ink // 2)
    middle = 11 * width // 14
    bar.line(8 * width // 14, 12, middle - 20)
    bar.line(middle + 24, 12, width - 8)
    bar.write(middle - 15, 5, "2 um")
    bar.line(0, 0, width)
    if closing:
        bar.line(0, 34, width, closing)
    return np.array(bar.image)


def tescan(width: int) -> np.ndarray:
    """Three rows of a table on dark grey, with a logo that fades."""
    bar = _Bar(56, width, 40)
    for row, words in enumerate(("SEM HV: 10.0 kV", "View field: 5.54 um", "SEM MAG: 50.0 kx")):
        bar.write(6, 3 + 17 * row, words)
        bar.write(width // 3, 3 + 17 * row, ("WD: 5.05 mm", "Det: InBeam", "Date: 11/25/18")[row])
    bar.logo(width - 80, width - 10)
    return np.array(bar.image)


def amt(width: int) -> np.ndarray:
    """A camera's white page: five lines, and a black line that closes it."""
    bar = _Bar(74, width, 255)
    for row, words in enumerate(
        (
            "Sample_021",
            "AuNPs",
            "12:24:05 23-Apr-19",
            "TEM Mode: Imaging",
            "Gamma: 1.05, No Sharpening",
        )
    ):
        bar.write(3, 1 + 13 * row, words, 10)
    bar.line(width // 2, 4, width // 2 + 50, 4)
    bar.write(width // 2, 10, "50 nm", 10)
    bar.line(0, 70, width, 4)
    return np.array(bar.image)


BARS = {
    "zeiss": zeiss,
    "zeiss without frame": lambda width: zeiss(width, framed=False),
    "zeiss on black": lambda width: zeiss(width, 0),
    "zeiss table": zeiss_table,
    "jeol": jeol,
    "hitachi": hitachi,
    "hitachi tem": hitachi_tem,
    "fei": fei,
    "fei on grey": lambda width: fei(width, 46),
    "fei with a closing line": lambda width: fei(width, 0, 3),
    "tescan": tescan,
    "amt": amt,
}


def textured(height: int, width: int, level: float, seed: int = 0) -> np.ndarray:
    """Particles on a ground [height, width] uint8 with waves, shadows and noise about `level`."""
    rng = np.random.default_rng(seed)
    waves = gaussian_filter(rng.normal(0, 1, (height, width)), 12)
    grain = gaussian_filter(rng.normal(0, 8, (height, width)), 0.6)
    discs = draw_discs(height, width, tuple(rng.uniform(6, 24, 14)), seed).labels > 0
    height_of_discs = gaussian_filter(discs.astype(float), 1) * (90 if level < 128 else -90)
    image = level + 12 * waves / waves.std() + grain + height_of_discs
    return image.clip(0, 255).round().astype(np.uint8)


def published(image: np.ndarray, factor: float = 1, quality: int = 80) -> np.ndarray:
    """The picture after a change of its size and JPEG, as in a paper."""
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    file = BytesIO()
    Image.fromarray(image).resize(size, Image.Resampling.BICUBIC).save(
        file, "jpeg", quality=quality
    )
    return np.array(Image.open(file))
