"""A particle network learns from a few lessons: first in a trial without some, then from all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.evaluation.metrics import MIN_AREA_PX, dice, match_labels
from fancgan.files import write_whole
from fancgan.microscopy.overlays import find_overlays
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.networks.particle_net.stored import load_particle_net
from fancgan.particles.instances import drop_small
from fancgan.particles.matching import Matching
from fancgan.pipeline import Pipeline
from fancgan.segmentation.finding import Judgement
from fancgan.segmentation.looking import look_closely
from fancgan.segmentation.prediction import LookPrediction
from fancgan.training.any_particle.build import read_initial
from fancgan.training.any_particle.config import ParticleTrainConfig
from fancgan.training.any_particle.loop import ParticleTraining
from fancgan.training.any_particle.pictures import PictureSet, spread
from fancgan.training.any_particle.validation import maps_on
from fancgan.training.config import FULL_DISK_ADVICE
from fancgan.training.teach.painted import paint_pairs

STEPS = 60
PAINTED, PAINTED_EACH = 8, 2  # pairs in all, and of each lesson, at least
PAINTED_SHARE = 0.4  # of the crops
MOST_PAINTED = 2  # lessons; more of them taught better without painted pairs (docs/your-data.md)
ASIDE_SHARE = 0.25  # of the lessons, or of the only one
TRIAL, WHOLE = "trial", "whole"
RECORD, SCORES = "teaching.json", "scores.json"


@dataclass(frozen=True)
class Settings:
    """steps: of each of the two trainings. synthetic: whether painted pairs are mixed in,
    where the lessons are few."""

    steps: int = STEPS
    seed: int = 0
    synthetic: bool = True

    @property
    def training(self) -> ParticleTrainConfig:
        """Gentle: the network knows its trade, and shall not forget it over a few pictures."""
        return ParticleTrainConfig(
            steps=self.steps,
            seed=self.seed,
            lr=6e-4,
            lr_encoder=2e-4,
            warmup_steps=min(10, self.steps),
            decay_share=0.7,
            ema=0.97,
            val_crops=0,
            val_pictures=0,
            judge_pictures=0,
            tracker="none",
            eval_every_steps=self.steps,
            save_every_steps=20,
        )


@dataclass(frozen=True)
class Scores:
    """Means over n pictures: Dice, and AP50 of all their particles together."""

    dice: float
    ap50: float
    n: int


class Teaching:
    """Made of the lessons and the bundle to teach; its folder says how far it is.

    Made again on the same folder it goes on; UserError where that was begun with something else.
    pipe: of a bundle whose segmenter looks at any scale.
    """

    def __init__(
        self, lessons: Sequence[Field], pipe: Pipeline, run: Path, settings: Settings
    ) -> None:
        if not pipe.any_scale:
            raise UserError(
                f"The bundle {pipe.config.get('name')} knows one material at one scale and is "
                "trained as a whole; teach the bundle particles, or one that was taught."
            )
        self.lessons, self.pipe, self.run, self.settings = list(lessons), pipe, run, settings
        self.judgement = Judgement.from_dict(pipe.config["judgement"])
        self.initial, self.source = read_initial(str(pipe.path))
        few = len(self.lessons) <= MOST_PAINTED
        self.synthetic = settings.synthetic and pipe.any_look and few
        self.painted: dict[str, list[Field]] = {}
        self.each = max(PAINTED_EACH, -(-PAINTED // len(self.lessons)))
        self._describe()

    @property
    def particles(self) -> int:
        """How many the lessons have."""
        return sum(int(drop_small(lesson.labels, 1).max()) for lesson in self.lessons)

    def try_out(self, progress: Callable[[str, int], None]) -> tuple[Scores, Scores] | None:
        """Learn from a part and return the scores on the rest, before and after.

        None where the training was asked to stop, or where nothing could be kept aside.
        """
        path = self.run / TRIAL / SCORES
        if path.exists():
            before, after = json.loads(path.read_text(encoding="utf-8"))
            return Scores(**before), Scores(**after)
        taught, aside = kept_aside(self.lessons)
        if not aside or not self._learn(TRIAL, taught, progress):
            return None
        first, second = (
            score(network, self.judgement, aside) for network in (self.first, self.learned(TRIAL))
        )
        content = json.dumps([vars(first), vars(second)]).encode()
        write_whole(path, content, advice=FULL_DISK_ADVICE)
        return first, second

    def learn(self, progress: Callable[[str, int], None]) -> bool:
        """Learn from all; return whether that is done."""
        return self._learn(WHOLE, self.lessons, progress)

    @property
    def first(self) -> DeployedParticleNet:
        """The network that it begins from."""
        network = ParticleNet()
        network.load_state_dict(self.initial)
        return DeployedParticleNet(network).eval()

    def learned(self, part: str) -> DeployedParticleNet:
        """Return what a part has learned."""
        return load_particle_net(self.run / part / "weights.safetensors")

    def _learn(
        self, part: str, lessons: Sequence[Field], progress: Callable[[str, int], None]
    ) -> bool:
        training = ParticleTraining(
            self.settings.training,
            run_dir=self.run / part,
            sets=self._sets(lessons),
            initial=self.initial,
            source=self.source,
        )
        try:
            done = training.run(on_step=lambda step: progress(part, step))
            return done and not training.stop.made
        finally:
            training.close()

    def _sets(self, lessons: Sequence[Field]) -> list[PictureSet]:
        real = _set("lessons", 1.0, lessons)
        if not self.synthetic:
            return [real]
        painted = []
        for lesson in lessons:
            if lesson.stem not in self.painted:
                seed = 1000 * self.settings.seed + crc32(lesson.stem.encode()) % 1_000_000
                self.painted[lesson.stem] = paint_pairs(self.pipe, lesson, self.each, seed)
            painted += self.painted[lesson.stem]
        weight = PAINTED_SHARE / (1 - PAINTED_SHARE) * len(lessons) / len(painted)
        return [real, _set("painted", weight, painted)]

    def _describe(self) -> None:
        """Say in the folder what it is begun with; UserError where that was something else."""
        content = hashlib.sha256()
        for lesson in self.lessons:
            content.update(lesson.image.tobytes())
            content.update(lesson.labels.tobytes())
        record = {"lessons": content.hexdigest(), "bundle": self.source, **vars(self.settings)}
        path = self.run / RECORD
        try:
            begun = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            text = json.dumps(record, indent=1) + "\n"
            write_whole(path, text.encode(), advice=FULL_DISK_ADVICE)
            return
        except (OSError, ValueError):
            begun = None
        if begun != record:
            raise UserError(
                f"{self.run} was begun with other lessons or settings; give the same again to go "
                "on, or delete it to begin anew."
            )


def _set(name: str, weight: float, fields: Sequence[Field]) -> PictureSet:
    return PictureSet(name, weight, train=list(fields), val=[], aside=[], papers={})


def kept_aside(lessons: Sequence[Field]) -> tuple[list[Field], list[Field]]:
    """Part lessons: what a trial learns from, and what it is judged by.

    Of several, one in four, at least one; of a single one its right quarter, none where there are
    no particles on both sides.
    """
    if len(lessons) > 1:
        aside = spread(lessons, max(1, int(len(lessons) * ASIDE_SHARE)))
        return [field for field in lessons if field not in aside], aside
    (only,) = lessons
    column = round(only.image.shape[1] * (1 - ASIDE_SHARE))
    left, right = (
        Field(f"{only.stem}, {side}", only.image[:, part], only.labels[:, part], only.nm_per_px)
        for side, part in (("left", slice(column)), ("right", slice(column, None)))
    )
    wide = min(right.image.shape) >= 32
    return ([left], [right]) if wide and left.labels.any() and right.labels.any() else ([], [])


def score(network: DeployedParticleNet, judgement: Judgement, fields: Sequence[Field]) -> Scores:
    """Return how well a network finds the particles of fields."""
    dices, found = [], Matching(0, 0, 0, 0.0)
    for field in fields:
        labels = find_particles(network, judgement, field.image)
        dices.append(dice(field.labels > 0, labels > 0))
        found += match_labels(field.labels, labels, (0.5,))[0]
    return Scores(float(np.mean(dices)), found.average_precision, len(fields))


def find_particles(
    network: DeployedParticleNet, judgement: Judgement, grey: NDArray[np.uint8]
) -> NDArray[np.int32]:
    """Return the labels [H, W] that a bundle with this network would find, in float32."""
    look = look_closely(maps_on(network, grey, torch.device("cpu")), grey.shape)
    found = LookPrediction(look, grey.shape, judgement, find_overlays(grey)).decode()
    return drop_small(found.labels, MIN_AREA_PX)
