"""The terms that the players minimise, each named and unweighted.

Their weights are `TrainConfig.term_weights`; the one weighted sum is in step.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

import torch
from torch import Tensor

from fancgan.networks.filters import gaussian_blur
from fancgan.networks.style import measure_style
from fancgan.training.augment import READ_BLUR_PX, jitter
from fancgan.training.build import CRITICS, Players
from fancgan.training.config import TrainConfig
from fancgan.training.cycle import Batch, Scene
from fancgan.training.losses.adversarial import ADVERSARIAL, feature_matching_loss
from fancgan.training.losses.masks import MASK_LOSSES, core_loss
from fancgan.training.losses.paired import blurred_l1, kl_divergence, near_outlines
from fancgan.training.losses.perceptual import PERCEPTUAL
from fancgan.training.losses.statistics import (
    grain_loss,
    grain_regions,
    grey_level_w1,
    profile_loss,
    spectrum_loss,
    style_statistics_loss,
)
from fancgan.training.losses.texture import texture_loss

Terms = dict[str, Tensor]


class CycleTerms:
    """The terms of a Scene, by the player that minimises them.

    A term that the training gives no weight is not computed. Those of the segmenter on real pairs
    are computed nevertheless: they cost nothing beside its pass, and with them every parameter
    always has a gradient, be it 0, as Adam's memory and several processes want it.
    """

    def __init__(self, config: TrainConfig, players: Players):
        self.config, self.players = config, players
        # In the painters' phase the critics are frozen, and called without their wrapping.
        self.critics = {name: players.bare[name] for name in CRITICS}
        self.reader = players.ema["segmenter"].network
        self.perceptual = PERCEPTUAL[config.perceptual]().to(players.field_stats.device)
        self.critic_loss, self.generator_loss = ADVERSARIAL[config.adversarial]
        self.mask_loss = MASK_LOSSES[config.mask_loss]
        self.kept = {name for name, weight in config.term_weights(1.0).items() if weight}

    def critic(self, scene: Scene) -> Terms:
        """For the critics: what is real scores high, what is painted or predicted scores low."""
        count = len(scene.real_view.mask)
        both = scene.real_view.join(scene.fake_view.detach())
        images = self.players.networks["disc_image"](both.image, both.mask, both.features)
        masks = torch.cat([scene.batch["mask"], scene.predicted.detach()])
        masks = self.players.networks["disc_mask"](masks)
        return {
            name: self.critic_loss(
                [scale[-1][:count] for scale in outputs], [scale[-1][count:] for scale in outputs]
            )
            for name, outputs in (("critic_image", images), ("critic_mask", masks))
        }

    def painter(self, scene: Scene, features: Tensor | None) -> Terms:
        """For generator and style encoder, and for the segmenter where it is part of the cycle.

        features: those of the painted crops in the bank; None without the kernel term.
        """
        return {
            **self._adversarial(scene),
            **self._style(scene),
            **self._paired(scene, features),
            **self._cycle(scene),
        }

    def segmenter(self, scene: Scene) -> Terms:
        """For the segmenter: real pairs, and painted ones that teach the generator nothing."""
        terms = self.real_pairs(scene.crops, scene.real_logits)
        if "synthetic_mask" not in self.kept:
            return terms
        fakes = scene.fakes
        seen = jitter(fakes.random.detach(), self.config.jitter, scene.rng)
        mask_logits, core_logits = self.players.networks["segmenter"](seen)
        return terms | self._kept(
            synthetic_mask=lambda: self.mask_loss(mask_logits.float(), fakes.random_mask),
            synthetic_core=lambda: core_loss(
                core_logits.float(), fakes.random_core, fakes.random_mask
            ),
        )

    def real_pairs(self, crops: Batch, logits: tuple[Tensor, Tensor]) -> Terms:
        """For the segmenter: its two heads on real pairs."""
        mask, core, weight = crops["mask"], crops["core"], crops["core_weight"]
        return {
            "paired_mask": self.mask_loss(logits[0].float(), mask),
            "paired_core": core_loss(logits[1].float(), core, mask, weight),
        }

    def _kept(self, **terms: Callable[[], Tensor]) -> Terms:
        return {name: term() for name, term in terms.items() if name in self.kept}

    def _adversarial(self, scene: Scene) -> Terms:
        """The critics are to take what was painted, and what was predicted, for real."""
        real, fake = scene.real_view, scene.fake_view
        count = len(real.mask)
        image_critic, mask_critic = (self.critics[name] for name in CRITICS)
        outputs = cache(lambda: image_critic(fake.image, fake.mask, fake.features))

        def feature_matching() -> Tensor:
            with torch.no_grad():
                reals = image_critic(real.image, real.mask, real.features)
            return feature_matching_loss(
                [[f[:count] for f in scale[:-1]] for scale in outputs()],
                [scale[:-1] for scale in reals],
                self._near(real.mask),
            )

        return self._kept(
            adv_image=lambda: self.generator_loss([scale[-1] for scale in outputs()]),
            adv_mask=lambda: self.generator_loss(
                [scale[-1] for scale in mask_critic(scene.predicted)]
            ),
            feature_matching=feature_matching,
        )

    def _style(self, scene: Scene) -> Terms:
        """What was painted shows the style that it was asked for."""
        fakes, density = scene.fakes, self.players.density

        def style_statistics() -> Tensor:
            painted = torch.cat([fakes.paired, fakes.random])
            masks = torch.cat([scene.batch["mask"], fakes.random_mask])
            asked_random = density.shown(
                fakes.random_style[:, : density.count], fakes.random_brightness, fakes.random_mask
            )
            stats, valid = measure_style(painted, masks)
            asked = torch.cat([fakes.asked_stats, asked_random])
            return style_statistics_loss(density.standardise(stats), asked, valid)

        def latent() -> Tensor:
            read = self.players.networks["style_encoder"](fakes.random)[0].float()
            return (read - fakes.random_style[:, density.count :]).abs().mean()

        return self._kept(
            style_statistics=style_statistics,
            kl=lambda: kl_divergence(fakes.z_mean, fakes.z_log_var),
            latent=latent,
        )

    def _paired(self, scene: Scene, features: Tensor | None) -> Terms:
        """What was painted from a real mask in the style of its image is like that image.

        Pixel by pixel near outlines alone; elsewhere in what can be measured.
        """
        fakes, image, mask = scene.fakes, scene.batch["image"], scene.batch["mask"]
        fake, compand = fakes.paired, self.players.view.compand
        bank, near = self.players.bank, self._near(mask)

        def texture() -> Tensor:
            # Substrate and insides count alike.
            losses = (texture_loss(fake, image, region) for region in grain_regions(mask))
            return 0.5 * cast(Tensor, sum(losses))

        def kernel() -> Tensor:
            assert bank is not None and features is not None
            return bank.loss(features)

        outlines = torch.where(near > 0, fake, image)
        return self._kept(
            paired_l1=lambda: blurred_l1(outlines, image, near, self.config.l1_blur_px),
            paired_perceptual=lambda: self.perceptual(outlines, image),
            spectrum=lambda: (
                0.5 * (spectrum_loss(fake, image) + spectrum_loss(compand(fake), compand(image)))
            ),
            grey_levels=lambda: grey_level_w1(fake, image),
            profile=lambda: profile_loss(fake, image, mask),
            grain=lambda: (
                0.5
                * (
                    grain_loss(fake, mask, image, mask, each=True)
                    + grain_loss(fakes.random, fakes.random_mask, image, mask)
                )
            ),
            texture=texture,
            kernel=kernel,
        )

    def _cycle(self, scene: Scene) -> Terms:
        """Who goes round comes back: image to mask to image, mask to image to mask."""
        fakes = scene.fakes
        c = len(fakes.rebuilt)
        image, near = scene.batch["image"][:c], self._near(scene.batch["mask"][:c])
        outlines = torch.where(near > 0, fakes.rebuilt, image)
        # The averaged segmenter reads the blurred fake, so no code can hide in it.
        read = cache(lambda: self.reader(gaussian_blur(fakes.random, READ_BLUR_PX)))
        return self._kept(
            cycle_l1=lambda: blurred_l1(outlines, image, near, self.config.l1_blur_px),
            cycle_perceptual=lambda: self.perceptual(outlines, image),
            cycle_mask=lambda: self.mask_loss(read()[0].float(), fakes.random_mask),
            cycle_core=lambda: core_loss(read()[1].float(), fakes.random_core, fakes.random_mask),
        )

    def _near(self, mask: Tensor) -> Tensor:
        return near_outlines(mask, self.config.near_px, self.config.inside_px)
