"""What a mask says of each of its pixels: how deep in a particle, how far from one, how thick."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fancgan.networks.painter.config import DEPTH_KNOTS, FAR_KNOTS
from fancgan.networks.particle_map import (
    FLOOD_ROUNDS,
    FLOOD_STEPS,
    number_particles,
    particle_keys,
)

REACH = 8  # steps of 1, 4 and 16 px: distances are known up to 128 px


class Shapes(nn.Module):
    """Maps of a mask [N, 1, H, W] in {0, 1}, H and W multiples of 16.

    Particles are told apart where a line of background parts them. Distances are chessboard
    distances, never too large, on grids of 1, 4 and 16 px.
    """

    def __init__(self):
        super().__init__()
        self.reach = REACH
        self.flood_steps, self.flood_rounds = FLOOD_STEPS, FLOOD_ROUNDS

    def number(self, mask: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (numbers [N, 1, H, W], key [P], image [P]) as `number_particles` does.

        noise [N, 1, H, W], standard normal, decides the keys.
        """
        return number_particles(particle_keys(mask, noise, self.flood_steps, self.flood_rounds))

    def distances(self, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return depth and far [N, 1, H, W] in pixels, and their parts by grid [N, 6, H, W]."""
        sides = torch.cat([1 - mask, mask], dim=1)
        fine = self._reached(sides)
        middle = F.interpolate(
            self._reached(F.max_pool2d(sides, 4)), scale_factor=4.0, mode="bilinear"
        )
        coarse = F.interpolate(
            self._reached(F.max_pool2d(sides, 16)), scale_factor=16.0, mode="bilinear"
        )
        most = torch.maximum(torch.maximum(fine * 8, middle * 32), coarse * 128)
        depth, far = most[:, :1] * mask, most[:, 1:] * (1 - mask)
        return depth, far, torch.cat([fine, middle, coarse], dim=1)

    def greatest(self, depth: Tensor, numbers: Tensor, count: int) -> Tensor:
        """Return the greatest depth of each of `count` particles, at its pixels: [N, 1, H, W]."""
        top = torch.ones([count + 1], device=depth.device, dtype=depth.dtype)
        top = top.scatter_reduce(0, numbers.flatten(), depth.flatten(), "amax")
        return top[numbers]

    def relative(self, depth: Tensor, greatest: Tensor, mask: Tensor) -> Tensor:
        """Return depth over the particle's greatest, [N, 1, H, W] in [0, 1]."""
        return (depth / greatest).clamp(max=1.0) * mask

    def inputs(self, mask: Tensor, parts: Tensor, relative: Tensor) -> Tensor:
        """Return what the network is told of shapes: [N, 9, H, W] in [0, 1].

        Channels: mask, the six parts of the distances, the lines between touching particles, and
        relative depth.
        """
        once = F.max_pool2d(mask, 3, 1, 1)
        separator = 1 - F.max_pool2d(1 - once, 3, 1, 1) - mask
        return torch.cat([mask, parts, separator, relative], dim=1)

    def _reached(self, grown: Tensor) -> Tensor:
        total = grown
        for _ in range(self.reach - 1):
            grown = F.max_pool2d(grown, 3, 1, 1)
            total = total + grown
        return 1 - total / self.reach


class ProfileBasis(nn.Module):
    """Functions of distance that profiles across an outline are sums of.

    forward: depth, far, relative depth, mask [N, 1, H, W] -> inside [N, 12, H, W], outside
    [N, 10, H, W]. Hats over the logarithm of the distance, whose sum is 1 in their region; the last
    function inside is the thickness of a sphere of that relative depth.
    """

    def __init__(self):
        super().__init__()
        self.depth_knots = nn.Buffer(torch.tensor(DEPTH_KNOTS).log(), persistent=False)
        self.far_knots = nn.Buffer(torch.tensor(FAR_KNOTS).log(), persistent=False)

    def forward(
        self, depth: Tensor, far: Tensor, relative: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        thick = torch.sqrt((relative * (2 - relative)).clamp(min=0.0))
        inside = torch.cat([self._hats(depth, self.depth_knots), thick], dim=1) * mask
        return inside, self._hats(far, self.far_knots) * (1 - mask)

    def _hats(self, distance: Tensor, knots: Tensor) -> Tensor:
        x = distance.clamp(min=1.0).log().clamp(max=float(knots[-1]))
        last = knots.shape[0] - 1
        hats: list[Tensor] = []
        for i in range(last + 1):
            hat = torch.ones_like(x)
            if i > 0:
                hat = torch.minimum(hat, (x - knots[i - 1]) / (knots[i] - knots[i - 1]))
            if i < last:
                hat = torch.minimum(hat, (knots[i + 1] - x) / (knots[i + 1] - knots[i]))
            hats.append(hat.clamp(min=0.0))
        return torch.cat(hats, dim=1)
