"""The training run: build, prepare, loop. A run is a folder; running again resumes it."""

from __future__ import annotations

import json
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

from fancgan.augment import DRAWS, jitter
from fancgan.checkpoint import (
    EMA,
    check_same_run,
    load_checkpoint,
    load_initial,
    save_checkpoint,
    save_weights,
    write_atomically,
    write_json,
)
from fancgan.config import STAT_NAMES, ModelConfig, TrainConfig
from fancgan.critic_view import critic_view
from fancgan.crops import CropDataset, crop_loader
from fancgan.cycle import Cycle, build_networks
from fancgan.data import Field
from fancgan.errors import UserError
from fancgan.hardware import bf16_pays, describe_hardware
from fancgan.journal import Journal
from fancgan.kernel_match import FeatureBank
from fancgan.style import StyleDensity, measure_style
from fancgan.validation import deployed, sample_sheet, validate

REAL_CROPS_PER_FIELD = 16
AVERAGED = ("generator", "style_encoder", "segmenter")
BAR_TERMS = ("adv_image", "paired_l1", "style_statistics", "paired_mask", "cycle_mask")


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then constant, then linear decay to zero over the last share.

    Once for the cycle, and once more for the steps of the segmenter alone.
    """
    steps = config.steps
    if step >= steps:
        step, steps = step - steps, config.segmenter_steps
    decay_steps = max(1.0, config.decay_share * steps)
    return min(1.0, (step + 1) / config.warmup_steps, (steps - step) / decay_steps)


def step_generator(seed: int, step: int, rank: int) -> torch.Generator:
    """Random numbers of one step on one process: a function of these three numbers alone."""
    state = np.random.SeedSequence([seed, step, rank]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)


def measure_fields(fields: list[Field]) -> Tensor:
    """Style statistics [n, 5] of whole fields; where a field cannot tell, the others' mean."""
    rows = []
    for field in fields:
        image = torch.from_numpy(field.image.astype(np.float32))[None, None] / 127.5 - 1
        mask = torch.from_numpy(field.mask.astype(np.float32))[None, None]
        stats, valid = measure_style(image, mask)
        rows.append(torch.where(valid, stats, torch.nan)[0])
    stats = torch.stack(rows)
    missing = stats.isnan().all(0)
    if missing.any():
        raise UserError(
            "No training image shows enough of both background and particles to measure its "
            "style; check that the masks fit the images and are not inverted."
        )
    return torch.where(stats.isnan(), stats.nanmean(0), stats)


