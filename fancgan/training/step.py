"""One step of the training: the phases of its players, each over all micro-batches.

A micro-batch is what one process holds in memory. Its slot, rank * accumulate + number, settles
its crops and random numbers, and statistics over a batch are those of a micro-batch. So one
process with N micro-batches takes the step of N processes, up to the order of summation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor

from fancgan.networks.config import ModelConfig
from fancgan.training.augment import jitter
from fancgan.training.build import CRITICS, Players
from fancgan.training.config import TrainConfig
from fancgan.training.cycle import Batch, Cycle, Scene
from fancgan.training.schedule import learning_rate_factor, step_generator
from fancgan.training.terms import CycleTerms, Terms

MAX_GRADIENT = {"painter": 10.0, "critic": 10.0, "segmenter": 1.0}  # norms beyond are clipped


class TrainingStep:
    """Call it with the crops of a step; every player has learned when it returns."""

    def __init__(
        self, model: ModelConfig, config: TrainConfig, accelerator: Accelerator, players: Players
    ):
        self.config, self.accelerator, self.players = config, accelerator, players
        self.cycle = Cycle(model, config, accelerator, players)
        self.terms = CycleTerms(config, players)
        self.base_lr = {name: o.param_groups[0]["lr"] for name, o in players.optimisers.items()}

    def __call__(self, crops: Batch, step: int) -> Terms:
        """Take step number `step`; return its named, unweighted terms, means over micro-batches.

        crops: those of all micro-batches of this process, as `crops.crop_loader` gives them.
        """
        factor = learning_rate_factor(step, self.config)
        for name, optimiser in self.players.optimisers.items():
            optimiser.param_groups[0]["lr"] = self.base_lr[name] * factor
        parts = [value.chunk(self.config.accumulate) for value in crops.values()]
        batches = [dict(zip(crops, part, strict=True)) for part in zip(*parts, strict=True)]
        if step >= self.config.steps:
            return self._segmenter_alone(batches, step)
        return self._cycle(batches, step)

    def _cycle(self, batches: list[Batch], step: int) -> Terms:
        """First the critics, then generator, style encoder and segmenter together.

        All micro-batches meet the same generator in the critics' phase, and the same critics in
        the other. What was painted serves both phases where there is one micro-batch. Of more,
        the memory is that of one: they are painted again, from the same random numbers.
        """
        single, bank = len(batches) == 1, self.players.bank
        weights = self.config.term_weights(step / self.config.steps)
        kept: list[Scene] = []
        painted: list[Tensor] = []

        def scene_of(number: int) -> Scene:
            return self.cycle(self._on_device(batches[number]), self._rng(step, number))

        def tell_real_from_fake(number: int) -> tuple[Tensor, Terms]:
            with torch.set_grad_enabled(single):
                scene = scene_of(number)
            if single:
                kept.append(scene)
            with self.accelerator.autocast():
                terms = self.terms.critic(scene)
            return cast(Tensor, sum(terms.values())), terms

        def paint_like_real_and_read_masks(number: int) -> tuple[Tensor, Terms]:
            scene, features = kept.pop() if single else scene_of(number), None
            with self.accelerator.autocast():
                if bank is not None:
                    features = bank(torch.cat([scene.fakes.paired, scene.fakes.random]))
                    painted.append(features.detach())
                terms = self.terms.painter(scene, features) | self.terms.segmenter(scene)
                total = weighted_sum(terms, weights)
            return total, terms

        critic_terms = self._minimise(tell_real_from_fake, "critic")
        with self._critics_frozen():
            terms = self._minimise(paint_like_real_and_read_masks, "painter", "segmenter")
        if bank is not None:
            bank.remember(self.accelerator.gather(torch.cat(painted)))
        # Dropped terms are logged as 0, so that all lines have the same names.
        dropped = dict.fromkeys(weights, terms["total"].new_zeros(()))
        return {**critic_terms, **dropped, **terms}

    def _segmenter_alone(self, batches: list[Batch], step: int) -> Terms:
        """The segmenter, on real pairs."""
        weights = self.config.term_weights(1.0)

        def read_masks(number: int) -> tuple[Tensor, Terms]:
            crops = self._on_device(batches[number])
            seen = jitter(crops["image"], self.config.jitter, self._rng(step, number))
            with self.accelerator.autocast():
                logits = self.players.networks["segmenter"](seen)
            terms = self.terms.real_pairs(crops, logits)
            return weighted_sum(terms, weights), terms

        return self._minimise(read_masks, "segmenter")

    def _minimise(self, loss: Callable[[int], tuple[Tensor, Terms]], *names: str) -> Terms:
        """Step the named optimisers on the mean gradient; return the mean terms and their total.

        loss: number of a micro-batch -> (total to minimise, named terms).
        """
        optimisers = [self.players.optimisers[name] for name in names]
        count = self.config.accumulate
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        # Spectral norm goes on by one iteration whenever a critic is called. It starts from the
        # same vectors for each micro-batch, as it does in as many processes.
        buffers = [buffer for name in CRITICS for buffer in self.players.bare[name].buffers()]
        before = [buffer.clone() for buffer in buffers] if count > 1 else []
        sums: Terms = {}
        for number in range(count):
            if number:
                torch._foreach_copy_(buffers, before)
            with ExitStack() as local:
                if number + 1 < count:  # the processes exchange gradients once, with the last
                    for network in self.players.networks.values():
                        local.enter_context(self.accelerator.no_sync(network))
                total, terms = loss(number)
                self.accelerator.backward(total / count)
            for name, term in {**terms, "total": total}.items():
                sums[name] = sums.get(name, 0) + term.detach() / count
        for name, optimiser in zip(names, optimisers, strict=True):
            parameters = optimiser.param_groups[0]["params"]
            self.accelerator.clip_grad_norm_(parameters, MAX_GRADIENT[name])
            optimiser.step()
        return sums

    @contextmanager
    def _critics_frozen(self) -> Iterator[None]:
        for name in CRITICS:
            self.players.bare[name].requires_grad_(False)
        yield
        for name in CRITICS:
            self.players.bare[name].requires_grad_(True)

    def _rng(self, step: int, number: int) -> torch.Generator:
        slot = self.accelerator.process_index * self.config.accumulate + number
        return step_generator(self.config.seed, step, slot)

    def _on_device(self, crops: Batch) -> Batch:
        device, layout = self.accelerator.device, self.players.layout
        return {
            key: value.to(device, memory_format=layout, non_blocking=True)
            if value.ndim == 4
            else value.to(device, non_blocking=True)
            for key, value in crops.items()
        }


def weighted_sum(terms: Terms, weights: dict[str, float]) -> Tensor:
    """The objective of painters and segmenter: each computed term times its weight."""
    weighted = (weight * terms[name] for name, weight in weights.items() if name in terms)
    return cast(Tensor, sum(weighted))
