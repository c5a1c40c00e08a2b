"""How the painter is trained: what travels with its run."""

from __future__ import annotations

from dataclasses import dataclass

from fancgan.training.flags import flag
from fancgan.training.run.crop_config import CropTrainConfig

PRESET = "painter"
TERMS = ("adversarial", "style", "features", "look", "levels", "cycle")


@dataclass(frozen=True)
class PainterTrainConfig(CropTrainConfig):
    """Settings of `--preset painter`; weights multiply the TERMS, and 0 drops one."""

    steps: int = flag(3000, "steps; the learning rates decay towards the end", least=1)
    seed: int = flag(0, "seed of weights, crops and noise")
    batch_size: int = flag(4, "pairs of crops per step and process", least=1)

    lr: float = flag(8e-4, "learning rate of painter and look encoder (Adam)")
    lr_critic: float = flag(5e-4, "learning rate of the critics (Adam)")
    warmup_steps: int = flag(50, "steps over which the learning rates rise", least=1)
    decay_share: float = flag(0.4, "last share of the steps over which they fall to zero")
    ema: float = flag(0.998, "decay of the exponential moving average of the weights")

    w_adversarial: float = flag(1.0, "weight of what the critics say of paintings")
    w_style: float = flag(2.0, "weight of means and deviations of features by region")
    w_features: float = flag(0.5, "weight of coarse features, place by place")
    w_look: float = flag(2.0, "weight of the look, measured on the painting")
    w_levels: float = flag(1.0, "weight of grey levels, blurred, place by place")
    w_cycle: float = flag(1.0, "weight of what a segmenter reads of paintings")
    cycle_share: float = flag(0.25, "share of the paintings that the segmenter reads")
    segmenter: str = flag(
        "particles", "bundle, run or weights of --preset particles: the segmenter that reads"
    )

    looks: int = flag(12, "looks of training pictures to choose from, at most", least=1)
    looks_crops: int = flag(4, "crops per training picture that these are found in", least=1)
    val_pictures: int = flag(16, "whole validation images that are painted from their own half")

    @property
    def weights(self) -> dict[str, float]:
        """The terms that are not dropped, and how much each counts."""
        weights = {name: float(getattr(self, f"w_{name}")) for name in TERMS}
        return {name: weight for name, weight in weights.items() if weight}

    @property
    def read(self) -> int:
        """How many paintings of a batch the segmenter reads."""
        return min(self.batch_size, max(1, round(self.cycle_share * self.batch_size)))
