"""The training of the particle network: build or resume, step, log, validate, save, then judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from fancgan.errors import UserError
from fancgan.hardware import describe_hardware
from fancgan.training.any_particle.build import JUDGEMENT_OF_RUN, build_learner
from fancgan.training.any_particle.config import PRESET, ParticleTrainConfig
from fancgan.training.any_particle.exams import count_exams, draw_exams
from fancgan.training.any_particle.judging import (
    Interrupted,
    fit_judgement,
    judged_step,
    write_judgement,
)
from fancgan.training.any_particle.pictures import (
    ParticleCrops,
    PictureSet,
    describe_sets,
    spread,
    validation_batches,
)
from fancgan.training.any_particle.step import ParticleStep
from fancgan.training.any_particle.validation import crop_losses, picture_scores
from fancgan.training.build import start_accelerator
from fancgan.training.crops import batch_loader, crop_indices
from fancgan.training.run.folder import RunFolder
from fancgan.training.run.journal import Journal, check_tracker, mean_terms
from fancgan.training.run.stopping import StopRequest

BAR_TERMS = ("total", "particle", "outline", "depth", "diameter")


class ParticleTraining:
    """A run in a folder: build it, then call `run`. Built again on the same folder, it resumes."""

    def __init__(
        self,
        config: ParticleTrainConfig,
        *,
        run_dir: Path,
        sets: list[PictureSet],
        initial: dict[str, Tensor] | None = None,
        source: str | None = None,
    ):
        """initial: weights to begin with (build.read_initial), those of `source`."""
        check_tracker(config.tracker)
        self.config, self.sets = config, sets
        self.accelerator = start_accelerator(config.precision)
        self.dataset = ParticleCrops(sets, config)
        self.learner = build_learner(config, self.accelerator, crops=self.dataset, initial=initial)
        self.take_step = ParticleStep(config, self.accelerator, self.learner)
        self.step = 0
        self.stop = StopRequest()
        if self.accelerator.is_main_process:
            self.val_batches = validation_batches(sets, config)
            val_fields = [field for each in sets for field in each.val]
            self.val_fields = spread(val_fields, config.val_pictures)
        self._open(RunFolder(run_dir), describe_sets(sets) | {"init": source})

    def run(self, until: int | None = None, on_step: Callable[[int], None] | None = None) -> bool:
        """Train to `until` (default: the end); return whether the whole training is done.

        At the end the network is judged, if that has not been done. SIGINT and SIGTERM end the loop
        after the running step; what was learned is saved first.
        """
        config, end = self.config, self.config.steps
        stop = min(until or end, end)
        recent: list[dict[str, Tensor]] = []
        hidden = not self.accelerator.is_main_process
        bar = tqdm(total=end, initial=self.step, disable=hidden, unit="step")
        with self.stop.listening():
            for crops in self.crops_until(stop):
                recent.append(self.take_step(crops, self.step))
                self.step += 1
                step = self.step
                bar.update()
                if step % config.log_every_steps == 0 or step == stop:
                    self._log(recent, bar)
                    recent = []
                if step % config.eval_every_steps == 0 or step == end:
                    self._validate()
                ending = self.stop.agreed(self.accelerator) or step == stop
                if step % config.save_every_steps == 0 or ending:
                    self.save()
                if on_step:
                    on_step(step)
                if ending:
                    break
            bar.close()
            return self.step >= end and self._judge()

    def _log(self, recent: list[dict[str, Tensor]], bar: tqdm) -> None:
        line = mean_terms(recent, self.accelerator, self.step)
        if self.accelerator.is_main_process:
            self.journal.append("log", self.step, line)
            bar.set_postfix({name: f"{line[name]:.3f}" for name in BAR_TERMS})

    def _validate(self) -> None:
        if not self.accelerator.is_main_process:
            return
        network, device = self.learner.ema.network, self.accelerator.device
        losses = crop_losses(network, self.val_batches, device)
        figures = losses | picture_scores(network, self.val_fields, device)
        if figures:
            self.journal.append("val", self.step, figures)

    def _judge(self) -> bool:
        """Write the judgement of the network as it is now; False where a request stopped that."""
        path, config = self.folder.path / JUDGEMENT_OF_RUN, self.config
        wanted = self.accelerator.is_main_process and config.judge_pictures
        if not wanted or judged_step(path) == self.step:
            return True
        exams = draw_exams(self.sets, config.judge_pictures, config.seed)
        network, device = self.learner.ema.network, self.accelerator.device
        try:
            judgement, figures = fit_judgement(network, exams, device, lambda: self.stop.made)
        except Interrupted:
            return False
        counts = count_exams(exams)
        if not counts["aside"]:
            print("No images were kept aside: the network is judged by those it learned from.")
        record = {"step": self.step, "fitted_on": counts, "cross_fitted": figures}
        write_judgement(path, judgement, record)
        return True

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, under the network's own names."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return
        learner = self.learner
        state = {name: player.state_dict() for name, player in learner.with_state().items()}
        self.folder.save({"step": self.step, **state}, {"": learner.ema.network})

    def close(self) -> None:
        """Let the tracker finish, and the processes part."""
        if self.accelerator.is_main_process:
            self.journal.close()
        self.accelerator.end_training()

    def _open(self, folder: RunFolder, data: dict) -> None:
        """Go on where the folder stands, or begin; refuse to go on with what does not fit it."""
        self.folder, config = folder, self.config
        processes = self.accelerator.num_processes
        model = {"preset": PRESET, "network": type(self.learner.bare).__name__}
        identity = {"model": model, "train": config.to_dict(), "data": data}
        folder.check(identity, processes)
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
            for name, player in self.learner.with_state().items():
                player.load_state_dict(state[name])
        except (RuntimeError, KeyError, ValueError) as error:
            raise UserError(
                f"The checkpoint of {self.folder.path} is of another version of this program; "
                "resume it with that version, or give another --run to start anew."
            ) from error
        self.step = state["step"]

    def crops_until(self, stop: int) -> Iterable[dict[str, Tensor]]:
        """The crops of this process for each step up to `stop`."""
        config, accelerator = self.config, self.accelerator
        place = accelerator.process_index, accelerator.num_processes
        batches = [crop_indices(k, config.batch_size, *place) for k in range(self.step, stop)]
        return batch_loader(self.dataset, batches, workers=config.workers, seed=config.seed)
