"""The training run, from top to bottom: build or resume, then step, log, validate, save, stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from torch import Tensor
from tqdm import tqdm

from fancgan.datasets.fields import Field
from fancgan.datasets.looks import measure_fields
from fancgan.errors import UserError
from fancgan.hardware import describe_hardware
from fancgan.networks.config import ModelConfig
from fancgan.training.build import build_players, start_accelerator
from fancgan.training.config import TrainConfig
from fancgan.training.crops import CropDataset, crop_loader
from fancgan.training.run.folder import RunFolder
from fancgan.training.run.journal import Journal, check_tracker, mean_terms
from fancgan.training.run.stopping import StopRequest
from fancgan.training.step import TrainingStep
from fancgan.training.validation import deployed, sample_sheet, validate

BAR_TERMS = ("adv_image", "paired_l1", "style_statistics", "paired_mask", "cycle_mask")


class Training:
    """A run in a folder: build it, then call `run`. Built again on the same folder, it resumes."""

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
        check_tracker(config.tracker)
        self.model, self.config, self.val_fields = model, config, val_fields
        self.accelerator = start_accelerator(config.precision)
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
        self.step = 0
        self.stop = StopRequest()
        self._open(RunFolder(run_dir), data)

    def run(self, until: int | None = None, on_step: Callable[[int], None] | None = None) -> bool:
        """Train to `until` (default: the end); return whether the whole training is done.

        SIGINT and SIGTERM end the loop after the running step; what was learned is saved first.
        """
        config, end = self.config, self.config.all_steps
        stop = min(until or end, end)
        recent: list[dict[str, Tensor]] = []
        rank, world_size = self.accelerator.process_index, self.accelerator.num_processes
        bar = tqdm(total=end, initial=self.step, disable=rank > 0, unit="step")
        with self.stop.listening(), bar:
            for crops in crop_loader(
                self.dataset, self.step, stop, rank=rank, world_size=world_size
            ):
                recent.append(self.train_step(crops))
                step = self.step
                bar.update()
                # The steps of the segmenter alone have other terms: no line may hold both kinds.
                if step % config.log_every_steps == 0 or step in (config.steps, stop):
                    self._log(recent, bar)
                    recent = []
                if step % config.eval_every_steps == 0 or step in (config.steps, end):
                    self._validate()
                ending = self.stop.agreed(self.accelerator) or step == stop
                if step % config.save_every_steps == 0 or ending:
                    self.save()
                if on_step:
                    on_step(step)
                if ending:
                    break
        return self.step >= end

    def train_step(self, crops: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step; returns its named, unweighted terms."""
        terms = self.take_step(crops, self.step)
        for name, ema in self.players.ema.items():
            ema.update(self.players.bare[name], self.step)
        self.step += 1
        return terms

    def _log(self, recent: list[dict[str, Tensor]], bar: tqdm) -> None:
        line = mean_terms(recent, self.accelerator, self.step)
        if self.accelerator.is_main_process:
            self.journal.append("log", self.step, line)
            bar.set_postfix({k: f"{line[k]:.3f}" for k in BAR_TERMS if k in line})

    def _validate(self) -> None:
        if not self.accelerator.is_main_process or not self.val_fields:
            return
        players, device = self.players, self.accelerator.device
        generator, segmenter = deployed(self.model, players.averaged, players.density)
        figures = validate(generator, segmenter, self.val_fields, device)
        self.journal.append("val", self.step, figures)
        sheet = sample_sheet(generator, self.val_fields[:3], device)
        self.folder.add_sample(self.step, Image.fromarray(sheet))

    def save(self) -> None:
        """Write the checkpoint and the averaged weights."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return
        players = self.players
        state = {
            part: {name: player.state_dict() for name, player in members.items()}
            for part, members in players.with_state().items()
        }
        self.folder.save(
            {"step": self.step, **state, "bank": players.remembered()},
            {**players.averaged, "style_density": players.density},
        )

    def close(self) -> None:
        """Let the tracker finish, and the processes part."""
        if self.accelerator.is_main_process:
            self.journal.close()
        self.accelerator.end_training()

    def _open(self, folder: RunFolder, data: dict) -> None:
        """Go on where the folder stands, or begin; refuse to go on with what does not fit it."""
        self.folder, config = folder, self.config
        processes = self.accelerator.num_processes
        identity = {"model": self.model.to_dict(), "train": config.to_dict(), "data": data}
        folder.check(identity, processes * config.accumulate)
        state = folder.load()
        if state is not None:
            self._restore(state)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            device, precision = self.accelerator.device, self.accelerator.mixed_precision
            hardware = describe_hardware(device, processes=processes, precision=precision)
            folder.describe(identity, hardware)
            settings = {key: identity[key] for key in ("model", "train")}
            self.journal = Journal(folder.path, self.step, config.tracker, settings)

    def _restore(self, state: dict) -> None:
        try:
            for part, members in self.players.with_state().items():
                for name, player in members.items():
                    player.load_state_dict(state[part][name])
            for name, value in self.players.remembered().items():
                value.copy_(state["bank"][name])
        except (RuntimeError, KeyError) as error:
            raise UserError(
                f"The checkpoint of {self.folder.path} is of another version of this program; "
                "resume it with that version, or give another --run to start anew."
            ) from error
        self.step = state["step"]
