"""The training of the cycle: generator, style encoder and segmenter on one data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fancgan.datasets.fields import Field
from fancgan.datasets.looks import measure_fields
from fancgan.networks.config import ModelConfig
from fancgan.training.build import build_players
from fancgan.training.config import TrainConfig
from fancgan.training.crops import CropDataset, crop_loader
from fancgan.training.run.training_run import TrainingRun
from fancgan.training.step import TrainingStep
from fancgan.training.validation import deployed, sample_sheet, validate


class Training(TrainingRun):
    bar_terms = ("adv_image", "paired_l1", "style_statistics", "paired_mask", "cycle_mask")

    def __init__(
        self,
        model: ModelConfig,
        config: TrainConfig,
        *,
        run_dir: Path,
        train_fields: list[Field],
        val_fields: list[Field],
        data: dict,
        initial: dict[str, Tensor] | None = None,
    ):
        """initial: published weights of the averaged networks to begin with (load_initial)."""
        super().__init__(config)
        self.model, self.val_fields = model, val_fields
        field_stats = measure_fields(train_fields)
        self.dataset = CropDataset(train_fields, config)
        self.players = build_players(
            model,
            config,
            self.accelerator,
            field_stats=field_stats,
            crops=self.dataset,
            initial=initial,
            source=data.get("init"),
        )
        self.take_step = TrainingStep(model, config, self.accelerator, self.players)
        self.open(run_dir, model.to_dict(), data, config.accumulate)

    def crops_until(self, stop: int) -> DataLoader:
        rank, world_size = self.accelerator.process_index, self.accelerator.num_processes
        return crop_loader(self.dataset, self.step, stop, rank=rank, world_size=world_size)

    def train_step(self, crops: dict[str, Tensor]) -> dict[str, Tensor]:
        terms = super().train_step(crops)
        for name, ema in self.players.ema.items():
            ema.update(self.players.bare[name], self.step - 1)
        return terms

    def validate(self) -> None:
        if not self.val_fields:
            return
        players, device = self.players, self.accelerator.device
        generator, segmenter = deployed(self.model, players.averaged, players.density)
        figures = validate(generator, segmenter, self.val_fields, device)
        self.journal.append("val", self.step, figures)
        sheet = sample_sheet(generator, self.val_fields[:3], device)
        self.folder.add_sample(self.step, Image.fromarray(sheet))

    def state(self) -> dict[str, Any]:
        players = self.players
        parts = {
            part: {name: player.state_dict() for name, player in members.items()}
            for part, members in players.with_state().items()
        }
        return {**parts, "bank": players.remembered()}

    def restore(self, state: dict[str, Any]) -> None:
        for part, members in self.players.with_state().items():
            for name, player in members.items():
                player.load_state_dict(state[part][name])
        for name, value in self.players.remembered().items():
            value.copy_(state["bank"][name])

    def published(self) -> dict[str, nn.Module]:
        return {**self.players.averaged, "style_density": self.players.density}
