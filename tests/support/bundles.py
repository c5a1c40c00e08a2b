"""A bundle of tiny networks set by hand: whole in form, so that no test waits for a training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from fancgan.networks.config import ModelConfig
from fancgan.networks.deploy import Networks
from fancgan.pretrained.bundle import replacing
from fancgan.publishing.data_sources import data_facts
from fancgan.publishing.export_run import write_bundle

TINY = ModelConfig(preset="tiny", widths=(8, 8, 16), z_dim=2, w_dim=8)
BACKGROUND, PARTICLE, CUT = 31.0, 131.0, 90.0  # grey levels
GRAIN = (36.0, 33.0, 4.0, 3.0, 18.0)  # per cent


def tiny_networks(config: ModelConfig = TINY, seed: int = 10) -> Networks:
    """Random networks with a path that is not: particles bright, and what is bright is particle.

    The generator paints about 31 and 131 grey levels, changed a little by style and noise; the
    segmenter cuts at 90, its cores likewise.
    """
    torch.manual_seed(seed)
    networks = Networks(config).eval().requires_grad_(False)
    density = networks.style_density
    density.mean.copy_(torch.tensor([31.0, 3.0, 131.0, 8.0, 4.0, *GRAIN]))
    density.sd.copy_(torch.tensor([6.6, 1.0, 12.0, 2.0, 1.0, *[5.0] * len(GRAIN)]))
    _set_generator(networks, config)
    _set_segmenter(networks)
    return networks


def _pass_through(weight: Tensor, channel: int, share: float) -> None:
    """Let output channel 0 be input `channel`, and `share` of the random filter it was."""
    weight[0] *= share
    weight[0, channel, 1, 1] = 1.0


def _set_generator(networks: Networks, config: ModelConfig) -> None:
    generator = networks.generator
    _pass_through(generator.encoder[0].conv1.weight, 0, 0.0)
    _pass_through(generator.encoder[0].conv2.weight, 0, 0.0)
    last = generator.decoder[-1]
    below = config.widths[1]
    _pass_through(_styled_weight(last.conv1), below, 0.03)
    _pass_through(_styled_weight(last.conv2), 0, 0.03)
    for block in (generator.bottom, *generator.decoder):
        for layer in (block.conv1, block.conv2):
            layer.noise.weight[:, config.noise_channels : -1] *= 0.02  # curves are high
            style = layer.conv.scale if hasattr(layer.conv, "scale") else layer.conv.affine
            style.weight *= 0.3
    to_image = generator.to_image
    _pass_through(to_image.weight, 0, 0.03)
    to_image.gain.fill_(1e-3)  # where tanh is straight, to read off the two levels
    to_image.bias.zero_()
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, :, 32:] = 1
    style = torch.zeros(1, config.style_dim)
    image = generator(mask, style, torch.zeros(1, config.noise_channels, 64, 64)).atanh()
    low, high = image[..., 8:24].mean(), image[..., 40:56].mean()
    wanted = (torch.tensor([BACKGROUND, PARTICLE]) / 127.5 - 1).atanh()
    slope = (wanted[1] - wanted[0]) / (high - low)
    to_image.gain.mul_(slope)
    to_image.bias.fill_((wanted[0] - slope * low).item())


def _styled_weight(block: torch.nn.Module) -> Tensor:
    return block.conv.weight if hasattr(block.conv, "weight") else block.conv.conv.weight


def _set_segmenter(networks: Networks) -> None:
    segmenter = networks.segmenter
    first, last = segmenter.encoder[0], segmenter.decoder[-1]
    below = segmenter.encoder[1].conv1.weight.shape[0]
    for conv, channel in (
        (first.conv1, 0),
        (first.conv2, 0),
        (last.conv1, below),
        (last.conv2, 0),
    ):
        _pass_through(conv.weight, channel, 0.0)
    first.conv1.bias[0] = 2.0  # keeps every grey level on the straight side of the activations
    if hasattr(segmenter.gates[-1], "score"):
        segmenter.gates[-1].score.weight.zero_()
    for head, row in ((segmenter.mask_head, 1), (segmenter.core_head, 0)):
        head.weight.zero_()
        head.bias.zero_()
        head.weight[row, 0] = 20.0
    cut = torch.full((1, 1, 64, 64), CUT / 127.5 - 1)
    mask, core = segmenter(cut)
    segmenter.mask_head.bias[1] = -mask[0, 1, 32, 32]
    segmenter.core_head.bias[0] = -core[0, 0, 32, 32]


def make_tiny_bundle(path: Path, config: ModelConfig = TINY, seed: int = 10) -> Path:
    """Write the bundle of `tiny_networks` to the folder `path` and return it."""
    facts = {
        "name": "tiny-random",
        "nm_per_px": 7.344,
        "data": data_facts({"name": "no images", "modality": "sem"}),
    }
    with replacing(path) as stage:
        write_bundle(stage, tiny_networks(config, seed), facts)
    return path
