"""What a model is: this travels with its weights. Serving reads it too: it imports nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

BRIGHTNESS_UNIT_GREY = 40.0  # grey levels that a brightness of 1 stands for
GREY_PER_UNIT = 127.5  # inside the networks an image is its grey levels / GREY_PER_UNIT - 1
CRITIC_NAMES = ("projected", "patch")
STAT_NAMES = (
    "background_mean",
    "background_sd",
    "particle_mean",
    "particle_sd",
    "noise_sd",
    "grain_x1",
    "grain_y1",
    "grain_x2",
    "grain_y2",
    "grain_diagonal",
)
STAT_INDEX = {name: index for index, name in enumerate(STAT_NAMES)}


@dataclass(frozen=True)
class ModelConfig:
    """Architecture of the generator, the segmenter, the style encoder and the critics.

    widths: channels per level, full resolution first; each level halves the resolution.
    modulation: "demod" scales channels in and out from the weights alone (StyleGAN2), so that a
        crop and a whole field look alike; "adain" is the paper's, with instance statistics.
    geometry: the generator derives distance and separator maps from its mask (layers.MaskGeometry).
    attention_gates: additive gates on the segmenter's skip connections (paper, section 2).
    upsampling: of the generator's decoder, "nearest" or "bilinear".
    grain_px: sigma of the blur that gives the injected noise the grain of a detector; 0 is white.
    brightness: the generator is told how bright each particle is (particle_brightness.py).
    contours: the generator is given thin closed curves drawn from its noise (noise.py).
    critic: "projected" judges pixels and frozen ImageNet features of noise-normalised contrast
        (critics.py); "patch" is the paper's, two PatchGANs on the grey levels.
    z_dim: length of the learned latent beside the measured statistics of STAT_NAMES.
    """

    preset: str = "small"
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    modulation: str = "demod"
    geometry: bool = True
    attention_gates: bool = True
    upsampling: str = "bilinear"
    grain_px: float = 0.6
    contours: bool = True
    brightness: bool = True
    critic: str = "projected"
    z_dim: int = 8
    w_dim: int = 64
    noise_channels: int = 4
    disc_widths: tuple[int, ...] = (24, 48, 96)
    disc_mask_widths: tuple[int, ...] = (16, 32, 64)

    def __post_init__(self) -> None:
        if self.modulation not in ("demod", "adain"):
            raise ValueError(f"modulation must be 'demod' or 'adain', not {self.modulation!r}")
        if self.upsampling not in ("nearest", "bilinear"):
            raise ValueError(f"upsampling is 'nearest' or 'bilinear', not {self.upsampling!r}")
        if self.critic not in CRITIC_NAMES:
            raise ValueError(f"critic is 'projected' or 'patch', not {self.critic!r}")
        if self.contours and self.noise_channels < 3:
            raise ValueError(f"contours take 3 noise channels, not {self.noise_channels}")

    @property
    def style_dim(self) -> int:
        return len(STAT_NAMES) + self.z_dim

    @property
    def multiple(self) -> int:
        """Height and width inside the networks are multiples of this many pixels."""
        return 2 ** (len(self.widths) - 1)

    @property
    def works_in_tiles(self) -> bool:
        """Whether parts of a picture look as they do in the whole; AdaIN's statistics are its."""
        return self.modulation != "adain"

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> ModelConfig:
        known = {f.name for f in dataclasses.fields(cls)}
        tuples: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known
        }
        return cls(**tuples)


PRESETS = {
    "small": ModelConfig(),
    "paper": ModelConfig(
        preset="paper",
        widths=(64, 128, 256, 512, 1024),
        modulation="adain",
        geometry=False,
        upsampling="nearest",
        grain_px=0.0,
        contours=False,
        brightness=False,
        critic="patch",
        w_dim=256,
        disc_widths=(64, 128, 256),
        disc_mask_widths=(64, 128, 256),
    ),
}
