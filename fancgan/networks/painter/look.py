"""The look of a micrograph, measured: profiles across outlines, texture, spread between particles.

A look is what can be taken from one picture and asked of another without its layout. Nothing here
is trained; everything compiles to TorchScript, and what a painting shows has a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fancgan.networks.painter.config import FLOOR_GREY, LOOK
from fancgan.networks.painter.octaves import octave_variances
from fancgan.networks.painter.shape import ProfileBasis, Shapes

FLOOR = FLOOR_GREY / 127.5
SMOOTH = 15.0  # pixels that a difference of neighbouring knots weighs against
HOLD = 0.05  # and a difference from the picture's mean
THICK_HOLD = 30.0
QUIET_PX = 3.0  # further than that from an outline texture is not mixed with its blur
LEAST_QUIET_PX, LEAST_GROUND_PX, LEAST_PARTICLE_PX = 400, 200, 100
LEAST_MEAN_PX = 12  # particles below say nothing of how particles differ


class LookMeter(nn.Module):
    """Measures looks [N, LOOK.count] (config.LookLayout)."""

    def __init__(self):
        super().__init__()
        self.shapes, self.basis = Shapes(), ProfileBasis()
        self.floor, self.quiet_px = FLOOR, QUIET_PX
        self.smooth, self.hold, self.thick_hold = SMOOTH, HOLD, THICK_HOLD
        self.least_quiet, self.least_mean = LEAST_QUIET_PX, LEAST_MEAN_PX
        self.least_ground, self.least_particle = LEAST_GROUND_PX, LEAST_PARTICLE_PX

    def forward(
        self, image: Tensor, mask: Tensor, robust: bool = True
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return look, known, brightness and profile of images [N, 1, H, W] in [-1, 1].

        mask [N, 1, H, W] in {0, 1}; H and W are multiples of 16. look [N, LOOK.count], or its first
        LOOK.seen without `robust`; known [N, 2] bool: whether enough ground, enough particles are
        to be seen; brightness [N, 1, H, W]: of each particle beside the profile; profile
        [N, 1, H, W]: the picture as its profiles alone make it.
        """
        h, w = mask.shape[2], mask.shape[3]
        numbers, key, picture = self.shapes.number(mask, self._distinct(mask))
        depth, far, _ = self.shapes.distances(mask)
        greatest = self.shapes.greatest(depth, numbers, key.shape[0])
        relative = self.shapes.relative(depth, greatest, mask)
        inside, outside = self.basis(depth, far, relative, mask)
        mean = image.mean([1, 2, 3]).detach()
        of_depth = self._fitted(image, inside, mean, True)
        of_far = self._fitted(image, outside, mean, False)
        profile = (inside * of_depth[:, :, None, None]).sum(1, keepdim=True)
        profile = profile + (outside * of_far[:, :, None, None]).sum(1, keepdim=True)
        rest = image - profile
        means, area = self._means(rest, numbers, key.shape[0])
        own = means[numbers]
        ground, particle = self._quiet(1 - mask, far), self._quiet(mask, depth)
        in_ground = octave_variances(rest, ground, False)
        in_particle = octave_variances(rest - own, particle, False)
        look = [
            of_far,
            of_depth,
            self._log_sd(in_ground),
            self._log_sd(in_particle),
            self._between(means, area, picture, mask.shape[0])[:, None],
        ]
        if robust:
            common_ground = octave_variances(rest, ground, True)
            common_particle = octave_variances(rest - own, particle, True)
            look.append(self._log_sd(torch.minimum(common_ground, in_ground)))
            look.append(self._log_sd(torch.minimum(common_particle, in_particle)))
        covered = mask.sum([1, 2, 3])
        known = torch.stack(
            [h * w - covered >= self.least_ground, covered >= self.least_particle], dim=1
        )
        return torch.cat(look, dim=1), known, own * mask, profile

    def _fitted(self, image: Tensor, basis: Tensor, mean: Tensor, thick: bool) -> Tensor:
        """Coefficients [N, K] of the basis [N, K, H, W] that come nearest to the image.

        Ridge regression: neighbouring knots are alike, and all near the picture's mean, where
        pixels do not say otherwise. thick: the last function is an offset, which is near 0.
        """
        b = basis.flatten(2)
        y = image.flatten(2) - mean[:, None, None]
        normal = (b @ b.transpose(1, 2)).double()
        right = (b @ y.transpose(1, 2))[:, :, 0].double()
        count = basis.shape[1]
        knots = count - 1 if thick else count
        hold = torch.full([count], self.hold, dtype=torch.float64, device=image.device)
        ridge = torch.zeros([count, count], dtype=torch.float64, device=image.device)
        for i in range(knots - 1):
            ridge[i, i] += self.smooth
            ridge[i + 1, i + 1] += self.smooth
            ridge[i, i + 1] -= self.smooth
            ridge[i + 1, i] -= self.smooth
        if thick:
            hold[-1] += self.thick_hold
        found = torch.linalg.solve(normal + ridge + torch.diag(hold), right).float()
        if thick:
            return torch.cat([found[:, :-1] + mean[:, None], found[:, -1:]], dim=1)
        return found + mean[:, None]

    def _means(self, x: Tensor, numbers: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Mean of x over each particle and its area, [P + 1] each; 0 for the ground."""
        flat, zeros = numbers.flatten(), torch.zeros([count + 1], device=x.device)
        values = x.flatten()
        total = zeros.index_add(0, flat, values)
        area = zeros.index_add(0, flat, torch.ones_like(values))
        mean = total / area.clamp(min=1.0)
        return torch.cat([torch.zeros_like(mean[:1]), mean[1:]]), area

    def _between(self, means: Tensor, area: Tensor, picture: Tensor, count: int) -> Tensor:
        """Logarithm of the deviation of the particles' means, [N]."""
        weight = area[1:].sqrt() * (area[1:] > self.least_mean)
        zeros = torch.zeros([count], device=means.device)
        total = zeros.index_add(0, picture, weight * means[1:].square())
        weights = zeros.index_add(0, picture, weight)
        return 0.5 * (total / weights.clamp(min=1e-6) + self.floor**2).log()

    def _quiet(self, region: Tensor, distance: Tensor) -> Tensor:
        inner = region * (distance > self.quiet_px)
        enough = inner.sum([1, 2, 3], keepdim=True) > self.least_quiet
        return torch.where(enough, inner, region)

    def _log_sd(self, variance: Tensor) -> Tensor:
        return 0.5 * (variance + self.floor**2).log()

    def _distinct(self, mask: Tensor) -> Tensor:
        """A number for each pixel that no other has, between -4 and 4: [N, 1, H, W]."""
        h, w = mask.shape[2], mask.shape[3]
        place = torch.arange(h * w, device=mask.device, dtype=torch.float64)
        number = 8 * torch.frac(place * 0.6180339887498949) - 4
        return number.float().reshape(1, 1, h, w).expand(mask.shape[0], -1, -1, -1)


def look_weights(known: Tensor) -> Tensor:
    """Return which of the first LOOK.seen quantities are known, [N, LOOK.seen] in {0, 1}."""
    ground, particle = known[:, :1].float(), known[:, 1:].float()
    whose = torch.ones(LOOK.seen, device=known.device)
    whose[LOOK.far] = 0
    whose[LOOK.ground] = 0
    return ground * (1 - whose) + particle * whose
