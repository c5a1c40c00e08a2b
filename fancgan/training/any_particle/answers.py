"""What a network says of one picture, held against the truth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.particles.matching import iou_matrix, match
from fancgan.segmentation.classifier import SmallClassifier
from fancgan.segmentation.confidence import particle_features, picture_features
from fancgan.segmentation.finding import MIN_AREA_PX, numbers_of
from fancgan.segmentation.fragments import Fragments, cut_into_fragments
from fancgan.segmentation.from_maps import at_size, particles_from_maps
from fancgan.segmentation.joining import FEATURES, Contact, join, noise_score, pair_features
from fancgan.segmentation.looking import Look, look_closely
from fancgan.training.any_particle.exams import Exam
from fancgan.training.any_particle.validation import maps_on

SURE_OVERLAP = 0.55  # share of a fragment that lies in one true particle, to say whose it is
RIGHT_IOU = 0.5


@dataclass(frozen=True, eq=False)
class Answer:
    """An exam and the maps of it, in half precision."""

    exam: Exam
    look: Look

    @property
    def maps(self) -> NDArray[np.float32]:
        return self.look.maps.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Decoded:
    """The particles found in a picture: n of them, of which some are right.

    prob, labels [h, w] of the maps; features [n, len(PARTICLE_FEATURES)]; overlaps [n_true, n], IoU
    with the true ones; large [n]: whether they have MIN_AREA_PX. first_px, typical_px: diameters.
    """

    prob: NDArray[np.float32]
    labels: NDArray[np.int32]
    features: NDArray[np.float64]
    overlaps: NDArray[np.float64]
    large: NDArray[np.bool_]
    first_px: float
    typical_px: float

    @property
    def right(self) -> NDArray[np.float64]:
        """1 for each particle that has an IoU of RIGHT_IOU with a true one, else 0."""
        return np.asarray((self.overlaps >= RIGHT_IOU).any(axis=0), np.float64)

    def scores(self, kept: NDArray[np.bool_]) -> tuple[float, float]:
        """Return AP50 and F1 of the particles kept [n]; F1 is 0 where none is: it has no worth."""
        found = match(self.overlaps[:, kept & self.large], RIGHT_IOU)
        pairs = 2 * found.tp + found.fp + found.fn
        return found.average_precision, 2 * found.tp / max(pairs, 1)

    def picture(self, confidence: NDArray[np.float64], least: float) -> list[float]:
        """The features of the picture where particles below `least` are left out."""
        kept = self.large & (confidence >= least)
        labels = numbers_of(kept)[self.labels]
        return picture_features(self.prob, labels, confidence[kept], self.first_px, self.typical_px)


def answer(network: DeployedParticleNet, exam: Exam, device: torch.device) -> Answer:
    """Look at the picture as serving does."""
    maps_at = maps_on(network, exam.grey, device)
    look = look_closely(maps_at, exam.grey.shape, exam.diameter_px)
    return Answer(exam, dataclasses.replace(look, maps=look.maps.astype(np.float16)))


def pairs_to_join(
    given: Answer, threshold: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return features [rows, len(FEATURES)] of touching fragments, and whether they are one.

    Those of one particle are joined in a random order, so that half-joined ones are among the rows.
    Fragments that lie in no one particle teach nothing.
    """
    fragments = join(cut_into_fragments(given.maps, threshold), noise_score, least=0.0)
    owner, sure = _owners(fragments, given.exam.labels)
    rows: list[list[float]] = []
    same: list[float] = []

    def teach(state: Fragments, a: int, b: int, contact: Contact) -> float:
        if not (sure[a] and sure[b]):
            return 0.0
        rows.append(pair_features(state, a, b, contact))
        same.append(float(owner[a] == owner[b]))
        return same[-1] * rng.random()

    join(fragments, teach, least=0.0)
    return np.array(rows).reshape(len(rows), len(FEATURES)), np.array(same)


def _owners(
    fragments: Fragments, labels: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each fragment the true particle that most of it lies in, and whether that is sure."""
    shape = zip(fragments.labels.shape, labels.shape, strict=True)
    index = [((np.arange(n) + 0.5) * side / n).astype(int) for n, side in shape]
    count, true_count = len(fragments.peak), int(labels.max(initial=0)) + 1
    pairs = fragments.labels.astype(np.int64) * true_count + labels[np.ix_(*index)]
    shared = np.bincount(pairs.ravel(), minlength=count * true_count).reshape(count, true_count)
    area = shared.sum(1)
    shared[:, 0] = 0
    return shared.argmax(1), shared.max(1) > SURE_OVERLAP * area


def decode(given: Answer, joiner: SmallClassifier, threshold: float) -> Decoded:
    """Find the particles as serving does, all of them, and hold them against the true ones."""
    look, maps, truth = given.look, given.maps, given.exam.labels
    typical = look.diameter_px * look.scale
    particles = particles_from_maps(maps, joiner, threshold)
    labels = at_size(particles.labels, maps[0], truth.shape, threshold)
    count = len(particles.peak) - 1
    overlaps = iou_matrix(truth, labels)
    return Decoded(
        prob=maps[0],
        labels=particles.labels,
        features=particle_features(maps, particles, joiner, typical),
        overlaps=np.pad(overlaps, ((0, 0), (0, count - overlaps.shape[1]))),
        large=np.bincount(labels.ravel(), minlength=count + 1)[1:] >= MIN_AREA_PX,
        first_px=look.first_diameter_px * look.scale,
        typical_px=typical,
    )
