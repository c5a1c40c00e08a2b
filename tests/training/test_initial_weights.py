"""A training that begins with published weights, in networks as wide or wider."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from fancgan.errors import UserError
from fancgan.networks.config import ModelConfig
from fancgan.training.build import build_networks
from fancgan.training.initial_weights import load_initial
from tests.support.trainings import TINY

AVERAGED = ("generator", "style_encoder", "segmenter")
PAPER_LIKE = dataclasses.replace(TINY, modulation="adain", geometry=False, contours=False)


def networks_of(config: ModelConfig, seed: int) -> dict[str, torch.nn.Module]:
    torch.manual_seed(seed)
    networks = build_networks(config)
    return {name: networks[name].eval() for name in AVERAGED}


def published(networks: dict[str, torch.nn.Module]) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": value.clone()
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }


def outputs(networks: dict[str, torch.nn.Module], config: ModelConfig) -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)
    mask = torch.zeros(2, 1, 64, 96)
    mask[:, :, 16:40, 20:60] = 1
    style = torch.randn(2, config.style_dim, generator=generator)
    noise = torch.randn(2, config.noise_channels, 64, 96, generator=generator)
    image = networks["generator"](mask, style, noise, 0.3 * mask)
    return [image, *networks["segmenter"](image), *networks["style_encoder"](image)]


@pytest.mark.parametrize("config", [TINY, PAPER_LIKE], ids=["demod", "adain"])
def test_wider_networks_compute_what_the_published_ones_do_and_then_use_their_width(config):
    first = networks_of(config, seed=0)
    wide = dataclasses.replace(config, widths=(16, 24, 48))
    grown = networks_of(wide, seed=1)
    load_initial(grown, published(first), "first")
    for old, new in zip(outputs(first, config), outputs(grown, wide), strict=True):
        assert torch.allclose(old, new, atol=1e-5)
    sum(output.square().sum() for output in outputs(grown, wide)).backward()
    last = grown["segmenter"].mask_head.weight.grad
    assert (last[:, 8:] != 0).any(), "the old channels must begin to look at the new ones"


def test_new_inputs_of_published_weights_see_nothing_at_first():
    """Weights from before the generator was told coarse depth: its first filters had 4 channels."""
    weights = published(networks_of(TINY, seed=0))
    key = "generator.encoder.0.conv1.weight"
    weights[key] = weights[key][:, :4]
    tuned = networks_of(TINY, seed=1)
    load_initial(tuned, weights, "first")
    filters = tuned["generator"].encoder[0].conv1.weight
    assert torch.equal(filters[:, :4], weights[key])
    assert (filters[:, 4:] == 0).all()


def test_weights_that_know_fewer_statistics_see_nothing_of_the_new_ones():
    weights = published(networks_of(TINY, seed=0))
    key = "generator.mapping.layers.0.weight"
    known, latent = weights[key][:, :5], weights[key][:, -TINY.z_dim :]
    weights[key] = torch.cat([known, latent], dim=1)
    tuned = networks_of(TINY, seed=1)
    load_initial(tuned, weights, "first")
    filters = tuned["generator"].mapping.layers[0].weight
    assert torch.equal(filters[:, :5], known)
    assert torch.equal(filters[:, -TINY.z_dim :], latent)
    assert (filters[:, 5 : -TINY.z_dim] == 0).all()


@pytest.mark.parametrize("widths", [(8, 8, 8), (8, 8), (8, 8, 16, 16), (4, 16, 32)])
def test_narrower_networks_and_other_depths_are_refused(widths):
    weights = published(networks_of(TINY, seed=0))
    other = networks_of(dataclasses.replace(TINY, widths=widths), seed=1)
    with pytest.raises(UserError, match="The weights of first are of another architecture"):
        load_initial(other, weights, "first")
