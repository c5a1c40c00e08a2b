"""Quick figures of the averaged weights while the particle network is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fancgan.datasets.fields import Field
from fancgan.evaluation.metrics import MIN_AREA_PX, dice
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.particles.instances import drop_small
from fancgan.particles.matching import iou_matrix, match
from fancgan.segmentation.fragments import Fragments, cut_into_fragments
from fancgan.segmentation.from_maps import at_size
from fancgan.segmentation.joining import join
from fancgan.segmentation.looking import MapsAt, look_closely
from fancgan.training.any_particle.losses import map_losses
from fancgan.training.any_particle.step import on_device, weighted_total

SUMMIT_DEPTH = 0.12  # a summit of the depth map that stands out by less is no particle
MAX_PIXELS = 400_000  # of a look: a third of what serving takes


@torch.no_grad()
def crop_losses(
    network: ParticleNet, batches: Sequence[dict[str, Tensor]], device: torch.device
) -> dict[str, float]:
    """Return the training's terms on validation crops, "loss_" before each name."""
    sums: dict[str, float] = {}
    count = sum(len(batch["image"]) for batch in batches)
    for batch in batches:
        crops = on_device(batch, device)
        terms = map_losses(network(crops["image"]), crops["targets"], crops["weights"])
        for name, term in {**terms, "total": weighted_total(terms)}.items():
            share = len(batch["image"]) / count
            sums[f"loss_{name}"] = sums.get(f"loss_{name}", 0.0) + share * float(term)
    return sums


def picture_scores(
    network: ParticleNet, fields: Sequence[Field], device: torch.device
) -> dict[str, float]:
    """Return Dice and AP50 of whole images, means over them, and their number n.

    Particles are parted by the depth map alone; what serves knows more (joining.py), and its
    scores are higher.
    """
    if not fields:
        return {}
    deployed = DeployedParticleNet(network).eval()
    dices, precisions = [], []
    for field in fields:
        found = find_particles(deployed, field.image, device)
        dices.append(dice(field.labels > 0, found > 0))
        kept = [drop_small(labels, MIN_AREA_PX) for labels in (field.labels, found)]
        precisions.append(match(iou_matrix(*kept)).average_precision)
    return {
        "dice": float(np.mean(dices)),
        "ap50": float(np.mean(precisions)),
        "n": len(fields),
    }


def find_particles(
    network: DeployedParticleNet, grey: NDArray[np.uint8], device: torch.device
) -> NDArray[np.int32]:
    """Return labels [H, W] of an image [H, W], looked at as serving does."""
    look = look_closely(maps_on(network, grey, device), grey.shape, max_pixels=MAX_PIXELS)
    particles = join(cut_into_fragments(look.maps), _summit_score, least=0.0)
    return at_size(particles.labels, look.maps[0], grey.shape)


def maps_on(network: DeployedParticleNet, grey: NDArray[np.uint8], device: torch.device) -> MapsAt:
    """Return what the network says of an image [H, W] at any size, computed on its device."""
    image = torch.from_numpy(grey.astype(np.float32))[None, None].to(device)

    @torch.no_grad()
    def maps_at(height: int, width: int) -> NDArray[np.float32]:
        return network(image, height, width)[0].cpu().numpy()

    return maps_at


def _summit_score(fragments: Fragments, a: int, b: int, contact: NDArray[np.float64]) -> float:
    return SUMMIT_DEPTH - (min(fragments.peak[a], fragments.peak[b]) - contact[3])
