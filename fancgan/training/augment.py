"""Augmentation: of pairs before the critics, and of images before the segmenter.

DiffAugment for the critics (Zhao et al. 2020, arXiv:2006.10738) is only translation and cutout: a
shift of brightness or contrast would hide from the critic what the style has to get right. To the
segmenter that same shift is another microscope.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fancgan.networks.filters import gaussian_blur
from fancgan.training.schedule import standard_normal

DRAWS = 6
READ_BLUR_PX = 0.7
JITTER_LEVEL, JITTER_CONTRAST, JITTER_GAMMA, JITTER_NOISE = 0.1, 0.25, 0.25, 0.04


def diff_augment(x: Tensor, draws: Tensor, probability: float = 0.3) -> Tensor:
    """Shift and cut out the same way in all channels of each sample: [N, C, H, W] -> the same.

    draws [N, DRAWS], uniform in [0, 1): the same draws repeat the same augmentation. Shifts reach
    an eighth of the size, filled by reflection; the cut square has a quarter of the side.
    Differentiable with respect to x.
    """
    h, w = x.shape[2:]
    reach_y, reach_x = h // 8, w // 8
    padded = F.pad(x, (reach_x, reach_x, reach_y, reach_y), mode="reflect")
    samples = []
    for i, (shift, cut, dy, dx, cy, cx) in enumerate(draws.tolist()):
        y0 = int(dy * (2 * reach_y + 1)) if shift < probability else reach_y
        x0 = int(dx * (2 * reach_x + 1)) if shift < probability else reach_x
        sample = padded[i, :, y0 : y0 + h, x0 : x0 + w]
        if cut < probability:
            keep = x.new_ones(1, h, w)
            top, left = int(cy * (h - h // 4)), int(cx * (w - w // 4))
            keep[:, top : top + h // 4, left : left + w // 4] = 0
            sample = sample * keep
        samples.append(sample)
    return torch.stack(samples)


def jitter(image: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Change sharpness, level, contrast, gamma and noise of some images [N, 1, H, W] in [-1, 1].

    Each sample is changed with the given probability: gamma and contrast by up to a quarter, the
    level by up to a tenth of the range, white noise of up to 5 grey levels added. With the same
    probability, independently, it is blurred by READ_BLUR_PX, as fakes are before they are read
    back: a segmenter that knows sharp outlines alone would misplace blurred ones, and the
    generator move its own.
    """
    n = len(image)
    blurred = (torch.rand(n, 1, 1, 1, generator=rng) < probability).to(image.device)
    image = torch.where(blurred, gaussian_blur(image, READ_BLUR_PX), image)
    draws = (2 * torch.rand(4, n, 1, 1, 1, generator=rng) - 1).to(image.device)
    chosen = (torch.rand(n, 1, 1, 1, generator=rng) < probability).to(image.device)
    noise = standard_normal(image.shape, rng, image.device)
    level, contrast, gamma, strength = draws
    x = ((image + 1) / 2).clamp(min=0) ** torch.exp(JITTER_GAMMA * gamma)
    x = (2 * x - 1) * torch.exp(JITTER_CONTRAST * contrast) + JITTER_LEVEL * level
    x = x + JITTER_NOISE * strength.abs() * noise
    return torch.where(chosen, x.clamp(-1, 1), image)
