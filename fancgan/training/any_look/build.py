"""What learns in a training of the painter, what judges it, and what both start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from fancgan.errors import UserError
from fancgan.networks.painter.config import PainterConfig
from fancgan.networks.painter.deployed import LookLibrary
from fancgan.networks.painter.look import LookMeter
from fancgan.networks.painter.network import Draft
from fancgan.networks.painter.networks import PainterNetworks
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.training.any_look.config import PainterTrainConfig
from fancgan.training.any_look.critics import BLOCKS, PaintingDiscriminator, contrast
from fancgan.training.any_look.painting import LearningPainter, new_painter
from fancgan.training.any_look.pairs import CropPairs
from fancgan.training.any_particle.build import read_initial, read_weights
from fancgan.training.build import EMA
from fancgan.training.critics import StandardisedFeatures

MEASURED_BATCHES = 24
LEAST_SD = 0.02  # of a quantity of a look
GATHERED = ("looks.centres", "looks.spreads")  # of the pictures that weights were trained on


@dataclass
class PainterPlayers:
    """bare, critic: the networks; network, wrapped_critic: the same, as the accelerator wraps them.

    ema: average of `bare`. meter, draft: fixed. view: features that critics and losses see, None
    where no term does. segmenter: reads paintings, frozen; None without the cycle.
    """

    bare: LearningPainter
    network: nn.Module
    ema: EMA[LearningPainter]
    critic: PaintingDiscriminator
    wrapped_critic: nn.Module
    optimisers: dict[str, torch.optim.Optimizer]
    meter: LookMeter
    draft: Draft
    view: StandardisedFeatures | None
    segmenter: ParticleNet | None

    def with_state(self) -> dict[str, Any]:
        """All that has a state, as a checkpoint names it."""
        networks = {"network": self.bare, "ema": self.ema.network, "critic": self.critic}
        return {**networks, **self.optimisers}


def build_players(
    model: PainterConfig,
    config: PainterTrainConfig,
    accelerator: Accelerator,
    *,
    pairs: CropPairs,
    initial: dict[str, Tensor] | None,
) -> PainterPlayers:
    """Networks with their first weights, and what judges them.

    initial: weights to begin with (read_painter); None starts anew. Critics always do.
    """
    device, weights = accelerator.device, config.weights
    segmenter = _read_segmenter(config.segmenter, device) if "cycle" in weights else None
    torch.manual_seed(config.seed)
    bare, critic, meter = new_painter(model), PaintingDiscriminator(), LookMeter()
    measured = list(pairs.batches_to_measure(MEASURED_BATCHES))
    if initial is None:
        measure_looks(bare.looks, meter, measured)
    else:
        bare.load_state_dict(initial, strict=False)  # GATHERED is not among them
    view = None
    if weights.keys() & {"adversarial", "style", "features"}:
        shown = [contrast(crops["reference"], crops["reference"]) for crops in measured]
        view = StandardisedFeatures(BLOCKS, [c.to(device) for c in shown])
    for network in (bare, critic):
        network.to(device).to(memory_format=torch.channels_last)
    ema = EMA(bare, config.ema)
    optimisers = {
        "painter_optimiser": _adam(bare, config.lr),
        "critic_optimiser": _adam(critic, config.lr_critic),
    }
    prepared = accelerator.prepare(bare, critic, *optimisers.values())
    return PainterPlayers(
        bare=bare,
        network=prepared[0],
        ema=ema,
        critic=critic,
        wrapped_critic=prepared[1],
        optimisers=dict(zip(optimisers, prepared[2:], strict=True)),
        meter=meter.to(device),
        draft=Draft(bare.grain).to(device),
        view=view,
        segmenter=segmenter,
    )


def _read_segmenter(source: str, device: torch.device) -> ParticleNet:
    segmenter = ParticleNet()
    segmenter.load_state_dict(read_initial(source)[0])
    segmenter.eval().requires_grad_(False).to(device)
    return segmenter.to(memory_format=torch.channels_last)


def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(0.5, 0.99), fused=True)


@torch.no_grad()
def measure_looks(looks: LookLibrary, meter: LookMeter, batches: list[dict[str, Tensor]]) -> None:
    """Let a library know mean and deviation of the looks of references that show both regions."""
    found = []
    for crops in batches:
        look, known, _, _ = meter(crops["reference"], crops["reference_mask"])
        found.append(look[known.all(1)])
    measured = torch.cat(found)
    if len(measured) < 2:
        raise UserError(
            "Hardly any crop shows both particles and ground, so that there is no look to learn; "
            "give pictures that show both."
        )
    looks.mean.copy_(measured.mean(0))
    looks.sd.copy_(measured.std(0) + LEAST_SD)


def read_painter(source: str, model: PainterConfig) -> tuple[dict[str, Tensor], str]:
    """Return weights to begin with, all but GATHERED, and what a run's record calls them.

    source: a weights file (.safetensors), the folder of a run, or the folder or name of a bundle.
    Raises UserError where there are none, or where they are of another architecture.
    """
    tensors, name = read_weights(source)
    with torch.device("meta"):
        wanted: dict[str, Tensor] = PainterNetworks(model).state_dict()
    for key in GATHERED:
        del wanted[key]
    for key, value in wanted.items():
        if key not in tensors or tensors[key].shape != value.shape:
            raise UserError(
                f"The weights of {source} are not those of such a painter ({key} does not fit); "
                "give --init a run or a bundle of --preset painter, with its --widths."
            )
    return {key: tensors[key].float() for key in wanted}, name
