"""Quick figures and sample sheets from the averaged weights while a training runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fancgan.datasets.fields import Field
from fancgan.evaluation.metrics import dice
from fancgan.networks.config import GREY_PER_UNIT, STAT_INDEX, ModelConfig
from fancgan.networks.deploy import DeployedGenerator, DeployedSegmenter
from fancgan.networks.style import StyleDensity, measure_style

SHEET_CROP_PX = 256
SHEET_LOOKS = 3


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))[None, None].to(device)


def _paint(generator: DeployedGenerator, mask: Tensor, seed: int) -> Tensor:
    """Paint a mask [1, 1, H, W] in the style and with the noise of a seed: grey levels."""
    rng = torch.Generator().manual_seed(seed)
    normal = torch.randn(1, generator.style_dim, generator=rng)
    noise = torch.randn(1, generator.noise_channels, *mask.shape[2:], generator=rng)
    return generator(mask, generator.sample_style(normal.to(mask.device)), noise.to(mask.device))


@torch.no_grad()
def validate(
    generator: DeployedGenerator,
    segmenter: DeployedSegmenter,
    fields: list[Field],
    device: torch.device,
    seeds: int = 4,
) -> dict[str, float]:
    """Dice, cycle Dice and style figures on whole fields; every mean is over the fields.

    area_ratio is the area that the segmenter reads off real images over the true one: a cycle is
    as content with masks that shrink and outlines that grow. background_mean_sd is the deviation
    over `seeds` styles on the first field; noise_ratio is synthetic over real noise standard
    deviation.
    """
    background_mean, noise_sd = STAT_INDEX["background_mean"], STAT_INDEX["noise_sd"]
    names = ("dice", "cycle_dice", "area_ratio", "noise_ratio")
    found: dict[str, list[float]] = {name: [] for name in names}
    for number, field in enumerate(fields):
        image, mask = _tensor(field.image, device), _tensor(field.mask, device)
        read = segmenter(image)[0, 0] > 0.5
        found["dice"].append(dice(field.mask, read.cpu().numpy()))
        found["area_ratio"].append(float(read.sum()) / max(field.mask.sum(), 1))
        fake = _paint(generator, mask, number)
        reread = segmenter(fake)[0, 0] > 0.5
        found["cycle_dice"].append(dice(field.mask, reread.cpu().numpy()))
        real_stats, fake_stats = (
            measure_style(x / GREY_PER_UNIT - 1, mask)[0][0] for x in (image, fake.round())
        )
        found["noise_ratio"].append(float(fake_stats[noise_sd] / real_stats[noise_sd]))
    mask = _tensor(fields[0].mask, device)
    levels = []
    for seed in range(seeds):
        fake = _paint(generator, mask, seed)
        levels.append(float(measure_style(fake / GREY_PER_UNIT - 1, mask)[0][0, background_mean]))
    return {
        **{name: float(np.mean(values)) for name, values in found.items()},
        "background_mean": float(np.mean(levels)),
        "background_mean_sd": float(np.std(levels, ddof=1)),
        "n": len(fields),
    }


@torch.no_grad()
def sample_sheet(
    generator: DeployedGenerator, fields: list[Field], device: torch.device
) -> np.ndarray:
    """Grey picture [rows * S, (1 + looks) * S] uint8: mask, then the same mask in fixed looks."""
    rows = []
    for field in fields:
        starts = (max(side - SHEET_CROP_PX, 0) // 2 for side in field.image.shape)
        mask = field.mask[tuple(slice(start, start + SHEET_CROP_PX) for start in starts)]
        row = [mask.astype(np.uint8) * 255]
        for seed in range(SHEET_LOOKS):
            fake = _paint(generator, _tensor(mask, device), seed)
            row.append(fake[0, 0].round().clamp(0, 255).byte().cpu().numpy())
        rows.append(np.hstack(row))
    width = min(row.shape[1] for row in rows)
    return np.vstack([row[:, :width] for row in rows])


def deployed(
    model: ModelConfig, networks: dict[str, Any], density: StyleDensity
) -> tuple[DeployedGenerator, DeployedSegmenter]:
    """The two networks as they will be exported, in evaluation mode."""
    generator = DeployedGenerator(networks["generator"], density, model).eval()
    return generator, DeployedSegmenter(networks["segmenter"], model).eval()
