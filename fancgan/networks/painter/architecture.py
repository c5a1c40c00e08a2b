"""Which generator a bundle's config.json describes."""

from __future__ import annotations

from fancgan.networks.config import ModelConfig
from fancgan.networks.painter.config import PainterConfig


def read_architecture(values: dict) -> ModelConfig | PainterConfig:
    """Return the configuration of the generator from "architecture" of a bundle."""
    if "painter" in values:
        return PainterConfig.from_dict(values["painter"])
    return ModelConfig.from_dict(values)
