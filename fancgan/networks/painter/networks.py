"""All of a painter's networks, and how they are stored."""

from __future__ import annotations

from torch import nn

from fancgan.networks.painter.config import PainterConfig
from fancgan.networks.painter.deployed import DeployedLookEncoder, DeployedPainter, LookLibrary
from fancgan.networks.painter.encoder import LookEncoder, StyleMapping
from fancgan.networks.painter.network import Draft, Painter
from fancgan.networks.painter.octaves import Grain

LOOKS = 12  # that are there to choose from


class PainterNetworks(nn.Module):
    """The networks of a painter; the names of their parameters are those of weights files."""

    def __init__(self, config: PainterConfig, looks: int = LOOKS):
        super().__init__()
        self.config = config
        self.painter = Painter(config)
        self.look_encoder = LookEncoder(config)
        self.mapping = StyleMapping(config)
        self.grain = Grain()
        self.looks = LookLibrary(config, looks)

    def deployed(self) -> dict[str, nn.Module]:
        """Return the modules to script by the name of their file in the bundle."""
        draft = Draft(self.grain)
        return {
            "generator.pt": DeployedPainter(
                self.painter, draft, self.mapping, self.looks, self.config
            ),
            "style_encoder.pt": DeployedLookEncoder(self.look_encoder, self.looks),
        }
