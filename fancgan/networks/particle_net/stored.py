"""The particle network from its weights file, ready to look at pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from fancgan.errors import UserError
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.networks.weights_file import checked_weights

PREFIX = "segmenter."


def load_particle_net(path: str | Path) -> DeployedParticleNet:
    """Return the network whose weights a safetensors file holds, in float32.

    A bundle's are under `segmenter.*` and in half precision, a run's under their own names. Raises
    UserError for a file that is missing, no safetensors file, or of another architecture.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"The weights {path} do not exist.")
    try:
        stored = checked_weights(path)
        weights = {key.removeprefix(PREFIX): value.float() for key, value in stored.items()}
        network = ParticleNet()
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path} holds no weights of the particle network.") from error
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return DeployedParticleNet(network)
