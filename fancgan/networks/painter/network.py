"""The painter: a draft drawn from a measured look, and the Style U-Net that corrects it.

Each region, ground and particles, has a code of its own that modulates its pixels (SEAN, Zhu et al.
2020, arXiv:1911.12861).
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.layers import ConvBlock, NormConv2d, act, upsample
from fancgan.networks.painter.config import LOOK, SHAPE_CHANNELS, PainterConfig
from fancgan.networks.painter.octaves import Grain
from fancgan.networks.painter.shape import ProfileBasis, Shapes


class RegionConv(nn.Module):
    """Convolution of unit-norm filters, scaled and shifted as each region's code says; noise.

    x [N, in, H, W], mask [N, 1, H, W] in [0, 1], codes [N, w_dim] -> [N, out, H, W].
    """

    def __init__(self, in_channels: int, out_channels: int, config: PainterConfig):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.scale = self._affine(config.w_dim, out_channels, 1.0)
        self.shift = self._affine(config.w_dim, out_channels, 0.0)
        self.strength = self._affine(config.w_dim, out_channels, 0.3)
        self.noise = nn.Conv2d(config.noise_channels, out_channels, 1, bias=False)

    @staticmethod
    def _affine(w_dim: int, out_channels: int, start: float) -> nn.Linear:
        layer = nn.Linear(w_dim, out_channels)
        nn.init.normal_(layer.weight, std=0.3 / math.sqrt(w_dim))
        nn.init.constant_(layer.bias, start)
        return layer

    def forward(
        self, x: Tensor, mask: Tensor, ground: Tensor, particle: Tensor, noise: Tensor
    ) -> Tensor:
        norm = torch.linalg.vector_norm(self.weight, dim=[1, 2, 3], keepdim=True)
        y = F.conv2d(x, self.weight / norm, padding=1)
        shift = self._by_region(self.shift(ground), self.shift(particle), mask)
        scale = self._by_region(self.scale(ground), self.scale(particle), mask)
        strength = self._by_region(self.strength(ground), self.strength(particle), mask)
        y = torch.addcmul(shift, y.to(shift.dtype), scale)
        return act(torch.addcmul(y, self.noise(noise).to(y.dtype), strength))

    def _by_region(self, ground: Tensor, particle: Tensor, mask: Tensor) -> Tensor:
        difference = (particle - ground)[:, :, None, None].to(mask.dtype)
        return torch.addcmul(ground[:, :, None, None].to(mask.dtype), mask, difference)


class Draft(nn.Module):
    """A picture as a measured look says that it is: profiles, brightness of particles, grain."""

    def __init__(self, grain: Grain):
        super().__init__()
        self.shapes, self.basis, self.grain = Shapes(), ProfileBasis(), grain
        self.far, self.far_end = LOOK.far.start, LOOK.far.stop
        self.depth, self.depth_end = LOOK.depth.start, LOOK.depth.stop
        self.ground, self.ground_end = LOOK.common_ground.start, LOOK.common_ground.stop
        self.particle, self.particle_end = LOOK.common_particle.start, LOOK.common_particle.stop

    def forward(
        self, mask: Tensor, look: Tensor, noise: Tensor, brightness: Tensor, greatest: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return shapes [N, 9, H, W], and the draft without and with grain, [N, 1, H, W] each.

        mask [N, 1, H, W] in {0, 1}; look [N, LOOK.count]; noise [N, C, H, W], standard normal;
        brightness of each particle and its greatest depth, [N, 1, H, W] each. H and W are multiples
        of 16.
        """
        depth, far, parts = self.shapes.distances(mask)
        relative = self.shapes.relative(depth, greatest, mask)
        inside, outside = self.basis(depth, far, relative, mask)
        of_far, of_depth = look[:, self.far : self.far_end], look[:, self.depth : self.depth_end]
        base = (inside * of_depth[:, :, None, None]).sum(1, keepdim=True) + brightness
        base = base + (outside * of_far[:, :, None, None]).sum(1, keepdim=True)
        fields = self.grain.fields(noise)
        ground = self._summed(fields, look[:, self.ground : self.ground_end])
        particle = self._summed(fields, look[:, self.particle : self.particle_end])
        drawn = base + torch.where(mask > 0, particle, ground)
        return self.shapes.inputs(mask, parts, relative), base, drawn

    def _summed(self, fields: Tensor, log_sd: Tensor) -> Tensor:
        strengths = self.grain.strengths(log_sd)[:, : fields.shape[1], None, None]
        return (fields * strengths).sum(1, keepdim=True)


class RegionLevel(nn.Module):
    """A level of the decoder: what comes from below, enlarged, and the skip connection.

    x [N, in, H / 2, W / 2], skip [N, out, H, W] and the rest as for RegionConv -> [N, out, H, W].
    """

    def __init__(self, in_channels: int, out_channels: int, config: PainterConfig):
        super().__init__()
        self.narrow = nn.Conv2d(in_channels, out_channels, 1)
        self.joined = RegionConv(2 * out_channels, out_channels, config)
        self.refined = RegionConv(out_channels, out_channels, config)

    def forward(
        self,
        x: Tensor,
        skip: Tensor,
        mask: Tensor,
        ground: Tensor,
        particle: Tensor,
        noise: Tensor,
    ) -> Tensor:
        x = torch.cat([upsample(self.narrow(x), "bilinear"), skip], dim=1)
        x = self.joined(x, mask, ground, particle, noise)
        return self.refined(x, mask, ground, particle, noise)


class Painter(nn.Module):
    """Style U-Net that corrects a draft: encoder of shapes and draft, decoder by region, noise."""

    def __init__(self, config: PainterConfig):
        super().__init__()
        widths = config.widths
        self.first = NormConv2d(SHAPE_CHANNELS + 2, widths[0])
        self.encoder = nn.ModuleList([ConvBlock(a, b) for a, b in itertools.pairwise(widths[:-1])])
        self.bottom = nn.ModuleList([RegionConv(widths[k], widths[-1], config) for k in (-2, -1)])
        self.decoder = nn.ModuleList(
            [RegionLevel(b, a, config) for a, b in reversed(list(itertools.pairwise(widths)))]
        )
        self.to_image = NormConv2d(widths[0], 1)
        nn.init.constant_(self.to_image.gain, 0.05)  # the untrained painter keeps its draft

    def forward(
        self,
        shapes: Tensor,
        base: Tensor,
        draft: Tensor,
        ground: Tensor,
        particle: Tensor,
        noise: Tensor,
    ) -> Tensor:
        """Return the image [N, 1, H, W]; beyond [-1, 1] it is over- or underexposed.

        shapes, base and draft as Draft gives them; codes of ground and particles [N, w_dim]; noise
        [N, noise_channels, H, W].
        """
        x = torch.cat([shapes, base, draft], dim=1).contiguous(memory_format=torch.channels_last)
        x = act(self.first(x))
        mask = shapes[:, :1].to(x.dtype)
        noise = noise.to(x.dtype).contiguous(memory_format=torch.channels_last)
        skips, masks, noises = [x], [mask], [noise]
        x = F.avg_pool2d(x, 2)
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = F.avg_pool2d(x, 2)
        for _ in range(len(skips)):
            masks.append(F.avg_pool2d(masks[-1], 2))
            noises.append(F.avg_pool2d(noises[-1], 2) * 2)
        at, given = masks.pop(), noises.pop()
        for conv in self.bottom:
            x = conv(x, at, ground, particle, given)
        for level in self.decoder:
            x = level(x, skips.pop(), masks.pop(), ground, particle, noises.pop())
        return draft + self.to_image(x).float()
