"""The training of the particle network: train it, then judge what its maps are worth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

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
from fancgan.training.crops import batch_loader, crop_indices
from fancgan.training.run.training_run import TrainingRun


class ParticleTraining(TrainingRun):
    bar_terms = ("total", "particle", "outline", "depth", "diameter")

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
        super().__init__(config)
        self.sets = sets
        self.dataset = ParticleCrops(sets, config)
        self.learner = build_learner(config, self.accelerator, crops=self.dataset, initial=initial)
        self.take_step = ParticleStep(config, self.accelerator, self.learner)
        if self.accelerator.is_main_process:
            self.val_batches = validation_batches(sets, config)
            val_fields = [field for each in sets for field in each.val]
            self.val_fields = spread(val_fields, config.val_pictures)
        model = {"preset": PRESET, "network": type(self.learner.bare).__name__}
        self.open(run_dir, model, describe_sets(sets) | {"init": source})

    def crops_until(self, stop: int) -> Iterable[dict[str, Tensor]]:
        config, accelerator = self.config, self.accelerator
        place = accelerator.process_index, accelerator.num_processes
        batches = [crop_indices(k, config.batch_size, *place) for k in range(self.step, stop)]
        return batch_loader(self.dataset, batches, workers=config.workers, seed=config.seed)

    def validate(self) -> None:
        network, device = self.learner.ema.network, self.accelerator.device
        losses = crop_losses(network, self.val_batches, device)
        figures = losses | picture_scores(network, self.val_fields, device)
        if figures:
            self.journal.append("val", self.step, figures)

    def finish(self) -> bool:
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

    def state(self) -> dict[str, Any]:
        return {name: player.state_dict() for name, player in self.learner.with_state().items()}

    def restore(self, state: dict[str, Any]) -> None:
        for name, player in self.learner.with_state().items():
            player.load_state_dict(state[name])

    def published(self) -> dict[str, nn.Module]:
        """The network under its own names."""
        return {"": self.learner.ema.network}
