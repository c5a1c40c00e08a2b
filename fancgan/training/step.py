"""One step of the training: the phases of its players, each over all micro-batches.

A micro-batch is what one process holds in memory. Its slot, rank * accumulate + number, settles
its crops and random numbers, and statistics over a batch are those of a micro-batch. So one
process with N micro-batches takes the step of N processes, up to the order of summation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from fancgan.training.augment import DRAWS, jitter
from fancgan.training.config import TrainConfig
from fancgan.training.critics.view import View
from fancgan.training.cycle import Cycle, Fakes
from fancgan.training.schedule import learning_rate_factor, step_generator

CRITICS = ("disc_image", "disc_mask")
Batch = dict[str, Tensor]
Terms = dict[str, Tensor]


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


class TrainingStep:
    """Call it with the crops of a step; every player has learned when it returns.

    networks: prepared by the accelerator; bare: the same as they were before.
    layout: memory format of the pictures.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        config: TrainConfig,
        *,
        networks: dict[str, nn.Module],
        bare: dict[str, nn.Module],
        optimisers: dict[str, torch.optim.Optimizer],
        cycle: Cycle,
        layout: torch.memory_format,
    ):
        self.accelerator, self.config, self.cycle = accelerator, config, cycle
        self.networks, self.bare, self.optimisers = networks, bare, optimisers
        self.layout = layout
        self.base_lr = {name: opt.param_groups[0]["lr"] for name, opt in optimisers.items()}

    def __call__(self, crops: Batch, step: int) -> Terms:
        """Take step number `step`; return its named, unweighted terms, means over micro-batches.

        crops: those of all micro-batches of this process, as `crops.crop_loader` gives them.
        """
        factor = learning_rate_factor(step, self.config)
        for name, optimiser in self.optimisers.items():
            optimiser.param_groups[0]["lr"] = self.base_lr[name] * factor
        parts = [value.chunk(self.config.accumulate) for value in crops.values()]
        batches = [dict(zip(crops, part, strict=True)) for part in zip(*parts, strict=True)]
        alone = step >= self.config.steps
        return self._segmenter_alone(batches, step) if alone else self._cycle(batches, step)

    def _segmenter_alone(self, batches: list[Batch], step: int) -> Terms:
        """The segmenter, on real pairs."""
        weights = self.cycle.weights(1.0)

        def loss(number: int) -> tuple[Tensor, Terms]:
            crops = self._on_device(batches[number])
            seen = jitter(crops["image"], self.config.jitter, self._rng(step, number))
            with self.accelerator.autocast():
                logits = self.networks["segmenter"](seen)
            terms = self.cycle.paired_terms(crops, logits)
            return weighted_sum(terms, weights), terms

        return self._minimise(loss, "segmenter")

    def _cycle(self, batches: list[Batch], step: int) -> Terms:
        """The critics, then generator, style encoder and segmenter together.

        All micro-batches meet the same generator in the critics' phase, and the same critics in
        the other. What was painted serves both phases where there is one micro-batch. Of more,
        the memory is that of one: they are painted again, from the same random numbers.
        """
        single = len(batches) == 1
        weights = self.cycle.weights(step / self.config.steps)
        kept: list[Scene] = []
        painted: list[Tensor] = []

        def critic_loss(number: int) -> tuple[Tensor, Terms]:
            with torch.set_grad_enabled(single):
                scene = self._paint(batches[number], self._rng(step, number))
            if single:
                kept.append(scene)
            with self.accelerator.autocast():
                terms = self.cycle.critic_terms(
                    scene.batch, scene.real_view, scene.fake_view, scene.predicted
                )
            return sum(terms.values()), terms

        def painter_loss(number: int) -> tuple[Tensor, Terms]:
            rng = self._rng(step, number)
            scene = kept.pop() if single else self._paint(batches[number], rng)
            with self.accelerator.autocast():
                features = self.cycle.bank_features(scene.fakes)
                terms = self.cycle.generator_terms(
                    scene.batch,
                    scene.fakes,
                    scene.real_view,
                    scene.fake_view,
                    features,
                    scene.predicted,
                )
                terms |= self.cycle.segmenter_terms(
                    scene.crops, scene.real_logits, scene.fakes, scene.rng
                )
                total = weighted_sum(terms, weights)
            if features is not None:
                painted.append(features.detach())
            return total, terms

        critic_terms = self._minimise(critic_loss, "critic")
        with self._critics_frozen():
            terms = self._minimise(painter_loss, "painter", "segmenter")
        if painted:
            self.cycle.bank.remember(self.accelerator.gather(torch.cat(painted)))
        return {**critic_terms, **terms}

    def _paint(self, crops: Batch, rng: torch.Generator) -> Scene:
        crops = self._on_device(crops)
        count = self.config.batch_size
        batch = {key: value[:count] for key, value in crops.items()}
        draws = torch.rand(2, len(batch["mask"]), DRAWS, generator=rng)
        seen = jitter(crops["image"], self.config.jitter, rng)
        with self.accelerator.autocast():
            real_logits = self.networks["segmenter"](seen)
            logits = real_logits[0][:count]
            predicted = logits.float().softmax(dim=1)[:, 1:]
            fakes = self.cycle.paint(batch, logits, rng)
            real_view, fake_view = self.cycle.views(batch, fakes, draws)
        return Scene(crops, batch, real_logits, predicted, fakes, real_view, fake_view, rng)

    def _minimise(self, loss: Callable[[int], tuple[Tensor, Terms]], *names: str) -> Terms:
        """Step the named optimisers on the mean gradient; return the mean terms and their total.

        loss: number of a micro-batch -> (total to minimise, named terms).
        """
        count = self.config.accumulate
        for name in names:
            self.optimisers[name].zero_grad(set_to_none=True)
        # Spectral norm goes on by one iteration whenever a critic is called. It starts from the
        # same vectors for each micro-batch, as it does in as many processes.
        buffers = [buffer for name in CRITICS for buffer in self.bare[name].buffers()]
        before = [buffer.clone() for buffer in buffers] if count > 1 else []
        sums: Terms = {}
        for number in range(count):
            if number:
                torch._foreach_copy_(buffers, before)
            with ExitStack() as local:
                if number + 1 < count:  # the processes exchange gradients once, with the last
                    for network in self.networks.values():
                        local.enter_context(self.accelerator.no_sync(network))
                total, terms = loss(number)
                self.accelerator.backward(total / count)
            for name, term in {**terms, "total": total}.items():
                sums[name] = sums.get(name, 0) + term.detach() / count
        for name in names:
            parameters = self.optimisers[name].param_groups[0]["params"]
            self.accelerator.clip_grad_norm_(parameters, 1.0 if name == "segmenter" else 10.0)
            self.optimisers[name].step()
        return sums

    @contextmanager
    def _critics_frozen(self) -> Iterator[None]:
        for name in CRITICS:
            self.bare[name].requires_grad_(False)
        yield
        for name in CRITICS:
            self.bare[name].requires_grad_(True)

    def _rng(self, step: int, number: int) -> torch.Generator:
        slot = self.accelerator.process_index * self.config.accumulate + number
        return step_generator(self.config.seed, step, slot)

    def _on_device(self, crops: Batch) -> Batch:
        device = self.accelerator.device
        return {
            key: value.to(device, memory_format=self.layout, non_blocking=True)
            if value.ndim == 4
            else value.to(device, non_blocking=True)
            for key, value in crops.items()
        }


def weighted_sum(terms: Terms, weights: dict[str, float]) -> Tensor:
    return sum(weights[name] * term for name, term in terms.items())
