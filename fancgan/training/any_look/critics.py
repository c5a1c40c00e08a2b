"""The critics of the painter: paintings beside the mask, the draft, and the look asked for."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from fancgan.networks.layers import LEAK
from fancgan.training.critics import HEAD_WIDTH, FeatureDiscriminator
from fancgan.training.losses.perceptual import EfficientNetLiteFeatures

BLOCKS = (0, 2, 4, 10)  # strides 2, 4, 8, 16; losses see all of them, critics all but the first
CHANNELS = tuple(EfficientNetLiteFeatures.CHANNELS[block] for block in BLOCKS)
REGION_FEATURES = 4  # statistics per channel that losses.region_statistics returns
LEAST_CONTRAST = 0.06
FINE_WIDTHS = (32, 64)
FINE_UNIT = 3.0  # the fine critic sees contrast over that


def contrast(image: Tensor, reference: Tensor) -> Tensor:
    """Images [N, 1, H, W] in deviations of their references, whose mean is 0."""
    middle = reference.mean((1, 2, 3), keepdim=True)
    return (image - middle) / (reference.std((1, 2, 3), keepdim=True) + LEAST_CONTRAST)


class FineDiscriminator(nn.Module):
    """Patch critic of [N, C, H, W] from full resolution down to a quarter; real scores high."""

    def __init__(self, in_channels: int):
        super().__init__()
        self.convs = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1))
            for a, b in itertools.pairwise((in_channels, *FINE_WIDTHS))
        )
        self.score = spectral_norm(nn.Conv2d(FINE_WIDTHS[-1], 1, 3, padding=1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.leaky_relu(conv(x), LEAK)
        return self.score(x)


class ReferenceDiscriminator(nn.Module):
    """Critic of frozen features and the mask, which knows the look asked for.

    The look speaks by projection (Miyato and Koyama 2018, arXiv:1802.05637): reference [N, 4 C],
    statistics of the reference's features by region. -> scores [N, 1, h, w].
    """

    def __init__(self, channels: int):
        super().__init__()
        self.critic = FeatureDiscriminator(channels, attention=False)
        self.reference = spectral_norm(nn.Linear(REGION_FEATURES * channels, HEAD_WIDTH))

    def forward(self, features: Tensor, mask: Tensor, reference: Tensor) -> Tensor:
        *_, hidden, scores = self.critic(features, mask)
        direction = self.reference(reference.to(hidden.dtype))[:, :, None, None]
        return scores + (hidden * direction).mean(1, keepdim=True)


class PaintingDiscriminator(nn.Module):
    """All scales: a fine one, and one for each of the features but the finest."""

    def __init__(self):
        super().__init__()
        self.fine = FineDiscriminator(3)
        self.heads = nn.ModuleList(ReferenceDiscriminator(c) for c in CHANNELS[1:])

    def forward(
        self,
        image: Tensor,
        base: Tensor,
        mask: Tensor,
        features: list[Tensor],
        reference: list[Tensor],
    ) -> list[Tensor]:
        """Return scores per scale.

        image and base, the draft without its grain, [N, 1, H, W] as `contrast`; mask [N, 1, H, W];
        features of the image and statistics of those of the reference, fine to coarse.
        """
        x = torch.cat([image / FINE_UNIT, mask, base / FINE_UNIT], dim=1)
        rest = zip(self.heads, features[1:], reference[1:], strict=True)
        return [self.fine(x)] + [head(scale, mask, look) for head, scale, look in rest]
