"""The particles of a mask told apart with torch alone, as TorchScript modules have to."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

FLOOD_STEPS, FLOOD_ROUNDS = 16, 32
IMAGES_APART = 32.0  # keys of one image lie within 0 .. 16
EXPOSED_PX = 3
CELL_PX = 4


def particle_keys(mask: Tensor, noise: Tensor, steps: int, rounds: int) -> Tensor:
    """A number above 0 for each connected particle, 0 elsewhere: [N, 1, H, W].

    mask [N, 1, H, W] in {0, 1}; noise [N, 1, H, W], standard normal. The largest noise in a
    particle floods it, on cells of 2 x 2 pixels that lie in it whole; what is nowhere so wide
    stays 0.
    """
    h, w = mask.shape[-2], mask.shape[-1]
    pads = [0, w % 2, 0, h % 2]
    cells = 1 - F.max_pool2d(F.pad(1 - mask, pads, value=1.0), 2)
    flood = (F.pad(noise, pads)[:, :, ::2, ::2].clamp(-7.0, 7.0) + 8) * cells
    for _ in range(rounds):
        before = flood
        for _ in range(steps):
            flood = _spread_along(_spread_along(flood, 2) * cells, 3) * cells
        if torch.equal(before, flood):
            break
    whole = F.interpolate(flood, scale_factor=2.0, mode="nearest")[:, :, :h, :w]
    for _ in range(2):
        grown = F.max_pool2d(whole, 3, 1, 1) * mask
        whole = torch.where(whole > 0, whole, grown)
    return whole


def _spread_along(x: Tensor, axis: int) -> Tensor:
    """Largest of each cell >= 0 and its two neighbours along an axis.

    On a CPU faster than max-pooling, of which a GPU is given one kernel in place of many.
    """
    if x.is_cuda:
        return F.max_pool2d(x, [3, 1] if axis == 2 else [1, 3], 1, [3 - axis, axis - 2])
    last = x.shape[axis] - 1
    pairs = torch.maximum(x.narrow(axis, 1, last), x.narrow(axis, 0, last))
    inner = torch.maximum(pairs.narrow(axis, 1, last - 1), pairs.narrow(axis, 0, last - 1))
    return torch.cat([pairs.narrow(axis, 0, 1), inner, pairs.narrow(axis, last - 1, 1)], axis)


def number_particles(
    keys: Tensor, images_apart: float = IMAGES_APART
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (numbers [N, 1, H, W], key [P], image [P]) of the P particles of a batch.

    keys as `particle_keys` gives them. Particle p has the number p + 1; 0 is background.
    """
    images = torch.arange(keys.shape[0], device=keys.device, dtype=torch.float64)
    apart = keys.double() + images_apart * images[:, None, None, None]
    inside = keys > 0
    # torch.unique, by the name that TorchScript knows.
    found, place, _ = torch._unique2(apart[inside], True, True)
    numbers = torch.zeros_like(keys, dtype=torch.int64)
    numbers[inside] = place + 1
    image = (found / images_apart).floor()
    return numbers, found - images_apart * image, image.long()


def mean_per_particle(values: Tensor, numbers: Tensor) -> Tensor:
    """Mean of values [N, 1, H, W] over each particle of `numbers`: float64 [P]."""
    flat = numbers.flatten()
    # In double precision: a GPU adds in any order, and the same seed gives the same image.
    total = torch.bincount(flat, values.double().flatten(), minlength=1)
    return (total / torch.bincount(flat, minlength=1).clamp(min=1))[1:]


def exposure(mask: Tensor, edge_px: int = EXPOSED_PX) -> Tensor:
    """1 within edge_px of the outer edge of an agglomerate, 0 elsewhere: [N, 1, H, W].

    mask [N, 1, H, W] in {0, 1}. The lines of background between its particles are no edge, nor is
    the frame.
    """
    outside = _grown(1 - _grown(mask))
    for _ in range(edge_px):
        outside = _grown(outside)
    return outside * mask


def _grown(x: Tensor) -> Tensor:
    """Largest of each pixel >= 0 and its eight neighbours."""
    return _spread_along(_spread_along(x, 2), 3)


def wide_noise(noise: Tensor, reach_px: float, cell_px: int = CELL_PX) -> Tensor:
    """Standard normal noise [N, 1, H, W], correlated by exp(-d^2 / 4 reach_px^2) at a distance d.

    noise: white, standard normal. Worked out on cells of cell_px squared.
    """
    h, w = noise.shape[-2], noise.shape[-1]
    coarse = cell_px * F.avg_pool2d(noise, cell_px)
    sigma = max(reach_px / cell_px, 0.5)
    radius = int(3 * sigma) + 1
    t = torch.arange(-radius, radius + 1, device=noise.device, dtype=noise.dtype)
    line = torch.exp(-0.5 * (t / sigma).square())
    sums = [coarse, torch.ones_like(coarse[:1])]
    for k, kernel in enumerate([line, line.square()]):
        along = F.conv2d(sums[k], kernel[None, None, None, :], padding=[0, radius])
        sums[k] = F.conv2d(along, kernel[None, None, :, None], padding=[radius, 0])
    smooth = sums[0] / sums[1].sqrt()
    return F.interpolate(smooth, size=[h, w], mode="bilinear")
