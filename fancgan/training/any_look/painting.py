"""What is asked of the painter, measured on a pair of crops, and the networks that learn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fancgan.networks.painter.config import PainterConfig
from fancgan.networks.painter.look import LookMeter
from fancgan.networks.painter.network import Draft
from fancgan.networks.painter.networks import PainterNetworks
from fancgan.networks.painter.octaves import Grain

STYLE_LIMIT_SD = 8.0  # as the deployed look encoder holds looks


@dataclass(frozen=True)
class Order:
    """What is asked of the painter, all measured: nothing here has a gradient.

    look [N, LOOK.count] of the reference, known [N, 2] which of its regions show it, profile
    [N, 1, H, W]; wanted and wanted_known: the same of the real crop. shapes, base and draft: what
    networks.painter.network.Draft returns for the real crop's mask and particles. noise.
    """

    look: Tensor
    known: Tensor
    profile: Tensor
    wanted: Tensor
    wanted_known: Tensor
    shapes: Tensor
    base: Tensor
    draft: Tensor
    noise: Tensor


@torch.no_grad()
def take_order(meter: LookMeter, draft: Draft, crops: dict[str, Tensor], noise: Tensor) -> Order:
    """Return what pairs of crops (`CropPairs`) ask for; noise [N, C, H, W], standard normal.

    Each particle has its brightness in the real crop: it is no part of a look, and a painting is
    compared with that crop.
    """
    look, known, _, profile = meter(crops["reference"], crops["reference_mask"])
    mask = crops["mask"]
    wanted, wanted_known, brightness, _ = meter(crops["image"], mask)
    numbers, key, _ = draft.shapes.number(mask, noise[:, -1:])
    depth, _, _ = draft.shapes.distances(mask)
    greatest = draft.shapes.greatest(depth, numbers, key.shape[0])
    shapes, base, drawn = draft(mask, look, noise, brightness, greatest)
    return Order(look, known, profile, wanted, wanted_known, shapes, base, drawn, noise)


class LearningPainter(PainterNetworks):
    """A painter's networks in one pass, so that several processes learn as one."""

    def forward(self, reference: Tensor, mask: Tensor, order: Order) -> Tensor:
        """Return paintings [N, 1, H, W]; beyond [-1, 1] they are over- or underexposed.

        reference and its mask [N, 1, H, W].
        """
        codes = self.look_encoder(reference, order.profile, mask, order.known)
        look = (order.look - self.looks.mean) / self.looks.sd
        look = look.clamp(-STYLE_LIMIT_SD, STYLE_LIMIT_SD)
        style = torch.cat([look, codes.float(), order.known.float()], dim=1)
        ground, particle = self.mapping(style)
        return self.painter(order.shapes, order.base, order.draft, ground, particle, order.noise)


def new_painter(config: PainterConfig) -> LearningPainter:
    """Networks with first weights; the one look of their library is the mean of all."""
    networks = LearningPainter(config, looks=1)
    networks.looks.centres[:, -2:] = 1  # both regions are known
    networks.grain.load_state_dict(_grain())
    return networks


@lru_cache
def _grain() -> dict[str, Tensor]:
    grain = Grain()
    grain.calibrate()
    return grain.state_dict()
