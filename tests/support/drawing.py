"""Drawn pictures of known content: discs of known size, info bars, small data sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True, eq=False)
class Discs:
    """Drawn discs: image [H, W] uint8 like a micrograph, labels [H, W] int32 1..n.

    radii[i] and centres[i] (row, column) belong to label i + 1; all discs lie inside the frame.
    """

    image: np.ndarray
    labels: np.ndarray
    radii: tuple[float, ...]
    centres: tuple[tuple[float, float], ...]

    @property
    def mask(self) -> np.ndarray:
        return self.labels > 0


def draw_discs(
    height: int = 160,
    width: int = 192,
    radii: tuple[float, ...] = (6, 8, 10, 12, 14, 16),
    seed: int = 0,
    gap: float = 3,
) -> Discs:
    """Draw discs of the given radii at random places, at least `gap` pixels apart.

    The picture has the grey levels of a real one: background 31, particles 131, noise of sd 4.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.int32)
    centres: list[tuple[float, float]] = []
    for number, radius in enumerate(radii, 1):
        for _ in range(2000):
            row = rng.uniform(radius + 1, height - radius - 2)
            column = rng.uniform(radius + 1, width - radius - 2)
            placed = zip(centres, radii, strict=False)
            if all(np.hypot(row - r, column - c) > radius + s + gap for (r, c), s in placed):
                break
        else:
            raise ValueError(f"{len(radii)} discs do not fit into {height} x {width} pixels")
        centres.append((row, column))
        labels[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = number
    noise = gaussian_filter(rng.normal(0, 8, (height, width)), 0.6)
    image = 31 + 100 * gaussian_filter((labels > 0).astype(float), 0.8) + noise
    return Discs(image.clip(0, 255).round().astype(np.uint8), labels, tuple(radii), tuple(centres))


def info_bar(height: int, width: int, paper: int = 0, ink: int = 255) -> np.ndarray:
    """An info bar [height, width] uint8 as microscopes write it: even paper, small writing."""
    bar = Image.new("L", (width, height), paper)
    text = ImageDraw.Draw(bar)
    for row in range(4, height - 12, 14):
        text.text((6, row), "EHT = 20.00 kV  Mag = 50.00 K X  WD = 5.6 mm  InLens", fill=ink)
    return np.array(bar)


def write_pairs(root: Path, count: int = 4, height: int = 160, width: int = 192) -> Path:
    """Write root/images/discN.png and root/masks/discN.png (0 and 255) and return root."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for number in range(count):
        discs = draw_discs(height, width, seed=number)
        Image.fromarray(discs.image).save(root / "images" / f"disc{number}.png")
        mask = discs.mask.astype(np.uint8) * 255
        Image.fromarray(mask).save(root / "masks" / f"disc{number}.png")
    return root


def tem_discs(height: int = 300, width: int = 420, seed: int = 0) -> Discs:
    """Dark discs of 16 to 40 px on bright, uneven ground with much noise, like bright-field TEM."""
    discs = draw_discs(height, width, radii=tuple(range(8, 21)), seed=seed, gap=5)
    rng = np.random.default_rng(seed)
    ground = (
        175
        + 12 * np.linspace(-1, 1, width)
        + gaussian_filter(rng.normal(0, 60, (height, width)), 9)
    )
    image = ground - 85 * gaussian_filter(discs.mask.astype(float), 1.2)
    image += gaussian_filter(rng.normal(0, 16, (height, width)), 0.7)
    return replace(discs, image=image.clip(0, 255).round().astype(np.uint8))


def packed_discs(height: int = 300, width: int = 420, diameter: int = 38, seed: int = 0) -> Discs:
    """Balls side by side in rows, bright at their rims and dark between, like powder in SEM."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.int32)
    height_map = np.zeros((height, width))
    centres = []
    step = diameter * 0.5 * np.sqrt(3)
    for i in range(int((height - diameter) / step) + 1):
        for j in range(int((width - diameter * (1 + 0.5 * (i % 2))) / diameter) + 1):
            row = diameter / 2 + 1 + i * step
            column = diameter / 2 + 1 + (j + 0.5 * (i % 2)) * diameter
            away = np.hypot(rows - row, columns - column) / (diameter / 2)
            inside = (away < 1) & (labels == 0)
            labels[inside] = len(centres) + 1
            height_map[inside] = 90 + 70 * away[inside] ** 2 + rng.normal(0, 8)
            centres.append((row, column))
    image = gaussian_filter(20 + height_map, 0.8) + rng.normal(0, 6, (height, width))
    radii = (diameter / 2,) * len(centres)
    return Discs(image.clip(0, 255).round().astype(np.uint8), labels, radii, tuple(centres))


def mesh(height: int = 300, width: int = 420, seed: int = 0) -> np.ndarray:
    """Crossed waves [height, width] uint8 with noise: a picture in which nothing is a particle."""
    rows, columns = np.mgrid[:height, :width]
    waves = 110 + 40 * np.sin(columns / 11) * np.sin(rows / 13)
    noise = np.random.default_rng(seed).normal(0, 10, (height, width))
    return (waves + noise).clip(0, 255).astype(np.uint8)
