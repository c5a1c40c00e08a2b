"""Several data sets to learn from at once, and the crops of them by number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from fancgan.datasets.fields import Field, list_files, load_field, read_papers
from fancgan.datasets.sources import DataSource
from fancgan.errors import UserError
from fancgan.particles.instances import drop_small
from fancgan.training.any_particle.config import ParticleTrainConfig
from fancgan.training.any_particle.crops import TrainingPicture, draw_crop
from fancgan.training.any_particle.strange import KINDS, strange_picture

# What a crop is drawn for: streams of random numbers that do not meet.
MEASURING, VALIDATION = 1, 2


@dataclass(frozen=True, eq=False)
class PictureSet:
    """The fields of one data set; weight: how often one is drawn, relative to other sets'.

    aside: training fields that the network never sees, for what is learned about its maps. papers:
    the source of those stems that have one named.
    """

    name: str
    weight: float
    train: list[Field]
    val: list[Field]
    aside: list[Field]
    papers: dict[str, str]

    def source_of(self, field: Field) -> str:
        """Return what images of one source have in common: they are alike, and stay together."""
        return self.papers.get(field.stem, f"{self.name}/{field.stem}")


def load_sets(sources: Sequence[DataSource], aside_every: int) -> list[PictureSet]:
    """Load the fields of each; a set may lack val. UserError as in load_fields.

    aside_every: one source of training images in so many is kept aside; 0 keeps none.
    """
    sets = []
    for source in sources:
        listing = list_files(source.path, source.modality)
        if not listing.stems("train"):
            raise UserError(f"{listing.root} has no train images; add image / mask pairs.")
        papers = read_papers(listing.root)
        stems: dict[str, list[str]] = {"train": [], "val": listing.stems("val"), "aside": []}
        for stem in listing.stems("train"):
            apart = is_aside(papers.get(stem, stem), aside_every)
            stems["aside" if apart else "train"].append(stem)
        if not stems["train"]:
            stems["train"], stems["aside"] = stems["aside"], []
        parts = {part: [load_field(listing, s) for s in names] for part, names in stems.items()}
        sets.append(PictureSet(source.name, source.weight, **parts, papers=papers))
    names = [pictures.name for pictures in sets]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--data names {name} twice; give it once, with a weight: {name}=2.")
    return sets


def is_aside(paper: str, every: int) -> bool:
    """Whether the images of a source are kept aside: the same in every run and for every set."""
    return every > 0 and int(hashlib.sha1(paper.encode()).hexdigest(), 16) % every == 0


def describe_sets(sets: Sequence[PictureSet]) -> dict:
    """Return what a run's record says of its data."""
    return {
        "sets": [each.name for each in sets],
        "weights": [each.weight for each in sets],
        "train_stems": {each.name: [f.stem for f in each.train] for each in sets},
        "val_stems": {each.name: [f.stem for f in each.val] for each in sets},
        "aside_stems": {each.name: [f.stem for f in each.aside] for each in sets},
    }


def training_picture(field: Field) -> TrainingPicture:
    """Return a field with what is measured of its particles, numbered without gaps."""
    return TrainingPicture(field.image, drop_small(field.labels, 1))


def spread(items: Sequence, count: int) -> list:
    """Return `count` of the items at most, evenly over their order."""
    count = min(count, len(items))
    return [items[(2 * k + 1) * len(items) // (2 * count)] for k in range(count)]


class PictureDraw(Dataset):
    """Draws training images: sets in proportion to their weight times the number of their images,
    each of which is alike.
    """

    def __init__(self, sets: Sequence[PictureSet]):
        self.names = [each.name for each in sets]
        self.pictures = [[training_picture(f) for f in each.train] for each in sets]
        shares = np.array([each.weight * len(each.train) for each in sets])
        self.limits = np.cumsum(shares / shares.sum())[:-1]

    def choose(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return numbers of the set, and of the image in it."""
        chosen = int(np.searchsorted(self.limits, rng.random(), side="right"))
        return chosen, int(rng.integers(len(self.pictures[chosen])))


class ParticleCrops(PictureDraw):
    """Item i: a crop of a random training image, a function of (seed, i) alone.

    image float32 [1, S, S], targets [6, S, S] and weights [3, S, S] as `Crop` has them. Now and
    then there is nothing to find (strange.py).
    """

    def __init__(self, sets: Sequence[PictureSet], config: ParticleTrainConfig):
        super().__init__(sets)
        self.config = config

    def draw(self, rng: np.random.Generator) -> dict[str, Tensor]:
        if self.config.strange_share and rng.random() < self.config.strange_share:
            _, grey = strange_picture(rng, int(rng.integers(len(KINDS))))
            nothing = TrainingPicture(grey, np.zeros(grey.shape, np.int32))
            return _tensors(rng, nothing, self.config.crop_px)
        chosen, number = self.choose(rng)
        return _tensors(rng, self.pictures[chosen][number], self.config.crop_px)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.draw(np.random.default_rng([self.config.seed, index]))

    def images_to_measure(self, batches: int) -> Iterator[Tensor]:
        """Batches of images [N, 1, S, S] that the encoder's statistics are measured on."""
        for batch in range(batches):
            rng = np.random.default_rng([self.config.seed, batch, MEASURING])
            drawn = [self.draw(rng)["image"] for _ in range(self.config.batch_size)]
            yield torch.stack(drawn)


def validation_batches(
    sets: Sequence[PictureSet], config: ParticleTrainConfig
) -> list[dict[str, Tensor]]:
    """Return the same `val_crops` crops for every run on these data, from images all over them."""
    fields = [field for each in sets for field in each.val]
    if not fields or not config.val_crops:
        return []
    crops = []
    for number, field in enumerate(spread(fields, config.val_crops)):
        picture = training_picture(field)
        for index in range(number, config.val_crops, min(len(fields), config.val_crops)):
            rng = np.random.default_rng([0, index, VALIDATION])
            crops.append(_tensors(rng, picture, config.crop_px))
    size = config.batch_size
    return [default_collate(crops[k : k + size]) for k in range(0, len(crops), size)]


def _tensors(rng: np.random.Generator, picture: TrainingPicture, size: int) -> dict[str, Tensor]:
    crop = draw_crop(rng, picture, size)
    return {
        "image": torch.from_numpy(crop.image)[None],
        "targets": torch.from_numpy(crop.targets),
        "weights": torch.from_numpy(crop.weights),
    }
