"""A run, from top to bottom: build or resume, then step, log, validate, save, stop.

What is learned and how a step is taken is each training's own.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn
from tqdm import tqdm

from fancgan.errors import UserError
from fancgan.hardware import describe_hardware
from fancgan.training.build import start_accelerator
from fancgan.training.run.folder import RunFolder
from fancgan.training.run.journal import Journal, check_tracker, mean_terms
from fancgan.training.run.stopping import StopRequest


class TrainingRun(abc.ABC):
    """A run in a folder: build it, then call `run`. Built again on the same folder, it resumes.

    A training builds what learns, then calls `open`. bar_terms: those that the progress bar shows;
    take_step: takes the crops of a step and its number, returns its named, unweighted terms.
    """

    bar_terms: ClassVar[tuple[str, ...]]
    take_step: Callable[[Any, int], dict[str, Tensor]]

    def __init__(self, config: Any):
        check_tracker(config.tracker)
        self.config = config
        self.accelerator = start_accelerator(config.precision)
        self.step = 0
        self.stop = StopRequest()

    @abc.abstractmethod
    def crops_until(self, stop: int) -> Iterable[dict[str, Tensor]]:
        """The crops of this process for each step up to `stop`."""

    @abc.abstractmethod
    def validate(self) -> None:
        """Write figures of the averaged weights to the journal; the main process alone does."""

    @abc.abstractmethod
    def state(self) -> dict[str, Any]:
        """All that has a state, by part of a checkpoint."""

    @abc.abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state; RuntimeError, KeyError or ValueError where it is of something else."""

    @abc.abstractmethod
    def published(self) -> dict[str, nn.Module]:
        """The averaged networks, by the names that RunFolder.save gives their weights."""

    def finish(self) -> bool:
        """What follows the last step; False where a request to stop interrupted it."""
        return True

    def open(self, run_dir: Path, model: dict, data: dict, micro_batches: int = 1) -> None:
        """Go on where the folder stands, or begin; refuse to go on with what does not fit it.

        micro_batches: of a step, per process.
        """
        self.folder, config = RunFolder(run_dir), self.config
        processes = self.accelerator.num_processes
        self.identity = {"model": model, "train": config.to_dict(), "data": data}
        self.folder.check(self.identity, processes * micro_batches)
        state = self.folder.load()
        if state is not None:
            self._restore(state)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            device, precision = self.accelerator.device, self.accelerator.mixed_precision
            self.hardware = describe_hardware(device, processes=processes, precision=precision)
            self.folder.describe(self.identity, self.hardware)
            settings = {key: self.identity[key] for key in ("model", "train")}
            self.journal = Journal(run_dir, self.step, config.tracker, settings)

    def run(self, until: int | None = None, on_step: Callable[[int], None] | None = None) -> bool:
        """Train to `until` (default: the end); return whether the whole training is done.

        SIGINT and SIGTERM end the loop after the running step; what was learned is saved first.
        """
        config, end = self.config, self.config.all_steps
        stop = min(until or end, end)
        recent: list[dict[str, Tensor]] = []
        hidden = not self.accelerator.is_main_process
        with self.stop.listening():
            with tqdm(total=end, initial=self.step, disable=hidden, unit="step") as bar:
                for crops in self.crops_until(stop):
                    recent.append(self.train_step(crops))
                    step = self.step
                    bar.update()
                    # Steps of another kind follow config.steps: no line may hold both.
                    if step % config.log_every_steps == 0 or step in (config.steps, stop):
                        self._log(recent, bar)
                        recent = []
                    wanted = step % config.eval_every_steps == 0 or step in (config.steps, end)
                    if wanted and self.accelerator.is_main_process:
                        self.validate()
                    ending = self.stop.agreed(self.accelerator) or step == stop
                    if step % config.save_every_steps == 0 or ending:
                        self.save()
                    if on_step:
                        on_step(step)
                    if ending:
                        break
            return self.step >= end and self.finish()

    def train_step(self, crops: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step; returns its named, unweighted terms."""
        terms = self.take_step(crops, self.step)
        self.step += 1
        return terms

    def save(self) -> None:
        """Write the checkpoint and the averaged weights."""
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self.folder.save({"step": self.step, **self.state()}, self.published())

    def close(self) -> None:
        """Let the tracker finish, and the processes part."""
        if self.accelerator.is_main_process:
            self.journal.close()
        self.accelerator.end_training()

    def _log(self, recent: list[dict[str, Tensor]], bar: tqdm) -> None:
        line = mean_terms(recent, self.accelerator, self.step)
        if self.accelerator.is_main_process:
            self.journal.append("log", self.step, line)
            bar.set_postfix({k: f"{line[k]:.3f}" for k in self.bar_terms if k in line})

    def _restore(self, state: dict) -> None:
        try:
            self.restore(state)
        except (RuntimeError, KeyError, ValueError) as error:
            raise UserError(
                f"The checkpoint of {self.folder.path} is of another version of this program; "
                "resume it with that version, or give another --run to start anew."
            ) from error
        self.step = state["step"]
