"""The training of the painter: train it, then gather the looks of the training pictures."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from fancgan.networks.painter.config import PainterConfig
from fancgan.particles.labels import separate
from fancgan.training.any_look.build import build_players
from fancgan.training.any_look.config import PRESET, PainterTrainConfig
from fancgan.training.any_look.library import gather_looks
from fancgan.training.any_look.pairs import CropPairs
from fancgan.training.any_look.step import PainterStep
from fancgan.training.any_look.validation import (
    halves_up_to,
    painting_figures,
    painting_sheet,
)
from fancgan.training.any_particle.pictures import PictureSet, describe_sets, spread
from fancgan.training.crops import batch_loader, crop_indices
from fancgan.training.run.training_run import TrainingRun


class PainterTraining(TrainingRun):
    bar_terms = ("total", "critic", "adversarial", "style", "look", "cycle")

    def __init__(
        self,
        model: PainterConfig,
        config: PainterTrainConfig,
        *,
        run_dir: Path,
        sets: list[PictureSet],
        initial: dict[str, Tensor] | None = None,
        source: str | None = None,
    ):
        """initial: weights to begin with (build.read_painter), those of `source`."""
        super().__init__(config)
        self.model, self.sets = model, sets
        self.pairs = CropPairs(sets, config)
        self.players = build_players(
            model, config, self.accelerator, pairs=self.pairs, initial=initial
        )
        self.take_step = PainterStep(model, config, self.accelerator, self.players)
        if self.accelerator.is_main_process:
            fields = spread([field for each in sets for field in each.val], config.val_pictures)
            self.halves = halves_up_to(fields, config.crop_px)
        record = {"preset": PRESET, **model.to_dict()}
        self.open(run_dir, record, describe_sets(sets) | {"init": source})

    def crops_until(self, stop: int) -> Iterable[dict[str, Tensor]]:
        config, accelerator = self.config, self.accelerator
        place = accelerator.process_index, accelerator.num_processes
        batches = [crop_indices(k, config.batch_size, *place) for k in range(self.step, stop)]
        return batch_loader(self.pairs, batches, workers=config.workers, seed=config.seed)

    def validate(self) -> None:
        if not self.halves:
            return
        painted = self._painted()
        self.journal.append("val", self.step, painting_figures(self.halves, painted))
        self.folder.add_sample(self.step, Image.fromarray(painting_sheet(self.halves, painted)))

    def _painted(self) -> list[np.ndarray]:
        painter, encoder = self._deployed()
        device = self.accelerator.device
        found = []
        for number, half in enumerate(self.halves):
            image, reference_mask, mask = (
                torch.from_numpy(array.astype(np.float32))[None, None].to(device)
                for array in (
                    half.beside.image,
                    separate(half.beside.labels) > 0,
                    separate(half.truth.labels) > 0,
                )
            )
            rng = torch.Generator().manual_seed(number)
            noise = torch.randn(1, self.model.noise_channels, *mask.shape[2:], generator=rng)
            with torch.no_grad():
                grey = painter(mask, encoder(image, reference_mask), noise.to(device))
            found.append(grey[0, 0].round().clamp(0, 255).byte().cpu().numpy())
        return found

    def _deployed(self) -> tuple[nn.Module, nn.Module]:
        """Painter and look encoder as they will be exported, of the averaged weights."""
        modules = self.players.ema.network.deployed()
        return modules["generator.pt"].eval(), modules["style_encoder.pt"].eval()

    def finish(self) -> bool:
        """Gather the looks that the weights leave with; False where a request stopped that.

        They stand in the weights and the record, not in the checkpoint: more steps may follow.
        """
        done = self.folder.found().get("looks_step") == self.step
        if not self.accelerator.is_main_process or done:
            return True
        _, encoder = self._deployed()
        device, stopped = self.accelerator.device, lambda: self.stop.made
        gathered = gather_looks(encoder, self.pairs, self.config, device, stopped)
        if gathered is None:
            return False
        leaving = copy.deepcopy(self.players.ema.network)
        leaving.looks.centres = nn.Buffer(gathered.centres)
        leaving.looks.spreads = nn.Buffer(gathered.spreads)
        self.folder.publish({"": leaving})
        found = {"looks": gathered.records, "looks_step": self.step}
        self.folder.describe(self.identity, self.hardware, **found)
        return True

    def state(self) -> dict[str, Any]:
        players = self.players.with_state()
        return {name: player.state_dict() for name, player in players.items()}

    def restore(self, state: dict[str, Any]) -> None:
        for name, player in self.players.with_state().items():
            player.load_state_dict(state[name])

    def published(self) -> dict[str, nn.Module]:
        """The networks under the names that the painter's weights have."""
        return {"": self.players.ema.network}
