"""Particles told apart by torch alone are those that scipy labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from fancgan.networks.particle_map import (
    FLOOD_ROUNDS,
    FLOOD_STEPS,
    exposure,
    mean_per_particle,
    number_particles,
    particle_keys,
    wide_noise,
)
from fancgan.networks.torchscript import quiet_torchscript


class Mapped(nn.Module):
    def forward(self, mask: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keys = particle_keys(mask, noise, 16, 32)
        numbers, _, image = number_particles(keys)
        return numbers, mean_per_particle(exposure(mask), numbers), image


def discs(seed: int, count: int = 40) -> np.ndarray:
    """Discs that leave at least a pixel between them: mask [H, W]."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((120, 151), bool)
    y, x = np.indices(mask.shape)
    for _ in range(count):
        disc = np.hypot(y - rng.uniform(8, 112), x - rng.uniform(8, 143)) < rng.uniform(3, 8)
        if not (ndimage.binary_dilation(disc, np.ones((3, 3))) & mask).any():
            mask |= disc
    return mask


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    mask = torch.from_numpy(np.stack([discs(k) for k in range(3)]).astype(np.float32))[:, None]
    return mask, torch.randn(mask.shape, generator=torch.Generator().manual_seed(0))


def test_each_particle_of_a_batch_has_a_number_of_its_own(batch):
    mask, noise = batch
    numbers, key, image = number_particles(particle_keys(mask, noise, FLOOD_STEPS, FLOOD_ROUNDS))
    total = 0
    for k in range(3):
        labels, found = ndimage.label(mask[k, 0].numpy())
        mine = numbers[k, 0].numpy()
        assert ((mine > 0) == (labels > 0)).all()
        pairs = np.unique(np.stack([labels[mine > 0], mine[mine > 0]]), axis=1)
        assert pairs.shape[1] == found == len(set(pairs[1]))
        assert (image[pairs[1] - 1] == k).all()
        total += found
    assert len(key) == len(image) == total
    assert key.min() > 0


def test_means_are_those_of_the_pixels_of_each_particle(batch):
    mask, noise = batch
    numbers, _, _ = number_particles(particle_keys(mask, noise, FLOOD_STEPS, FLOOD_ROUNDS))
    wanted = ndimage.mean(noise.numpy(), numbers.numpy(), np.arange(1, int(numbers.max()) + 1))
    assert mean_per_particle(noise, numbers).numpy() == pytest.approx(wanted, abs=1e-6)


def test_a_batch_without_particles_has_none():
    empty = torch.zeros(2, 1, 40, 40)
    numbers, key, image = number_particles(particle_keys(empty, torch.randn(2, 1, 40, 40), 16, 32))
    assert not numbers.any()
    assert len(key) == len(image) == len(mean_per_particle(empty, numbers)) == 0


def test_exposed_is_what_lies_at_the_edge_of_an_agglomerate():
    """Two halves a line apart are one agglomerate; the frame is no edge."""
    mask = torch.zeros(1, 1, 60, 60)
    mask[..., 20:50, 10:] = 1
    mask[..., 20:50, 30] = 0
    depth = ndimage.distance_transform_cdt(np.pad(mask[0, 0].numpy() > 0, ((0, 0), (0, 9)), "edge"))
    found = exposure(mask)[0, 0].numpy()
    assert found[20:50, 10:13].all()
    assert found[20:23, 10:].sum() == 3 * 49  # all but the line
    assert not found[23:47, 13:].any()
    assert not found[mask[0, 0] == 0].any()
    assert depth[25, 40] > 3


def test_wide_noise_is_standard_normal_and_correlated_as_it_says():
    white = torch.randn(400, 1, 96, 104, generator=torch.Generator().manual_seed(0))
    found = wide_noise(white, 12.0)
    assert found.std().item() == pytest.approx(1, abs=0.03)
    assert found[..., 0, 0].std().item() == pytest.approx(1, abs=0.1)  # at the frame too
    for apart in (12, 24):
        product = (found[..., apart:, :] * found[..., :-apart, :]).mean().item()
        assert product == pytest.approx(math.exp(-(apart**2) / (4 * 12**2)), abs=0.05)


def test_scripted_it_is_the_same(batch):
    with quiet_torchscript():
        scripted = torch.jit.script(Mapped())
    for mine, theirs in zip(Mapped()(*batch), scripted(*batch), strict=True):
        assert torch.equal(mine, theirs)
