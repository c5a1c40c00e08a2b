"""How far a painting is from what was asked: the real crop of that mask, and a look."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fancgan.networks.painter.config import LOOK
from fancgan.networks.painter.look import look_weights
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.training.any_particle.looks import CLIP
from fancgan.training.any_particle.losses import map_losses
from fancgan.training.any_particle.step import weighted_total

COARSE = 2  # the first of the features, of BLOCKS, that are compared place by place
MOST_SD = 4.0  # a quantity of a look that is further off counts as that
QUANTILES = (0.01, 0.99)  # of a picture, at -1 and 1 for the particle network
LEAST_RANGE = 8 / 127.5


def region_statistics(features: Tensor, mask: Tensor) -> Tensor:
    """Return mean and deviation by channel of the ground, then of the particles: [N, 4 C].

    features [N, C, h, w]; mask [N, 1, H, W] in {0, 1}.
    """
    features = features.float()
    mask = F.adaptive_avg_pool2d(mask, (features.shape[2], features.shape[3]))
    found = []
    for region in (1 - mask, mask):
        area = region.sum((2, 3)) + 0.5
        mean = (features * region).sum((2, 3)) / area
        variance = (features.square() * region).sum((2, 3)) / area - mean.square()
        found += [mean, (variance.clamp(min=0) + 1e-3).sqrt()]
    return torch.cat(found, dim=1)


def style_loss(fake: list[Tensor], real: list[Tensor], mask: Tensor) -> Tensor:
    """L1 between the statistics by region of features [N, C, h, w], averaged over the scales."""
    terms = [
        (region_statistics(f, mask) - region_statistics(r, mask)).abs().mean()
        for f, r in zip(fake, real, strict=True)
    ]
    return torch.stack(terms).mean()


def features_loss(fake: list[Tensor], real: list[Tensor]) -> Tensor:
    """L1 between the coarse features, place by place."""
    pairs = zip(fake[COARSE:], real[COARSE:], strict=True)
    return torch.stack([(f.float() - r.float()).abs().mean() for f, r in pairs]).mean()


def look_loss(painted: Tensor, asked: Tensor, known: Tensor, sd: Tensor) -> Tensor:
    """L1 between looks [N, LOOK.seen ...] in deviations `sd`; known [N, 2]: which regions are."""
    seen = slice(0, LOOK.seen)
    difference = ((painted[:, seen] - asked[:, seen]) / sd[seen]).abs().clamp(max=MOST_SD)
    return (difference * look_weights(known)).mean()


def cycle_loss(
    segmenter: ParticleNet, fake: Tensor, real: Tensor, targets: Tensor, weights: Tensor
) -> Tensor:
    """What a frozen segmenter reads of paintings [N, 1, H, W] against what the mask says.

    targets [N, 6, H, W] and weights [N, 3, H, W] as any_particle.crops.Crop has them. The painting
    has to have the levels of the real crop: both are put into the network's range by that one.
    """
    at = torch.tensor(QUANTILES, device=real.device)
    low, high = torch.quantile(real[:, :, ::2, ::2].flatten(1), at, dim=1)[..., None, None, None]
    span = (high - low).clamp(min=LEAST_RANGE)
    maps = segmenter((2 * (fake - low) / span - 1).clamp(-CLIP, CLIP))
    return weighted_total(map_losses(maps.float(), targets, weights))
