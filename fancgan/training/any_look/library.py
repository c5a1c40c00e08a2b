"""The looks that a painter leaves with: groups of those of its training pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn

from fancgan.networks.config import GREY_PER_UNIT
from fancgan.networks.painter.config import LOOK
from fancgan.networks.painter.deployed import SHAPE_MULTIPLE, LookLibrary
from fancgan.particles.labels import separate
from fancgan.training.any_look.config import PainterTrainConfig
from fancgan.training.any_look.pairs import CropPairs, choose_windows

SEED = 0  # of crops and groups: the same for every run on these data
ROUNDS = 100
SPREAD = 0.5  # of the deviation within a group: what is drawn is like its middle
NOISE_OCTAVES = 3


@dataclass(frozen=True, eq=False)
class Gathered:
    """centres and spreads [K, style_dim] of LookLibrary; records: what is known of each look."""

    centres: Tensor
    spreads: Tensor
    records: list[dict]


@torch.no_grad()
def gather_looks(
    encoder: nn.Module,
    pairs: CropPairs,
    config: PainterTrainConfig,
    device: torch.device,
    stopped: Callable[[], bool],
) -> Gathered | None:
    """Return up to config.looks looks of crops of all training pictures; None where `stopped`.

    A record has the share of the crops that are of its look, the share of these whose particles are
    darker than their ground, medians over them of the grey levels of ground and particles and of
    the noise of the ground, and the share of each set.
    """
    styles, facts = [], []
    for chosen, pictures in enumerate(pairs.pictures):
        for number, picture in enumerate(pictures):
            if stopped():
                return None
            rng = np.random.default_rng([SEED, chosen, number])
            side = min(config.crop_px, *picture.labels.shape) // SHAPE_MULTIPLE * SHAPE_MULTIPLE
            for _ in range(config.looks_crops):
                window = choose_windows(rng, picture.labels, side)[0]
                grey, labels = picture.grey[window], picture.labels[window].astype(np.int32)
                mask = separate(labels) > 0
                arrays = (torch.from_numpy(x.astype(np.float32))[None, None] for x in (grey, mask))
                style = encoder(*(x.to(device) for x in arrays))[0].cpu()
                if style[-2:].all():  # both regions are known
                    styles.append(style)
                    facts.append((np.median(grey[~mask]), np.median(grey[mask]), chosen))
    density = encoder.density
    assert isinstance(density, LookLibrary)
    if not styles:
        return Gathered(density.centres, density.spreads, [])
    found = torch.stack(styles)
    look = found[:, : LOOK.count] * density.sd.cpu() + density.mean.cpu()
    noise = (2 * look[:, LOOK.common_ground][:, :NOISE_OCTAVES]).exp().sum(1).sqrt() * GREY_PER_UNIT
    known = np.column_stack([np.array(facts), noise.numpy()])
    groups = group(found.double().numpy(), config.looks)
    centres = torch.stack([found[_middle(found, members)] for members in groups])
    spreads = torch.stack([SPREAD * found[m].std(0, correction=0) for m in groups])
    spreads[:, LOOK.between] = 0  # its logarithm, varied, would let some particles shine
    records = [_record(known[m], len(found), pairs.names) for m in groups]
    return Gathered(centres.to(device), spreads.to(device), records)


def group(styles: NDArray[np.float64], count: int) -> list[NDArray[np.intp]]:
    """Return the members of up to `count` groups of styles [n, d], the largest group first.

    k-means with k-means++ (Arthur and Vassilvitskii 2007), each dimension over its deviation.
    """
    scaled = styles / (styles.std(0) + 1e-6)
    distinct = len(np.unique(scaled, axis=0))
    _, label = kmeans2(scaled, min(count, distinct), ROUNDS, minit="++", seed=SEED)
    groups = [np.flatnonzero(label == number) for number in np.unique(label)]
    return sorted(groups, key=len, reverse=True)


def _middle(styles: Tensor, members: NDArray[np.intp]) -> int:
    """Number of the member that is nearest to the group's mean."""
    deviation = (styles[members] - styles[members].mean(0)) / (styles.std(0, correction=0) + 1e-6)
    return int(members[int(deviation.square().sum(1).argmin())])


def _record(known: NDArray, total: int, names: Sequence[str]) -> dict:
    """known [n, 4]: grey levels of ground and particles, number of the set, noise."""
    ground, particle, of_set, noise = known.T
    sets, counts = np.unique(of_set.astype(int), return_counts=True)
    return {
        "share": len(known) / total,
        "dark_share": float((particle < ground).mean()),
        "ground_grey": float(np.median(ground)),
        "particle_grey": float(np.median(particle)),
        "noise_grey": float(np.median(noise)),
        "sets": {names[n]: int(c) / len(known) for n, c in zip(sets, counts, strict=True)},
    }
