"""ParticleNet: an attention U-Net that segments particles of any kind and says how large they are.

Six maps, at full resolution:
  particle      logit of "belongs to a particle"
  outline       logit of "outermost pixel of its particle"
  depth         distance from the outline over its greatest value in that particle, 0..1
  log_diameter  logarithm of the particle's equal-area diameter in pixels, less LOG_DIAMETER_ZERO
  offset_x, _y  from the pixel to the particle's centroid, in diameters
Diameter and offset are relative to each particle, so one network serves all sizes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.layers import act, upsample
from fancgan.networks.particle_net.encoder import CHANNELS, LiteEncoder

MAPS = ("particle", "outline", "depth", "log_diameter", "offset_x", "offset_y")
LOG_DIAMETER_ZERO = 3.5  # 33 px
MULTIPLE = 32


class UnitConv2d(nn.Module):
    """Same-size convolution with unit-norm filters, a learned gain and a bias.

    Filters begin short: the length of a step relative to them decides how fast they turn.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(out_channels, in_channels, kernel, kernel))
        self.gain = nn.Parameter(torch.ones(out_channels, 1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(self.weight, dim=[1, 2, 3], keepdim=True)
        return F.conv2d(x, self.weight * (self.gain / norm), self.bias, padding=self.padding)


class DecoderBlock(nn.Module):
    """Two convolutions, each with its activation: [N, in, H, W] -> [N, out, H, W]."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1 = UnitConv2d(in_channels, out_channels)
        self.conv2 = UnitConv2d(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return act(self.conv2(act(self.conv1(x))))


class SkipGate(nn.Module):
    """Additive attention gate on a skip connection (Oktay et al. 2018, arXiv:1804.03999, eq. 1-2).

    skip [N, S, H, W], gate [N, G, H/2, W/2] -> skip weighted by coefficients in (0, 1). Leaky, and
    nearly open at the start: with a pretrained encoder behind them, gates that begin saturated
    close and never open again.
    """

    def __init__(self, skip_channels: int, gate_channels: int):
        super().__init__()
        inner = max(skip_channels // 2, 8)
        self.from_skip = nn.Conv2d(skip_channels, inner, 2, stride=2, bias=False)
        self.from_gate = nn.Conv2d(gate_channels, inner, 1)
        self.score = nn.Conv2d(inner, 1, 1)
        assert self.score.bias is not None
        nn.init.constant_(self.score.bias, 1.0)
        nn.init.normal_(self.score.weight, std=0.3 * inner**-0.5)

    def forward(self, skip: Tensor, gate: Tensor) -> Tensor:
        both = F.leaky_relu(self.from_skip(skip) + self.from_gate(gate), 0.2)
        return skip * upsample(torch.sigmoid(self.score(both)))


class ParticleNet(nn.Module):
    """EfficientNet-Lite0 down, gated skip connections up, maps by sub-pixel convolution.

    The decoder ends at half resolution; one convolution gives each map for all four pixels of a
    2 x 2 square (Shi et al. 2016, arXiv:1609.05158), which costs a quarter of a level at full
    resolution. The last block also sees the grey levels themselves.

    widths: channels of the decoder at strides 2, 4, 8 and 16; bottom: at stride 32.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 48, 80, 128), bottom: int = 128):
        super().__init__()
        self.encoder = LiteEncoder()
        self.rms = nn.Buffer(torch.ones(len(CHANNELS)))
        self.bottom = UnitConv2d(CHANNELS[-1], bottom, 1)
        skips, below = CHANNELS[:-1], (*widths[1:], bottom)
        grey = (4, 0, 0, 0)
        levels = (3, 2, 1, 0)
        self.gates = nn.ModuleList([SkipGate(skips[i], below[i]) for i in levels])
        self.decoder = nn.ModuleList(
            [DecoderBlock(below[i] + skips[i] + grey[i], widths[i]) for i in levels]
        )
        self.head = nn.Conv2d(widths[0], 4 * len(MAPS), 3, padding=1)
        assert self.head.bias is not None
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps [N, 6, H, W] in the order of MAPS.

        x [N, 1, H, W], grey levels of which 98 % lie in [-1, 1]; H and W are multiples of 32.
        """
        features = self.encoder(x)
        skips = [features[i] / self.rms[i] for i in range(len(features))]
        y = act(self.bottom(skips.pop()))
        for gate, block in zip(self.gates, self.decoder):  # noqa: B905 - TorchScript has no strict=
            parts = [upsample(y), gate(skips[-1], y)]
            skips.pop()
            if len(skips) == 0:
                parts.append(F.pixel_unshuffle(x, 2))
            y = block(torch.cat(parts, dim=1))
        return F.pixel_shuffle(self.head(y), 2)
