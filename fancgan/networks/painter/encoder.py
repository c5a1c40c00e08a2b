"""From a reference to a style, and from a style to what modulates each region."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.layers import LEAK, NormConv2d, act
from fancgan.networks.painter.config import LOOK, PainterConfig

LIMIT_SD = 4.0  # what lies further from the training pictures is held there for the mapping


class LookEncoder(nn.Module):
    """Codes of ground and particles of a reference: means and deviations of features by region.

    They are taken from another part of a micrograph than is painted in training, so they carry
    looks and no layout.
    """

    def __init__(self, config: PainterConfig):
        super().__init__()
        widths = config.encoder_widths
        self.convs = nn.ModuleList(
            [NormConv2d(a, b) for a, b in zip((4, *widths[:-1]), widths, strict=True)]
        )
        self.code = nn.Linear(2 * sum(widths), config.code_dim)

    def forward(self, image: Tensor, profile: Tensor, mask: Tensor, known: Tensor) -> Tensor:
        """Return codes [N, 2 * code_dim], ground first; 0 for a region that is not known.

        image, profile [N, 1, H, W] in [-1, 1] (look.py); mask [N, 1, H, W] in {0, 1}; known [N, 2].
        """
        middle = image.mean([1, 2, 3], keepdim=True)
        spread = image.std([1, 2, 3], keepdim=True) + 0.05  # an even picture has no contrast
        x = torch.cat([image, (image - middle) / spread, (image - profile) / spread, mask], dim=1)
        x = x.contiguous(memory_format=torch.channels_last)
        pooled: list[Tensor] = []
        for conv in self.convs:
            x = act(conv(x))
            pooled.append(self._pooled(x, mask))
            x, mask = F.avg_pool2d(x, 2), F.avg_pool2d(mask, 2)
        codes = self.code(torch.cat(pooled, dim=2)) * known[:, :, None].to(x.dtype)
        return codes.flatten(1)

    def _pooled(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mean and deviation of x [N, C, H, W] in both regions: [N, 2, 2 C]."""
        regions = torch.cat([1 - mask, mask], dim=1).flatten(2).to(x.dtype)
        weight = regions.float().sum(2, keepdim=True).clamp(min=1e-3)
        features = x.flatten(2).transpose(1, 2)
        mean = (regions @ features).float() / weight
        square = (regions @ features.square()).float() / weight
        variance = (square - mean.square()).clamp(min=0.0)
        return torch.cat([mean, (variance + 1e-4).sqrt()], dim=2)


class StyleMapping(nn.Module):
    """A style [N, style_dim] -> what modulates ground and particles, [N, w_dim] each."""

    def __init__(self, config: PainterConfig):
        super().__init__()
        hidden, self.w_dim, self.look_dim = config.mapping_dim, config.w_dim, LOOK.count
        self.limit = LIMIT_SD
        self.layers = nn.Sequential(
            nn.Linear(config.style_dim, hidden),
            nn.LeakyReLU(LEAK),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(LEAK),
            nn.Linear(hidden, 2 * config.w_dim),
        )

    def forward(self, style: Tensor) -> tuple[Tensor, Tensor]:
        look = style[:, : self.look_dim].clamp(-self.limit, self.limit)
        w = self.layers(torch.cat([look, style[:, self.look_dim :]], dim=1))
        return w[:, : self.w_dim], w[:, self.w_dim :]
