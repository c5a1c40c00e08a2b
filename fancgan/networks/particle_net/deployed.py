"""The particle network as it leaves the house: from a file's grey levels to maps, at any scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.particle_net.network import LOG_DIAMETER_ZERO, MULTIPLE, ParticleNet


def normalise(
    image: Tensor,
    dark_share: float = 0.01,
    bright_share: float = 0.99,
    min_range: float = 8.0,
    clip: float = 1.6,
) -> Tensor:
    """Put the 1 % and 99 % quantiles of an image [1, 1, H, W] of grey levels 0..255 at -1 and 1.

    min_range: that many grey levels at least lie between them, for the noise of an empty image is
    no contrast. What lies beyond `clip` is cut.
    """
    sample = image[:, :, ::2, ::2].flatten()
    low = torch.quantile(sample, dark_share)
    high = torch.maximum(torch.quantile(sample, bright_share), low + min_range)
    return (2 * (image - low) / (high - low) - 1).clamp(-clip, clip)


class DeployedParticleNet(nn.Module):
    """Grey levels, and the size to look at them -> maps of particles.

    What is larger than tile_px x tile_px goes through the network in tiles that overlap.
    """

    def __init__(self, network: ParticleNet, tile_px: int = 1280, halo_px: int = 192):
        super().__init__()
        assert tile_px % MULTIPLE == 0 and halo_px % MULTIPLE == 0
        self.network = network
        self.multiple = MULTIPLE
        self.tile_px = tile_px
        self.halo_px = halo_px
        self.log_diameter_zero = LOG_DIAMETER_ZERO

    def forward(self, image: Tensor, height: int, width: int) -> Tensor:
        """Return [1, 6, height, width], float: what the network sees at that size.

        image [1, 1, H, W] in 0..255, H and W from 32 up, of any polarity; it is reduced or
        enlarged to height x width first. Channels: probability of particle, probability of
        outline, depth 0..1, natural logarithm of the particle's equal-area diameter in pixels of
        the maps, and the way to the particle's centroid (x, then y) in diameters.
        """
        assert image.shape[0] == 1 and image.shape[1] == 1, "one grey image at a time"
        assert height >= 32 and width >= 32, "the image must be at least 32 x 32 pixels"
        x = image.float()
        if x.shape[2] != height or x.shape[3] != width:
            x = F.interpolate(x, size=[height, width], mode="bilinear", antialias=True)
        x = normalise(x)
        below = (-height) % self.multiple
        right = (-width) % self.multiple
        x = F.pad(x, [0, right, 0, below], "replicate")
        y = self.in_tiles(x)[:, :, :height, :width]
        log_diameter = y[:, 3:4] + self.log_diameter_zero
        return torch.cat([torch.sigmoid(y[:, :2]), y[:, 2:3], log_diameter, y[:, 4:]], dim=1)

    def in_tiles(self, x: Tensor) -> Tensor:
        """The network on x [1, 1, H, W], one tile at a time: float [1, 6, H, W]."""
        if x.shape[2] * x.shape[3] <= self.tile_px * self.tile_px:
            return self.network(x).float()
        whole = torch.zeros([1, 6, x.shape[2], x.shape[3]])
        for top in range(0, x.shape[2], self.tile_px):
            for left in range(0, x.shape[3], self.tile_px):
                above = min(top, self.halo_px)
                before = min(left, self.halo_px)
                part = x[
                    :,
                    :,
                    top - above : top + self.tile_px + self.halo_px,
                    left - before : left + self.tile_px + self.halo_px,
                ]
                seen = self.network(part).float()[:, :, above:, before:]
                rows = min(self.tile_px, x.shape[2] - top)
                columns = min(self.tile_px, x.shape[3] - left)
                whole[:, :, top : top + rows, left : left + columns] = seen[:, :, :rows, :columns]
        return whole
