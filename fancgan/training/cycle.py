"""One training step of the cycle: every term named and unweighted, one visible weighted sum.

forward cycle   mask -> fake image -> read-back mask
backward cycle  real image -> predicted mask -> rebuilt image
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fancgan.networks.config import STAT_NAMES, ModelConfig
from fancgan.networks.filters import dilate, gaussian_blur
from fancgan.networks.generator import StyleUNet
from fancgan.networks.segmenter import AttentionUNet
from fancgan.networks.style import StyleDensity, StyleEncoder, measure_style
from fancgan.training.augment import READ_BLUR_PX, diff_augment, jitter
from fancgan.training.config import TrainConfig
from fancgan.training.critics.discriminator import ImageDiscriminator, MaskDiscriminator
from fancgan.training.critics.view import View
from fancgan.training.losses.image_losses import (
    ADVERSARIAL,
    MASK_LOSSES,
    blurred_l1,
    core_loss,
    feature_matching_loss,
    grain_loss,
    grain_regions,
    grey_level_w1,
    kl_divergence,
    profile_loss,
    spectrum_loss,
    style_statistics_loss,
)
from fancgan.training.losses.kernel import FeatureBank
from fancgan.training.losses.perceptual import PERCEPTUAL
from fancgan.training.losses.texture import texture_loss
from fancgan.training.schedule import standard_normal

PARTICLE_MEAN = STAT_NAMES.index("particle_mean")
SPECTRUM_FROM, SYNTHETIC_FROM, CYCLE_IMAGE_FROM = 0.05, 0.2, 0.05  # shares of the training


def build_networks(config: ModelConfig) -> nn.ModuleDict:
    """All networks of a training; weights come from torch's global generator."""
    return nn.ModuleDict(
        {
            "generator": StyleUNet(config),
            "style_encoder": StyleEncoder(config),
            "segmenter": AttentionUNet(config),
            "disc_image": ImageDiscriminator(config),
            "disc_mask": MaskDiscriminator(config),
        }
    )


def straight_through(logits: Tensor) -> Tensor:
    """Hard particle mask [N, 1, H, W] whose gradient is that of the probability."""
    prob = logits.float().softmax(dim=1)[:, 1:]
    return (prob > 0.5).float() + prob - prob.detach()


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


