"""Pictures without a particle, as a person may drop them by mistake or for a trial."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_cdt, gaussian_filter

from fancgan.training.any_particle.looks import BAR_WORDS, WORDS

SIDES_PX = (192, 448)
LEAST_GROUND_PX = 96


def strange_picture(rng: np.random.Generator, number: int) -> tuple[str, NDArray[np.uint8]]:
    """Return kind and grey levels [H, W] of a picture that shows no particle; kinds by turns."""
    kinds = list(KINDS)
    kind = kinds[number % len(kinds)]
    height, width = (int(n) for n in rng.integers(*SIDES_PX, 2))
    grey = KINDS[kind](rng, height, width)
    grey = (grey - grey.mean()) / (grey.std() + 1e-6)
    contrast = math.exp(rng.uniform(math.log(4), math.log(60)))
    noise = rng.normal(0, math.exp(rng.uniform(math.log(0.5), math.log(20))), grey.shape)
    grey = rng.uniform(40, 200) + contrast * grey + noise
    return kind, grey.clip(0, 255).round().astype(np.uint8)


def ground_of(image: NDArray[np.uint8], labels: NDArray[np.integer]) -> NDArray[np.uint8] | None:
    """Return the largest square of a field [H, W] without a particle; None where it is small."""
    free = np.pad(labels == 0, 1)
    reach = distance_transform_cdt(free, "chessboard")[1:-1, 1:-1]
    row, column = np.unravel_index(int(reach.argmax()), reach.shape)
    half = int(reach[row, column])
    if 2 * half - 1 < LEAST_GROUND_PX:
        return None
    return image[row - half + 1 : row + half, column - half + 1 : column + half]


def _noise(rng: np.random.Generator, height: int, width: int) -> NDArray:
    return gaussian_filter(rng.normal(0, 1, (height, width)), rng.choice([0, 0.7, 1.5, 4]))


def _gradient(rng: np.random.Generator, height: int, width: int) -> NDArray:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([x, y, x * y, x * x, y * y])
    return np.tensordot(rng.normal(0, 1, len(terms)), terms, 1)


def _film(rng: np.random.Generator, height: int, width: int) -> NDArray:
    """Soft lumps of one size, as a carbon film has them."""
    lump = math.exp(rng.uniform(math.log(2), math.log(16)))
    noise = rng.normal(0, 1, (height, width))
    band = gaussian_filter(noise, lump) - gaussian_filter(noise, 2 * lump)
    return np.tanh(band / band.std() * rng.uniform(0.3, 1.2))


def _rough(rng: np.random.Generator, height: int, width: int) -> NDArray:
    """Noise of all scales: its amplitude falls with frequency, by a power drawn."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    amplitude = np.maximum(np.hypot(y, x), 1 / max(height, width)) ** -rng.uniform(0.7, 1.8)
    return np.fft.ifft2(np.fft.fft2(rng.normal(0, 1, (height, width))) * amplitude).real


def _stripes(rng: np.random.Generator, height: int, width: int) -> NDArray:
    """A grating, or the scratches of a polish: waves in one direction."""
    angle, period = rng.uniform(0, math.pi), math.exp(rng.uniform(math.log(4), math.log(60)))
    y, x = np.mgrid[:height, :width]
    way = math.cos(angle) * x + math.sin(angle) * y
    way = way + rng.uniform(0, 2) * gaussian_filter(rng.normal(0, 1, (height, width)), 12) * 24
    return np.tanh(rng.uniform(0.5, 3) * np.sin(2 * math.pi * way / period))


def _letters(rng: np.random.Generator, height: int, width: int) -> NDArray:
    """Writing alone: a title slide, an info bar, a legend."""
    picture = Image.new("L", (width, height))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 9)):
        font = ImageFont.load_default(math.exp(rng.uniform(math.log(10), math.log(60))))
        place = rng.uniform(0, 0.8) * width, rng.uniform(0, 0.95) * height
        pen.text(place, str(rng.choice([*WORDS, *BAR_WORDS])), fill=255, font=font)
    return np.asarray(picture, np.float64) * rng.choice([-1, 1])


KINDS: dict[str, Callable[[np.random.Generator, int, int], NDArray]] = {
    "noise": _noise,
    "film": _film,
    "letters": _letters,
    "rough": _rough,
    "gradient": _gradient,
    "stripes": _stripes,
}
