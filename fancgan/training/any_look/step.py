"""One step of the training of the painter: first the critics, then all who paint."""

from __future__ import annotations

from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor

from fancgan.networks.painter.config import PainterConfig
from fancgan.training.any_look.build import PainterPlayers
from fancgan.training.any_look.config import PainterTrainConfig
from fancgan.training.any_look.critics import contrast
from fancgan.training.any_look.losses import (
    cycle_loss,
    features_loss,
    look_loss,
    region_statistics,
    style_loss,
)
from fancgan.training.any_look.painting import Order, take_order
from fancgan.training.losses.adversarial import hinge_critic_loss, hinge_generator_loss
from fancgan.training.losses.paired import blurred_l1
from fancgan.training.schedule import standard_normal, step_generator, trapezium

MAX_GRADIENT = 10.0  # a norm beyond is clipped
LEVELS_SIGMA_PX = 2.0
Crops = dict[str, Tensor]


class PainterStep:
    """Call it with the pairs of a step; critics, networks and average have learned on return."""

    def __init__(
        self,
        model: PainterConfig,
        config: PainterTrainConfig,
        accelerator: Accelerator,
        players: PainterPlayers,
    ):
        self.model, self.config = model, config
        self.accelerator, self.players = accelerator, players
        self.rates = {name: o.param_groups[0]["lr"] for name, o in players.optimisers.items()}

    def __call__(self, crops: Crops, step: int) -> Crops:
        """Take step number `step`; return its named, unweighted terms and their weighted total."""
        config, players = self.config, self.players
        factor = trapezium(step, config.steps, config.warmup_steps, config.decay_share)
        for name, rate in self.rates.items():
            players.optimisers[name].param_groups[0]["lr"] = rate * factor
        crops = {k: v.to(self.accelerator.device, non_blocking=True) for k, v in crops.items()}
        order = take_order(players.meter, players.draft, crops, self._noise(crops, step))
        terms = self.terms(crops, order)
        weights = config.weights
        total = cast(Tensor, sum(weight * terms[name] for name, weight in weights.items()))
        self._learn("painter_optimiser", players.bare, total)
        players.ema.update(players.bare, step)
        return {name: term.detach() for name, term in {**terms, "total": total}.items()}

    def terms(self, crops: Crops, order: Order) -> Crops:
        """Paint, let the critics learn from that, and return the terms of those who paint."""
        players, weights = self.players, self.config.weights
        reference, real, mask = crops["reference"], crops["image"], crops["mask"]
        with self.accelerator.autocast():
            fake = players.network(reference, crops["reference_mask"], order)
        fake = fake.float()
        fake = fake + (fake.clamp(-1, 1) - fake).detach()  # a straight-through clamp
        shown = contrast(fake, reference)
        terms: Crops = {}
        if players.view is not None:
            terms = self._seen(crops, shown, contrast(order.base, reference))
        if "look" in weights:
            painted = players.meter(fake, mask, False)[0]
            sd = players.bare.looks.sd
            terms["look"] = look_loss(painted, order.wanted, order.wanted_known, sd)
        if "levels" in weights:
            everywhere = torch.ones_like(mask)
            target = contrast(real, reference)
            terms["levels"] = blurred_l1(shown, target, everywhere, LEVELS_SIGMA_PX)
        if players.segmenter is not None:
            part = slice(self.config.read)
            targets, counts = crops["targets"][part], crops["weights"][part]
            with self.accelerator.autocast():
                terms["cycle"] = cycle_loss(
                    players.segmenter, fake[part], real[part], targets, counts
                )
        return terms

    def _seen(self, crops: Crops, shown: Tensor, base: Tensor) -> Crops:
        """Terms of features, and of the critics, which learn first.

        shown: the paintings, base: their drafts without grain, as `contrast`.
        """
        players, weights, mask = self.players, self.config.weights, crops["mask"]
        view = players.view
        assert view is not None
        real = contrast(crops["image"], crops["reference"])
        terms: Crops = {}
        with self.accelerator.autocast():
            with torch.no_grad():
                real_features = view(real)
            features = view(shown)
            if "adversarial" in weights:
                with torch.no_grad():
                    looked = view(contrast(crops["reference"], crops["reference"]))
                    look = [region_statistics(f, crops["reference_mask"]) for f in looked]
                pairs = zip(real_features, features, strict=True)
                scores = players.wrapped_critic(
                    torch.cat([real, shown.detach()]),
                    torch.cat([base, base]),
                    torch.cat([mask, mask]),
                    [torch.cat([r, f.detach()]) for r, f in pairs],
                    [torch.cat([s, s]) for s in look],
                )
                halves = [score.chunk(2) for score in scores]
                loss = hinge_critic_loss([h[0] for h in halves], [h[1] for h in halves])
        if "adversarial" in weights:
            self._learn("critic_optimiser", players.critic, loss)
            players.critic.requires_grad_(False)
            with self.accelerator.autocast():
                scores = players.critic(shown, base, mask, features, look)
            players.critic.requires_grad_(True)
            terms = {"critic": loss, "adversarial": hinge_generator_loss(scores)}
        if "style" in weights:
            terms["style"] = style_loss(features, real_features, mask)
        if "features" in weights:
            terms["features"] = features_loss(features, real_features)
        return terms

    def _learn(self, name: str, network: torch.nn.Module, loss: Tensor) -> None:
        optimiser = self.players.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
        optimiser.step()

    def _noise(self, crops: Crops, step: int) -> Tensor:
        """White noise [N, C, S, S], a function of seed, step and process."""
        rng = step_generator(self.config.seed, step, self.accelerator.process_index)
        n, _, *size = crops["mask"].shape
        device = self.accelerator.device
        return standard_normal((n, self.model.noise_channels, *size), rng, device)