class Cycle:
    """The players and their losses. `networks` may be wrapped for several processes.

    critics: the bare image and mask critic, for the generator's phase, where they are frozen.
    view: what the image critic sees (critics/view.py).
    reader: an EMA copy of the segmenter, never trained here, that reads fakes back.
    bank: features of real and of painted crops (losses/kernel.py); None without that term.
    field_stats [n, 10]: statistics of the training fields, for crops that show too
    little background or particle to tell.
    """

    def __init__(
        self,
        model: ModelConfig,
        config: TrainConfig,
        *,
        networks: dict[str, nn.Module],
        critics: dict[str, nn.Module],
        reader: nn.Module,
        density: StyleDensity,
        view: nn.Module,
        bank: FeatureBank | None,
        field_stats: Tensor,
    ):
        self.model, self.config = model, config
        self.networks, self.critics, self.reader = networks, critics, reader
        self.density, self.view, self.bank = density, view, bank
        self.field_stats = field_stats
        self.device = field_stats.device
        self.perceptual = PERCEPTUAL[config.perceptual]().to(self.device)
        self.critic_loss, self.generator_loss = ADVERSARIAL[config.adversarial]
        self.mask_loss = MASK_LOSSES[config.mask_loss]

    def weights(self, progress: float) -> dict[str, float]:
        """Weight of each generator-phase term when this share of the steps is done."""
        c = self.config
        return {
            "adv_image": c.w_adv_image,
            "adv_mask": c.w_adv_mask,
            "feature_matching": c.w_feature_matching,
            "paired_l1": c.w_paired_l1,
            "paired_perceptual": c.w_paired_perceptual,
            "style_statistics": c.w_style_statistics,
            "spectrum": c.w_spectrum * (progress >= SPECTRUM_FROM),
            "grey_levels": c.w_grey_levels,
            "profile": c.w_profile,
            "grain": c.w_grain,
            "texture": c.w_texture,
            "kernel": c.w_kernel,
            "kl": c.w_kl,
            "latent": c.w_latent,
            "paired_mask": c.w_paired_mask,
            "paired_core": c.w_core,
            "synthetic_mask": c.w_synthetic_mask * (progress >= SYNTHETIC_FROM),
            "synthetic_core": c.w_core * c.w_synthetic_mask * (progress >= SYNTHETIC_FROM),
            "cycle_mask": c.w_cycle_mask,
            "cycle_core": c.w_core * c.w_cycle_mask,
            "cycle_l1": c.w_cycle_l1 * min(1.0, progress / CYCLE_IMAGE_FROM),
            "cycle_perceptual": c.w_cycle_perceptual * min(1.0, progress / CYCLE_IMAGE_FROM),
        }

    def _normal(self, rng: torch.Generator, *shape: int) -> Tensor:
        return standard_normal(shape, rng, self.device)

    def paint(self, batch: dict[str, Tensor], logits: Tensor, rng: torch.Generator) -> Fakes:
        """Paint paired, random-style and rebuilt images in one pass of the generator."""
        image, mask = batch["image"], batch["mask"]
        b = len(mask)
        r, c = min(self.config.random_batch, b), min(self.config.cycle_batch, b)
        stats, valid = measure_style(image, mask)
        stats = torch.where(valid, stats, self.field_stats[batch["field"]])
        asked = self.density.standardise(stats)
        z_mean, z_log_var = self.networks["style_encoder"](image)
        z = z_mean + (0.5 * z_log_var).exp() * self._normal(rng, *z_mean.shape)
        random_style = self.density(self._normal(rng, r, self.model.style_dim))
        noise = self._normal(rng, b + r + c, self.model.noise_channels, *mask.shape[2:])
        # Real particles are as bright as they are; those of other masks as is drawn.
        particle_mean = stats[:, PARTICLE_MEAN, None, None, None]
        own = (batch["brightness"] - particle_mean) / self.density.particles.unit * mask
        other_mask = batch["other_mask"][:r]
        drawn = self.density.brightness(other_mask, random_style, noise[b : b + r])
        masks = torch.cat([mask, other_mask, straight_through(logits[:c])])
        styles = torch.cat(
            [
                torch.cat([asked, z], dim=1),
                random_style,
                torch.cat([asked[:c], z_mean[:c]], dim=1),
            ]
        )
        brightness = torch.cat([own, drawn, own[:c]])
        images = self.networks["generator"](masks, styles, noise, brightness).float()
        paired, random, rebuilt = images.split([b, r, c])
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

    def views(self, batch: dict[str, Tensor], fakes: Fakes, draws: Tensor) -> tuple[View, View]:
        """What the critic sees: real pairs [B], and fakes [B + R], the paired ones first.

        Augmented alike: draws[0] for real and paired images, draws[1] for random ones.
        """
        p = self.config.augment
        real = torch.cat([batch["image"], batch["mask"]], 1)
        paired = torch.cat([fakes.paired, batch["mask"]], 1)
        random = torch.cat([fakes.random, fakes.random_mask], 1)
        fake = torch.cat(
            [
                diff_augment(paired, draws[0], p),
                diff_augment(random, draws[1, : len(random)], p),
            ]
        )
        with torch.no_grad():
            real = diff_augment(real, draws[0], p)
            real_view = self.view(real[:, :1], real[:, 1:])
        return real_view, self.view(fake[:, :1], fake[:, 1:].detach())

    def bank_features(self, fakes: Fakes) -> Tensor | None:
        """Features of the painted crops, for the kernel term; None without it."""
        if self.bank is None:
            return None
        return self.bank(torch.cat([fakes.paired, fakes.random]))

    def critic_terms(
        self, batch: dict[str, Tensor], real: View, fake: View, predicted: Tensor
    ) -> dict[str, Tensor]:
        """Terms that the critics minimise: real pairs score high, detached fakes low."""
        count = len(real.mask)
        both = real.join(fake.detach())
        outputs = self.networks["disc_image"](both.image, both.mask, both.features)
        image_term = self.critic_loss(
            [o[-1][:count] for o in outputs], [o[-1][count:] for o in outputs]
        )
        masks = torch.cat([batch["mask"], predicted.detach()])
        outputs = self.networks["disc_mask"](masks)
        mask_term = self.critic_loss(
            [o[-1][:count] for o in outputs], [o[-1][count:] for o in outputs]
        )
        return {"critic_image": image_term, "critic_mask": mask_term}

    def generator_terms(
        self,
        batch: dict[str, Tensor],
        fakes: Fakes,
        real: View,
        fake: View,
        features: Tensor | None,
        predicted: Tensor,
    ) -> dict[str, Tensor]:
        """Terms of generator and style encoder, and the mask critic's word on the segmenter."""
        image, mask = batch["image"], batch["mask"]
        outputs = self.critics["disc_image"](fake.image, fake.mask, fake.features)
        painted = torch.cat([fakes.paired, fakes.random])
        asked_random = self.density.shown(
            fakes.random_style[:, : self.density.count], fakes.random_brightness, fakes.random_mask
        )
        asked = torch.cat([fakes.asked_stats, asked_random])
        stats, valid = measure_style(painted, torch.cat([mask, fakes.random_mask]))
        z_back = self.networks["style_encoder"](fakes.random)[0].float()
        z_asked = fakes.random_style[:, self.density.count :]
        near = self._near(mask)
        paired = torch.where(near > 0, fakes.paired, image)
        c = len(fakes.rebuilt)
        rebuilt = torch.where(near[:c] > 0, fakes.rebuilt, image[:c])
        return {
            "adv_image": self.generator_loss([scale[-1] for scale in outputs]),
            "adv_mask": self.generator_loss(
                [scale[-1] for scale in self.critics["disc_mask"](predicted)]
            ),
            "feature_matching": self._feature_matching(outputs, real),
            "paired_l1": blurred_l1(paired, image, near, self.config.l1_blur_px),
            "paired_perceptual": self.perceptual(paired, image),
            "style_statistics": style_statistics_loss(
                self.density.standardise(stats), asked, valid
            ),
            "spectrum": 0.5
            * (
                spectrum_loss(fakes.paired, image)
                + spectrum_loss(self.view.compand(fakes.paired), self.view.compand(image))
            ),
            "grey_levels": grey_level_w1(fakes.paired, image),
            "profile": profile_loss(fakes.paired, image, mask),
            "grain": 0.5
            * (
                grain_loss(fakes.paired, mask, image, mask, each=True)
                + grain_loss(fakes.random, fakes.random_mask, image, mask)
            ),
            "texture": self._texture(fakes.paired, image, mask),
            "kernel": image.new_zeros(()) if features is None else self.bank.loss(features),
            "kl": kl_divergence(fakes.z_mean, fakes.z_log_var),
            "latent": (z_back - z_asked).abs().mean(),
            "cycle_l1": blurred_l1(rebuilt, image[:c], near[:c], self.config.l1_blur_px),
            "cycle_perceptual": self.perceptual(rebuilt, image[:c]),
            **self._read_back_terms(fakes),
        }

    def _near(self, mask: Tensor) -> Tensor:
        """1 where paired images are compared, outlines with their halo, else 0: [N, 1, H, W].

        The mask does not say where the substrate has its residues, nor where facets cross a
        particle: asking for the pixels of one real image there would ask for their mean, that is,
        for none.
        """
        near = torch.ones_like(mask)
        if self.config.near_px:
            near = dilate(mask, self.config.near_px)
        if self.config.inside_px:
            near = near * dilate(1 - mask, self.config.inside_px)
        return near

    def _texture(self, fake: Tensor, real: Tensor, mask: Tensor) -> Tensor:
        """Substrate and insides count alike."""
        if not self.config.w_texture:
            return real.new_zeros(())
        return 0.5 * sum(texture_loss(fake, real, region) for region in grain_regions(mask))

    def _feature_matching(self, outputs: list[list[Tensor]], real: View) -> Tensor:
        if not self.config.w_feature_matching:
            return real.image.new_zeros(())
        count = len(real.mask)
        with torch.no_grad():
            reals = self.critics["disc_image"](real.image, real.mask, real.features)
        return feature_matching_loss(
            [[f[:count] for f in scale[:-1]] for scale in outputs],
            [scale[:-1] for scale in reals],
            self._near(real.mask),
        )

    def _read_back_terms(self, fakes: Fakes) -> dict[str, Tensor]:
        """Forward cycle: the EMA segmenter reads the blurred fake, so no code can hide in it."""
        logits, core_logits = self.reader(gaussian_blur(fakes.random, READ_BLUR_PX))
        return {
            "cycle_mask": self.mask_loss(logits.float(), fakes.random_mask),
            "cycle_core": core_loss(core_logits.float(), fakes.random_core, fakes.random_mask),
        }

    def segmenter_terms(
        self,
        batch: dict[str, Tensor],
        real_logits: tuple[Tensor, Tensor],
        fakes: Fakes,
        rng: torch.Generator,
    ) -> dict[str, Tensor]:
        """Terms of the segmenter on real pairs and on detached synthetic ones."""
        seen = jitter(fakes.random.detach(), self.config.jitter, rng)
        fake_logits = self.networks["segmenter"](seen)
        return self.paired_terms(batch, real_logits) | self._reading_terms(
            "synthetic", fake_logits, fakes.random_mask, fakes.random_core
        )

    def paired_terms(
        self, batch: dict[str, Tensor], logits: tuple[Tensor, Tensor]
    ) -> dict[str, Tensor]:
        """Terms of the segmenter on real pairs."""
        return self._reading_terms(
            "paired", logits, batch["mask"], batch["core"], batch["core_weight"]
        )

    def _reading_terms(
        self,
        name: str,
        logits: tuple[Tensor, Tensor],
        mask: Tensor,
        core: Tensor,
        core_weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Terms of the segmenter's two heads on one kind of pairs, named after it."""
        return {
            f"{name}_mask": self.mask_loss(logits[0].float(), mask),
            f"{name}_core": core_loss(logits[1].float(), core, mask, core_weight),
        }