@torch.no_grad()
def start_at_mean_level(generator: torch.nn.Module, fields: list[Field]) -> None:
    """Let the untrained generator paint the mean grey level of the training images."""
    mean = float(np.mean([f.image.mean() for f in fields])) / 127.5 - 1
    generator.to_image.bias.fill_(float(np.arctanh(np.clip(mean, -0.95, 0.95))))


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
        self.val_fields = val_fields
        self.accelerator = Accelerator(
            mixed_precision=self._precision(config.precision),
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
        self.device = self.accelerator.device
        torch.manual_seed(config.seed)
        bare = build_networks(model)
        self.density = StyleDensity(model).to(self.device)
        field_stats = measure_fields(train_fields).to(self.device)
        self.density.fit(field_stats)
        self.density.particles.fit(
            [f.image for f in train_fields],
            [f.labels for f in train_fields],
            field_stats[:, STAT_NAMES.index("particle_sd")].cpu().numpy(),
        )
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
        self.data = data
        self.step = 0
        self.stop_requested = False
        self._resume()

    @staticmethod
    def _precision(asked: str) -> str:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return "bf16" if asked == "bf16" or (asked == "auto" and bf16_pays(device)) else "no"

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
        self.layout = torch.contiguous_format if slow else torch.channels_last
        bare.to(self.device, memory_format=self.layout)
        self.ema = {name: EMA(bare[name], config.ema) for name in AVERAGED}
        painters = [*bare["generator"].parameters(), *bare["style_encoder"].parameters()]
        critics = [*bare["disc_image"].parameters(), *bare["disc_mask"].parameters()]
        optimisers = {
            "painter": torch.optim.Adam(painters, lr=config.lr_generator, betas=(0.5, 0.99)),
            "critic": torch.optim.Adam(critics, lr=config.lr_critic, betas=(0.5, 0.99)),
            "segmenter": torch.optim.Adam(
                bare["segmenter"].parameters(), lr=config.lr_segmenter, betas=(0.9, 0.99)
            ),
        }
        self.base_lr = {name: opt.param_groups[0]["lr"] for name, opt in optimisers.items()}
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

    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step; returns its named, unweighted terms."""
        rng = step_generator(self.config.seed, self.step, self.accelerator.process_index)
        factor = learning_rate_factor(self.step, self.config)
        for name, optimiser in self.optimisers.items():
            optimiser.param_groups[0]["lr"] = self.base_lr[name] * factor
        batch = {
            key: value.to(self.device, memory_format=self.layout)
            if value.ndim == 4
            else value.to(self.device)
            for key, value in batch.items()
        }
        alone = self.step >= self.config.steps
        terms = self._segmenter_step(batch, rng) if alone else self._cycle_step(batch, rng)
        for name, ema in self.ema.items():
            ema.update(self.bare[name], self.step)
        self.step += 1
        return {name: term.detach() for name, term in terms.items()}

    def _segmenter_step(self, batch: dict[str, Tensor], rng: torch.Generator) -> dict[str, Tensor]:
        """One step of the segmenter alone, on real pairs."""
        seen = jitter(batch["image"], self.config.jitter, rng)
        with self.accelerator.autocast():
            logits = self.networks["segmenter"](seen)
        terms = self.cycle.reading_terms("paired", logits, batch["mask"], batch["core"])
        weights = self.cycle.weights(1.0)
        total = sum(weights[name] * term for name, term in terms.items())
        self._optimise(total, "segmenter")
        return {**terms, "total": total}

    def _cycle_step(self, batch: dict[str, Tensor], rng: torch.Generator) -> dict[str, Tensor]:
        """One step of the critics, then of generator, style encoder and segmenter together."""
        cycle, everything = self.cycle, batch
        count = self.config.batch_size
        batch = {key: value[:count] for key, value in everything.items()}
        draws = torch.rand(2, len(batch["mask"]), DRAWS, generator=rng)
        seen = jitter(everything["image"], self.config.jitter, rng)
        with self.accelerator.autocast():
            real_logits = self.networks["segmenter"](seen)
            logits = real_logits[0][:count]
            predicted = logits.float().softmax(dim=1)[:, 1:]
            fakes = cycle.paint(batch, logits, rng)
            real_view, fake_view = cycle.views(batch, fakes, draws)

            # Critics: maximise the scores of real pairs, minimise those of fakes.
            critic_terms = cycle.critic_terms(batch, real_view, fake_view, predicted)
        self._optimise(sum(critic_terms.values()), "critic")

        # Generator, style encoder, segmenter: the critics stand still.
        for name in ("disc_image", "disc_mask"):
            self.bare[name].requires_grad_(False)
        with self.accelerator.autocast():
            features = cycle.bank_features(fakes)
            terms = cycle.generator_terms(batch, fakes, real_view, fake_view, features, predicted)
            terms |= cycle.segmenter_terms(everything, real_logits, fakes, rng)
            weights = cycle.weights(self.step / self.config.steps)
            total = sum(weights[name] * term for name, term in terms.items())
        self._optimise(total, "painter", "segmenter")
        for name in ("disc_image", "disc_mask"):
            self.bare[name].requires_grad_(True)

        if features is not None:
            cycle.bank.remember(self.accelerator.gather(features.detach()))
        return {**terms, **critic_terms, "total": total}

    def _optimise(self, loss: Tensor, *names: str) -> None:
        for name in names:
            self.optimisers[name].zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        for name in names:
            parameters = self.optimisers[name].param_groups[0]["params"]
            self.accelerator.clip_grad_norm_(parameters, 1.0 if name == "segmenter" else 10.0)
            self.optimisers[name].step()

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
        networks = {name: ema.network for name, ema in self.ema.items()}
        generator, segmenter = deployed(self.model, networks, self.density)
        figures = validate(generator, segmenter, self.val_fields, self.device)
        self.journal.append("val", self.step, figures)
        sheet = Image.fromarray(sample_sheet(generator, self.val_fields[:3], self.device))
        path = self.run_dir / "samples" / f"{self.step:07d}_synthetic.png"
        write_atomically(path, lambda p: sheet.save(p, format="PNG"))

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, each whole or not at all."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "networks": {name: net.state_dict() for name, net in self.bare.items()},
            "ema": {name: ema.network.state_dict() for name, ema in self.ema.items()},
            "optimisers": {name: opt.state_dict() for name, opt in self.optimisers.items()},
        }
        if self.cycle.bank:
            state["bank"] = {
                name: value for name, value in self.cycle.bank.named_buffers(recurse=False)
            }
        save_checkpoint(self.run_dir / "checkpoint.pt", state)
        networks = {name: ema.network for name, ema in self.ema.items()}
        save_weights(
            self.run_dir / "weights.safetensors", {**networks, "style_density": self.density}
        )

    def _resume(self) -> None:
        identity = {
            "model": self.model.to_dict(),
            "train": self.config.to_dict(),
            "data": self.data,
        }
        identity = json.loads(json.dumps(identity))
        described = self.run_dir / "config.json"
        checkpoint = self.run_dir / "checkpoint.pt"
        if described.exists():
            check_same_run(json.loads(described.read_text()), identity, self.run_dir)
        if checkpoint.exists():
            self._restore(load_checkpoint(checkpoint))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            identity["hardware"] = describe_hardware(
                self.device,
                processes=self.accelerator.num_processes,
                precision=self.accelerator.mixed_precision,
            )
            write_json(described, identity)
            self.journal = Journal(self.run_dir, self.step)

    def _restore(self, state: dict) -> None:
        try:
            for name, net in self.bare.items():
                net.load_state_dict(state["networks"][name])
            for name, ema in self.ema.items():
                ema.network.load_state_dict(state["ema"][name])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            if self.cycle.bank:
                for name, value in self.cycle.bank.named_buffers(recurse=False):
                    value.copy_(state["bank"][name])
        except (RuntimeError, KeyError) as error:
            raise UserError(
                f"The checkpoint of {self.run_dir} is of another version of this program; resume "
                "it with that version, or give another --run to start anew."
            ) from error
        self.step = state["step"]
