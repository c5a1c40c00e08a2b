"""The training run: build, prepare, loop. A run is a folder; running again resumes it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.hardware import auto_is_bf16, describe_hardware
from fancgan.networks.config import ModelConfig
from fancgan.networks.style import StyleDensity
from fancgan.training.checkpoint import EMA
from fancgan.training.config import TrainConfig
from fancgan.training.critics.view import critic_view
from fancgan.training.crops import CropDataset, crop_loader
from fancgan.training.cycle import Cycle, build_networks
from fancgan.training.initial_weights import load_initial
from fancgan.training.journal import Journal
from fancgan.training.losses.kernel import FeatureBank
from fancgan.training.run_folder import RunFolder
from fancgan.training.starting_point import measure_fields, start_at_mean_level
from fancgan.training.step import TrainingStep
from fancgan.training.trackers import check_tracker, open_tracker
from fancgan.training.validation import deployed, sample_sheet, validate

REAL_CROPS_PER_FIELD = 16
CONVOLUTIONS_TRIED = 4
AVERAGED = ("generator", "style_encoder", "segmenter")
BAR_TERMS = ("adv_image", "paired_l1", "style_statistics", "paired_mask", "cycle_mask")


def build_optimisers(
    networks: torch.nn.ModuleDict, config: TrainConfig
) -> dict[str, torch.optim.Optimizer]:
    """One for those who paint, one for the critics, one for the segmenter."""
    painters = [*networks["generator"].parameters(), *networks["style_encoder"].parameters()]
    critics = [*networks["disc_image"].parameters(), *networks["disc_mask"].parameters()]
    segmenter = [*networks["segmenter"].parameters()]

    def adam(parameters: list[torch.nn.Parameter], rate: float, memory: float) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, lr=rate, betas=(memory, 0.99), fused=True)

    return {
        "painter": adam(painters, config.lr_generator, 0.5),
        "critic": adam(critics, config.lr_critic, 0.5),
        "segmenter": adam(segmenter, config.lr_segmenter, 0.9),
    }


class Training:
    """Everything a run holds. Build it, then call `run`."""

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
        self.model, self.config, self.run_dir = model, config, run_dir
        self.val_fields, self.data = val_fields, data
        self.folder = RunFolder(run_dir)
        check_tracker(config.tracker)
        self.accelerator = Accelerator(
            mixed_precision=self._precision(config.precision),
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
        self.device = self.accelerator.device
        # Crops have one size: the fastest convolution on a GPU is worth looking for once, among
        # the first few that the heuristics offer.
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.benchmark_limit = CONVOLUTIONS_TRIED
        torch.manual_seed(config.seed)
        bare = build_networks(model)
        self.density = StyleDensity(model)
        field_stats = measure_fields(train_fields)
        self.density.fit(field_stats)
        self.density.particles.fit(
            [f.image for f in train_fields],
            [f.labels for f in train_fields],
            field_stats.numpy(),
        )
        self.density.to(self.device)
        field_stats = field_stats.to(self.device)
        self.dataset = CropDataset(train_fields, config)
        if initial is None:
            start_at_mean_level(bare["generator"], train_fields)
            bare["style_encoder"].start_on(self.dataset.centres())
        else:
            load_initial({name: bare[name] for name in AVERAGED}, initial, data["init"])
        view = critic_view(model, self.density, self.dataset.centres().to(self.device))
        bank = None
        if config.w_kernel:
            real = self.dataset.reference(REAL_CROPS_PER_FIELD * len(train_fields))
            bank = FeatureBank(view, real.to(self.device))
        self._prepare(bare, view, bank, field_stats)
        self.step = 0
        self.stop_requested = False
        self._resume()

    @staticmethod
    def _precision(asked: str) -> str:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return "bf16" if asked == "bf16" or (asked == "auto" and auto_is_bf16(device)) else "no"

    def _prepare(
        self,
        bare: torch.nn.ModuleDict,
        view: torch.nn.Module,
        bank: FeatureBank | None,
        field_stats: Tensor,
    ) -> None:
        config = self.config
        # group_norm's backward pass on the CPU is many times slower in channels-last.
        slow = self.model.modulation == "adain" and self.device.type == "cpu"
        layout = torch.contiguous_format if slow else torch.channels_last
        bare.to(self.device, memory_format=layout)
        self.ema = {name: EMA(bare[name], config.ema) for name in AVERAGED}
        optimisers = build_optimisers(bare, config)
        self.bare = dict(bare.items())
        prepared = self.accelerator.prepare(*self.bare.values(), *optimisers.values())
        self.networks = dict(zip(self.bare, prepared, strict=False))
        self.optimisers = dict(zip(optimisers, prepared[len(self.bare) :], strict=True))
        self.cycle = Cycle(
            self.model,
            config,
            networks=self.networks,
            critics={name: self.bare[name] for name in ("disc_image", "disc_mask")},
            reader=self.ema["segmenter"].network,
            density=self.density,
            view=view,
            bank=bank,
            field_stats=field_stats,
        )
        self.take_step = TrainingStep(
            self.accelerator,
            config,
            networks=self.networks,
            bare=self.bare,
            optimisers=self.optimisers,
            cycle=self.cycle,
            layout=layout,
        )

    def train_step(self, crops: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step; returns its named, unweighted terms."""
        terms = self.take_step(crops, self.step)
        for name, ema in self.ema.items():
            ema.update(self.bare[name], self.step)
        self.step += 1
        return terms

    def run(self, until: int | None = None, on_step: Callable[[int], None] | None = None) -> bool:
        """Train to `until` (default: the end); return whether the whole training is done.

        SIGINT and SIGTERM end the loop after the running step; what was learned is saved first.
        """
        end = self.config.all_steps
        stop = min(until or end, end)
        main = self.accelerator.is_main_process
        handlers = {
            s: signal.signal(s, self._request_stop) for s in (signal.SIGINT, signal.SIGTERM)
        }
        loader = crop_loader(
            self.dataset,
            self.step,
            stop,
            rank=self.accelerator.process_index,
            world_size=self.accelerator.num_processes,
        )
        bar = tqdm(total=end, initial=self.step, disable=not main, unit="step")
        recent: list[dict[str, Tensor]] = []
        try:
            for batch in loader:
                recent.append(self.train_step(batch))
                bar.update()
                config, step = self.config, self.step
                # The steps of the segmenter alone have other terms: no line may hold both kinds.
                if step % config.log_every_steps == 0 or step in (config.steps, stop):
                    self._log(recent, bar)
                    recent = []
                if step % config.eval_every_steps == 0 or step in (config.steps, end):
                    self._validate()
                ending = self._stop_agreed() or step == stop
                if step % config.save_every_steps == 0 or ending:
                    self.save()
                if on_step:
                    on_step(step)
                if ending:
                    break
        finally:
            bar.close()
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return self.step >= end

    def _request_stop(self, number: int, frame: object) -> None:
        if self.stop_requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop_requested = True

    def _stop_agreed(self) -> bool:
        if self.accelerator.num_processes == 1:
            return self.stop_requested
        flag = torch.tensor(float(self.stop_requested), device=self.device)
        return bool(self.accelerator.reduce(flag, "sum") > 0)

    def _log(self, recent: list[dict[str, Tensor]], bar: tqdm) -> None:
        means = {k: torch.stack([terms[k].float() for terms in recent]).mean() for k in recent[0]}
        values = self.accelerator.reduce(torch.stack(list(means.values())), "mean").tolist()
        line = dict(zip(means, values, strict=True))
        if not all(np.isfinite(v) for v in values):
            bad = ", ".join(k for k, v in line.items() if not np.isfinite(v))
            raise UserError(
                f"The training diverged at step {self.step} ({bad} is not finite); start a new "
                "run with lower learning rates or --precision float32."
            )
        if self.accelerator.is_main_process:
            self.journal.append("log", self.step, line)
            bar.set_postfix({k: f"{line[k]:.3f}" for k in BAR_TERMS if k in line})

    def _validate(self) -> None:
        if not self.accelerator.is_main_process or not self.val_fields:
            return
        generator, segmenter = deployed(self.model, self._averaged(), self.density)
        figures = validate(generator, segmenter, self.val_fields, self.device)
        self.journal.append("val", self.step, figures)
        sheet = sample_sheet(generator, self.val_fields[:3], self.device)
        self.folder.add_sample(self.step, Image.fromarray(sheet))

    def close(self) -> None:
        """Let the tracker finish, and the processes part."""
        if self.accelerator.is_main_process:
            self.journal.close()
        self.accelerator.end_training()

    def save(self) -> None:
        """Write the checkpoint and the averaged weights."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return
        state = {
            part: {name: player.state_dict() for name, player in players.items()}
            for part, players in self._players().items()
        }
        self.folder.save(
            {"step": self.step, **state, "bank": self._remembered()},
            {**self._averaged(), "style_density": self.density},
        )

    def _averaged(self) -> dict[str, torch.nn.Module]:
        return {name: ema.network for name, ema in self.ema.items()}

    def _players(self) -> dict[str, dict]:
        """All that has a state, as a checkpoint names it."""
        return {"networks": self.bare, "ema": self._averaged(), "optimisers": self.optimisers}

    def _remembered(self) -> dict[str, Tensor]:
        bank = self.cycle.bank
        return dict(bank.named_buffers(recurse=False)) if bank else {}

    def _resume(self) -> None:
        processes = self.accelerator.num_processes
        identity = {"model": self.model.to_dict(), "train": self.config.to_dict()}
        identity["data"] = self.data
        self.folder.check(identity, processes * self.config.accumulate)
        state = self.folder.load()
        if state is not None:
            self._restore(state)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            precision = self.accelerator.mixed_precision
            hardware = describe_hardware(self.device, processes=processes, precision=precision)
            self.folder.describe(identity, hardware)
            settings = {key: identity[key] for key in ("model", "train")}
            tracker = open_tracker(self.config.tracker, self.run_dir, self.step, settings)
            self.journal = Journal(self.run_dir, self.step, tracker)

    def _restore(self, state: dict) -> None:
        try:
            for part, players in self._players().items():
                for name, player in players.items():
                    player.load_state_dict(state[part][name])
            for name, value in self._remembered().items():
                value.copy_(state["bank"][name])
        except (RuntimeError, KeyError) as error:
            raise UserError(
                f"The checkpoint of {self.run_dir} is of another version of this program; resume "
                "it with that version, or give another --run to start anew."
            ) from error
        self.step = state["step"]
