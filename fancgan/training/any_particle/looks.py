"""One micrograph in many looks: polarity, contrast, shading, grain, letters.

Grey levels here are relative: the 1 % and 99 % quantiles of the picture at 0 and 1, as the network
is given them (deployed.py) but for its range. Shares and strengths are those that were trained
with; each draws from `rng` alone.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, gaussian_filter1d

WORDS = ("100 nm", "500 nm", "1 µm", "2um", "20 nm", "(a)", "b", "c)", "D", "A1", "HRTEM")
BAR_WORDS = (*WORDS, "SEM HV: 5.0 kV", "WD 8.2 mm", "Mag = 50.00 K X", "EHT = 20 kV")
LETTERED_SHARE = 0.14
MIN_LETTERED_PX = 64
CLIP = 1.6


def new_look(rng: np.random.Generator, grey: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return grey levels [H, W] in another look, in the range of the network's input.

    grey: relative grey levels, mostly in [0, 1].
    """
    grey = grey.clip(-0.2, 1.2)
    if rng.random() < 0.5:
        grey = grey.clip(0, 1) ** math.exp(rng.normal(0, 0.35))
    if rng.random() < 0.3:
        grey = 1 - grey
    if rng.random() < 0.3:
        grey = _shaded(rng, grey)
    if rng.random() < 0.06:
        grey = grey + _streaks(rng, len(grey))
    if rng.random() < 0.25:
        grey = gaussian_filter(grey, rng.uniform(0.3, 1.8))
    if rng.random() < 0.5:
        grey = grey + _grain(rng, grey)
    if rng.random() < 0.15:
        grey = _compressed(grey, int(rng.integers(20, 85)))
    if rng.random() < 0.3:  # what a region of the picture alone would be normalised by
        low, high = np.quantile(grey[::2, ::2], (0.01, 0.99))
        grey = (grey - low) / max(high - low, 0.1)
    grey = (grey - 0.5) * math.exp(rng.normal(0, 0.15)) + 0.5 + rng.normal(0, 0.07)
    return (2 * grey - 1).clip(-CLIP, CLIP).astype(np.float32)


def _shaded(rng: np.random.Generator, grey: NDArray) -> NDArray:
    y, x = np.mgrid[-1 : 1 : grey.shape[0] * 1j, -1 : 1 : grey.shape[1] * 1j]
    terms = np.stack([x, y, x * y, x * x - 0.3, y * y - 0.3])
    shade = np.tensordot(rng.normal(0, 0.2, len(terms)), terms, 1)
    return grey * (1 + shade) if rng.random() < 0.5 else grey + 0.7 * shade


def _streaks(rng: np.random.Generator, height: int) -> NDArray:
    """Charging: whole rows brighter or darker than the next, [height, 1]."""
    rows = gaussian_filter1d(rng.normal(0, 1, height), rng.uniform(0.5, 3))
    return (rows / (rows.std() + 1e-6) * rng.uniform(0.02, 0.15))[:, None]


def _grain(rng: np.random.Generator, grey: NDArray) -> NDArray:
    noise = rng.standard_normal(grey.shape, np.float32)
    if rng.random() < 0.35:
        noise = gaussian_filter(noise, rng.uniform(0.4, 1.2))
        noise /= noise.std() + 1e-6
    if rng.random() < 0.3:  # shot noise
        noise = noise * np.sqrt(grey.clip(0.05, 1))
    return math.exp(rng.uniform(math.log(0.008), math.log(0.22))) * noise


def _compressed(grey: NDArray, quality: int) -> NDArray:
    buffer = io.BytesIO()
    levels = (grey.clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(levels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.float32) / 255


def lettered(
    rng: np.random.Generator, grey: NDArray, labels: NDArray[np.int32]
) -> tuple[NDArray, NDArray[np.int32], NDArray[np.float32]]:
    """Return grey levels, labels and weights [H, W], now and then with letters and bars burned in.

    Letters on the background stay background. What lies under a letter on a particle is not asked
    for (weight 0); what an info bar covers is background.
    """
    weight = np.ones(labels.shape, np.float32)
    if rng.random() > LETTERED_SHARE or min(grey.shape) < MIN_LETTERED_PX:
        return grey, labels, weight
    for _ in range(rng.integers(1, 4)):
        kind = rng.random()
        if kind >= 0.85:
            grey, labels = _with_bar(rng, grey, labels)
            weight = np.where(labels > 0, weight, 1)
            continue
        level = float(rng.choice([0.0, 1.0, 1.0, rng.random()]))
        ink = _written(rng, grey.shape) if kind < 0.55 else _scale_bar(rng, grey.shape)
        grey = grey * (1 - ink) + level * ink
        weight = np.where((ink > 0.3) & (labels > 0), 0, weight)
    return grey, labels, weight.astype(np.float32)


def _written(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    picture = Image.new("L", (shape[1], shape[0]))
    size = math.exp(rng.uniform(math.log(9), math.log(48)))
    place = rng.random() * shape[1] * 0.8, rng.random() * shape[0] * 0.9
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text(place, str(rng.choice(WORDS)), fill=255, font=font)
    return np.asarray(picture, np.float32) / np.float32(255)


def _scale_bar(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    picture = Image.new("L", (shape[1], shape[0]))
    x, y = rng.random() * shape[1] * 0.8, rng.random() * shape[0] * 0.95
    box = x, y, x + int(rng.integers(20, 120)), y + int(rng.integers(2, 9))
    ImageDraw.Draw(picture).rectangle(box, fill=255)
    return np.asarray(picture, np.float32) / np.float32(255)


def _with_bar(rng: np.random.Generator, grey: NDArray, labels: NDArray) -> tuple[NDArray, NDArray]:
    """An opaque bar with writing along the lower or upper side."""
    height, width = grey.shape
    thick = int(rng.integers(12, 40))
    rows = slice(height - thick, height) if rng.random() < 0.7 else slice(0, thick)
    paper = float(rng.choice([0.0, 1.0]))
    picture = Image.new("L", (width, thick))
    words = " ".join(rng.choice(BAR_WORDS, 3))
    font = ImageFont.load_default(0.7 * thick)
    ImageDraw.Draw(picture).text((int(rng.integers(0, width // 2)), 1), words, fill=255, font=font)
    ink = np.asarray(picture, np.float32) / 255
    grey, labels = grey.copy(), labels.copy()
    grey[rows] = paper * (1 - ink) + (1 - paper) * ink
    labels[rows] = 0
    return grey, labels
