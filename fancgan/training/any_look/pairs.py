"""Pairs of crops of one micrograph: a reference for the look, and what is to be painted in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import default_collate

from fancgan.networks.config import GREY_PER_UNIT
from fancgan.particles.labels import separate
from fancgan.training.any_look.config import PainterTrainConfig
from fancgan.training.any_particle.crops import TrainingPicture, mapped, resized, resized_labels
from fancgan.training.any_particle.pictures import PictureDraw, PictureSet

MEASURING = 1  # a stream of random numbers that the training's does not meet
TRIES = 8  # of places for the two crops
NATIVE_SHARE = 0.5  # of pairs at the picture's own scale
SCALE_MEAN, SCALE_SD, SCALES = -0.1, 0.3, (0.5, 1.5)  # of the logarithm; least and most
LEAST_SHARE, MOST_SHARE = 0.01, 0.97  # of particle pixels in a crop that shows both regions
AS_IT_IS_SHARE, INVERTED_SHARE = 0.3, 0.15
GAMMA_SD, GAIN_SD, OFFSET_SD = 0.15, 0.15, 10.0  # logarithm, logarithm, grey levels


@dataclass(frozen=True)
class Tone:
    """Another contrast: grey levels to the power of gamma, then a gain and an offset; inverted."""

    gamma: float = 1.0
    gain: float = 1.0
    offset: float = 0.0
    inverted: bool = False

    def __call__(self, grey: NDArray[np.floating]) -> NDArray[np.floating]:
        """Grey levels [H, W] in 0..255 -> the same."""
        grey = 255 * (grey / 255) ** self.gamma
        grey = (grey - 127) * self.gain + 127 + self.offset
        return (255 - grey if self.inverted else grey).clip(0, 255)


class CropPairs(PictureDraw):
    """Item i: a pair of crops of a random training image, a function of (seed, i) alone.

    reference and image float32 [1, S, S] in [-1, 1], apart from each other where the picture is
    large enough, in one scale, orientation and contrast; reference_mask and mask [1, S, S] in
    {0, 1}; targets [6, S, S] and weights [3, S, S]: what a segmenter should read of `mask`, and how
    much that counts (any_particle.crops.Crop).
    """

    def __init__(self, sets: Sequence[PictureSet], config: PainterTrainConfig):
        super().__init__(sets)
        self.config = config

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.draw(np.random.default_rng([self.config.seed, index]))

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        chosen, number = self.choose(rng)
        return draw_pair(rng, self.pictures[chosen][number], self.config.crop_px)

    def batches_to_measure(self, batches: int) -> Iterator[dict[str, Tensor]]:
        """Batches of other pairs, which looks and features are standardised by."""
        for batch in range(batches):
            rng = np.random.default_rng([self.config.seed, batch, MEASURING])
            yield default_collate([self.draw(rng) for _ in range(self.config.batch_size)])


def draw_pair(rng: np.random.Generator, picture: TrainingPicture, size: int) -> dict[str, Tensor]:
    """Return an item of CropPairs."""
    scale = 1.0
    if rng.random() >= NATIVE_SHARE:
        scale = float(np.clip(math.exp(rng.normal(SCALE_MEAN, SCALE_SD)), *SCALES))
    side = min(math.ceil(size / scale), *picture.labels.shape)
    windows = choose_windows(rng, picture.labels, side)
    turns, flip = int(rng.integers(4)), bool(rng.random() < 0.5)
    tone = draw_tone(rng)
    found = {}
    for kind, mask_name, (rows, columns) in zip(
        ("reference", "image"), ("reference_mask", "mask"), windows, strict=True
    ):
        labels = resized_labels(picture.labels[rows, columns], size, size)
        grey = tone(resized(picture.grey[rows, columns], size, size))
        found[kind] = turned(grey[None] / GREY_PER_UNIT - 1, turns, flip)
        found[mask_name] = turned((separate(labels) > 0)[None], turns, flip)
    everywhere = np.ones(labels.shape, np.float32)
    targets, weights = mapped(picture, rows, columns, labels, everywhere)
    found["targets"] = turned_maps(targets, turns, flip)
    found["weights"] = turned(weights, turns, flip)
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in found.items()}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def draw_tone(rng: np.random.Generator) -> Tone:
    inverted = bool(rng.random() < INVERTED_SHARE)
    if rng.random() < AS_IT_IS_SHARE:
        return Tone(inverted=inverted)
    gamma, gain = (math.exp(rng.normal(0, sd)) for sd in (GAMMA_SD, GAIN_SD))
    return Tone(gamma, gain, rng.normal(0, OFFSET_SD), inverted)


def choose_windows(
    rng: np.random.Generator, labels: NDArray[np.integer], side: int
) -> list[tuple[slice, slice]]:
    """Return rows and columns of reference and target of labels [H, W], `side` pixels each.

    Of some places the best: they do not overlap, and both show particles and ground.
    """
    best, least = [(slice(0), slice(0))] * 2, math.inf
    for _ in range(TRIES):
        starts = [[int(rng.integers(0, full - side + 1)) for full in labels.shape] for _ in "ab"]
        windows = [(slice(y, y + side), slice(x, x + side)) for y, x in starts]
        shared = math.prod(max(0, side - abs(a - b)) for a, b in zip(*starts, strict=True))
        shares = [float((labels[window] > 0).mean()) for window in windows]
        empty = sum(share < LEAST_SHARE for share in shares)
        cost = shared / side**2 + 2 * empty + 0.3 * (shares[1] > MOST_SHARE)
        if cost < least:
            best, least = windows, cost
    return best


def turned(array: NDArray, turns: int, flip: bool) -> NDArray:
    """Return [C, S, S] turned by as many right angles, then perhaps mirrored left to right."""
    array = np.rot90(array, turns, (1, 2))
    return np.flip(array, 2) if flip else array


def turned_maps(maps: NDArray, turns: int, flip: bool) -> NDArray:
    """The same of targets [6, S, S], the last two of which are offsets along x and y."""
    maps = turned(maps, turns, flip).copy()
    for _ in range(turns):
        maps[4], maps[5] = maps[5].copy(), -maps[4]
    if flip:
        maps[4] *= -1
    return maps
