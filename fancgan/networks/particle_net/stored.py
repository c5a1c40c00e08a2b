"""The particle network from its weights file, ready to look at pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fancgan.errors import UserError
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.segmentation.looking import MapsAt

PREFIX = "segmenter."


def load_particle_net(path: str | Path) -> DeployedParticleNet:
    """Return the network whose weights a safetensors file holds under `segmenter.*`, in float32.

    The file may hold them in half precision. Raises UserError for a file that is missing, no
    safetensors file, or of another architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    if not path.is_file():
        raise UserError(f"The weights {path} do not exist.")
    try:
        stored = load_file(path)
        weights = {key.removeprefix(PREFIX): value.float() for key, value in stored.items()}
        network = ParticleNet()
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} holds no weights of the particle network.") from error
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return DeployedParticleNet(network)


def maps_of(network: DeployedParticleNet, image: NDArray) -> MapsAt:
    """Return what `find_particles` asks: maps float32 [6, h, w] of image [H, W], 0..255, by size.

    H and W from 32 up.
    """
    grey = torch.from_numpy(np.array(image, np.float32))[None, None]

    def maps_at(height: int, width: int) -> NDArray[np.floating]:
        with torch.inference_mode():
            return network(grey, height, width)[0].numpy()

    return maps_at
