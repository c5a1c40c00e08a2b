"""What a step paints: both ways round the cycle, in one pass of the generator.

forward cycle   mask -> fake image -> read-back mask
backward cycle  real image -> predicted mask -> rebuilt image
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor

from fancgan.networks.config import STAT_INDEX, ModelConfig
from fancgan.networks.style import measure_style
from fancgan.training.augment import DRAWS, diff_augment, jitter
from fancgan.training.build import Players
from fancgan.training.config import TrainConfig
from fancgan.training.critics import View
from fancgan.training.schedule import standard_normal

Batch = dict[str, Tensor]


@dataclass
class Fakes:
    """What the generator painted in this step, and from what."""

    paired: Tensor  # [B, 1, H, W], from the real masks and the real images' style
    random: Tensor  # [R, 1, H, W], from other masks and drawn styles
    random_mask: Tensor
    random_core: Tensor
    random_style: Tensor
    random_brightness: Tensor
    rebuilt: Tensor  # [C, 1, H, W], from predicted masks
    asked_stats: Tensor  # [B, 10] standardised statistics of the paired images
    asked_valid: Tensor
    z_mean: Tensor
    z_log_var: Tensor


@dataclass
class Scene:
    """A micro-batch, and what was predicted and painted from it."""

    crops: Batch  # all, for the segmenter
    batch: Batch  # the first batch_size of them, for all players
    real_logits: tuple[Tensor, Tensor]  # of all crops
    predicted: Tensor  # [B, 1, H, W], probability of particle in the real images
    fakes: Fakes
    real_view: View
    fake_view: View
    rng: torch.Generator  # goes on where painting left off


def straight_through(logits: Tensor) -> Tensor:
    """Hard particle mask [N, 1, H, W] whose gradient is that of the probability."""
    prob = logits.float().softmax(dim=1)[:, 1:]
    return (prob > 0.5).float() + prob - prob.detach()


class Cycle:
    """Call it with the crops of a micro-batch on their device: they become a Scene."""

    def __init__(
        self, model: ModelConfig, config: TrainConfig, accelerator: Accelerator, players: Players
    ):
        self.model, self.config = model, config
        self.accelerator, self.players = accelerator, players

    def __call__(self, crops: Batch, rng: torch.Generator) -> Scene:
        """Read the real images, paint, and look at both as the image critic does.

        All is painted whatever the weights are, so that no random number depends on them.
        """
        count = self.config.batch_size
        batch = {key: value[:count] for key, value in crops.items()}
        draws = torch.rand(2, len(batch["mask"]), DRAWS, generator=rng)
        seen = jitter(crops["image"], self.config.jitter, rng)
        with self.accelerator.autocast():
            real_logits = self.players.networks["segmenter"](seen)
            logits = real_logits[0][:count]
            predicted = logits.float().softmax(dim=1)[:, 1:]
            fakes = self.paint(batch, logits, rng)
            real_view, fake_view = self.views(batch, fakes, draws)
        return Scene(crops, batch, real_logits, predicted, fakes, real_view, fake_view, rng)

    def paint(self, batch: Batch, logits: Tensor, rng: torch.Generator) -> Fakes:
        """Paint paired, random-style and rebuilt images in one pass of the generator."""
        players, density = self.players, self.players.density
        image, mask = batch["image"], batch["mask"]
        b = len(mask)
        r, c = min(self.config.random_batch, b), min(self.config.cycle_batch, b)
        stats, valid = measure_style(image, mask)
        stats = torch.where(valid, stats, players.field_stats[batch["field"]])
        asked = density.standardise(stats)
        z_mean, z_log_var = players.networks["style_encoder"](image)
        z = z_mean + (0.5 * z_log_var).exp() * self._normal(rng, *z_mean.shape)
        random_style = density(self._normal(rng, r, self.model.style_dim))
        noise = self._normal(rng, b + r + c, self.model.noise_channels, *mask.shape[2:])

        # Real particles are as bright as they are; those of other masks as is drawn.
        particle_mean = stats[:, STAT_INDEX["particle_mean"], None, None, None]
        own = (batch["brightness"] - particle_mean) / density.particles.unit * mask
        other_mask = batch["other_mask"][:r]
        drawn = density.brightness(other_mask, random_style, noise[b : b + r])

        paired_style = torch.cat([asked, z], dim=1)
        rebuilt_style = torch.cat([asked[:c], z_mean[:c]], dim=1)
        images = players.networks["generator"](
            torch.cat([mask, other_mask, straight_through(logits[:c])]),
            torch.cat([paired_style, random_style, rebuilt_style]),
            noise,
            torch.cat([own, drawn, own[:c]]),
        )
        paired, random, rebuilt = images.float().split([b, r, c])
        return Fakes(
            paired=paired,
            random=random,
            random_mask=other_mask,
            random_core=batch["other_core"][:r],
            random_style=random_style,
            random_brightness=drawn,
            rebuilt=rebuilt,
            asked_stats=asked,
            asked_valid=valid,
            z_mean=z_mean.float(),
            z_log_var=z_log_var.float(),
        )

    def views(self, batch: Batch, fakes: Fakes, draws: Tensor) -> tuple[View, View]:
        """What the critic sees: real pairs [B], and fakes [B + R], the paired ones first.

        Augmented alike: draws[0] for real and paired images, draws[1] for random ones.
        """
        p, view = self.config.augment, self.players.view
        real = torch.cat([batch["image"], batch["mask"]], 1)
        paired = torch.cat([fakes.paired, batch["mask"]], 1)
        random = torch.cat([fakes.random, fakes.random_mask], 1)
        random = diff_augment(random, draws[1, : len(random)], p)
        fake = torch.cat([diff_augment(paired, draws[0], p), random])
        with torch.no_grad():
            real = diff_augment(real, draws[0], p)
            real_view = view(real[:, :1], real[:, 1:])
        return real_view, view(fake[:, :1], fake[:, 1:].detach())

    def _normal(self, rng: torch.Generator, *shape: int) -> Tensor:
        return standard_normal(shape, rng, self.players.field_stats.device)
