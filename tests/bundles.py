"""A bundle of tiny random networks: whole in form, so that no test waits for a training."""

from __future__ import annotations

from pathlib import Path

import torch

from fancgan.bundle import replacing
from fancgan.config import STAT_NAMES, ModelConfig
from fancgan.deploy import Networks
from fancgan.model_card import data_facts
from fancgan.publish import write_bundle

TINY = ModelConfig(preset="tiny", widths=(8, 8, 16), z_dim=2, w_dim=8)


def tiny_networks(config: ModelConfig = TINY, seed: int = 0) -> Networks:
    """Random networks whose segmenter finds what is brighter than grey level 90."""
    torch.manual_seed(seed)
    networks = Networks(config)
    density = networks.style_density
    count = len(STAT_NAMES)
    density.mean.copy_(torch.tensor([31.0, 3.0, 131.0, 8.0, 4.0])[:count])
    density.sd.copy_(torch.tensor([6.6, 1.0, 12.0, 2.0, 1.0])[:count])
    return networks.eval().requires_grad_(False)


def make_tiny_bundle(path: Path, config: ModelConfig = TINY, seed: int = 0) -> Path:
    """Write a bundle of tiny random networks to the folder `path` and return it."""
    facts = {
        "name": "tiny-random",
        "nm_per_px": 7.344,
        "data": data_facts({"name": "nothing", "modality": "sem"}),
    }
    with replacing(path) as stage:
        write_bundle(stage, tiny_networks(config, seed), facts)
    return path
