"""From a bundle and what its segmenter was taught to a bundle of its own."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load, save_file

import fancgan
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.stored import PREFIX
from fancgan.pretrained.bundle import CARD, MODULES, SEGMENTER, WEIGHTS, Bundle, replacing, seal
from fancgan.publishing.data_sources import known_facts
from fancgan.publishing.export_particles import write_segmenter
from fancgan.publishing.model_card import write_card
from fancgan.publishing.run_weights import training_facts

OWN = "own pictures"


def export_taught(
    base: Bundle, network: DeployedParticleNet, run: Path, out: Path, taught: dict
) -> Path:
    """Write the bundle `base` with a segmenter of its own to the folder `out`, whole or not at all.

    Judgement and painter stay those of the base. run: the folder of the run that taught it. taught:
    what config.json and card say of that; "pictures" is how many it learned from.
    """
    record, lessons = json.loads((run / "config.json").read_text("utf-8")), taught["pictures"]
    with replacing(out) as stage:
        for name in set(MODULES) & set(base.files) - {SEGMENTER}:
            (stage / name).write_bytes(base.read(name))
        difference = write_segmenter(stage / SEGMENTER, network)
        weights = load(base.read(WEIGHTS))
        for key, value in network.network.state_dict().items():
            weights[PREFIX + key] = value.half().contiguous()
        save_file(weights, stage / WEIGHTS, metadata={"format": "pt"})
        own = known_facts(OWN) | {"modality": None, "weight": 1.0}
        own |= {"train": lessons, "val": 0, "aside": 0}
        data = base.config["data"]
        config = base.config | {
            "name": out.resolve().name,
            "formats": ["torchscript"],
            "software": {"fancgan": fancgan.__version__, "torch": torch.__version__},
            "data": data
            | {"name": f"{data['name']}, {OWN}", "train": data["train"] + lessons}
            | {"sets": [*data["sets"], own]},
            "metrics": None,
            "training": training_facts(run, record),
            "taught": taught,
            "largest_difference": base.config["largest_difference"] | {SEGMENTER: difference},
        }
        (stage / CARD).write_text(write_card(config), encoding="utf-8", newline="\n")
        seal(stage, config)
    return out
