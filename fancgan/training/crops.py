"""Native-resolution training crops, each a function of (seed, index) alone.

No state is kept between crops: a resumed training, or one on several processes, draws what an
undisturbed one would.
"""

from __future__ import annotations

import signal

import numpy as np
import torch
from skimage.measure import regionprops
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.networks.config import GREY_PER_UNIT
from fancgan.networks.particle_brightness import mean_map
from fancgan.particles.core_targets import particle_cores, small_particle_weights
from fancgan.training.config import TrainConfig

MIN_DIAMETER_PX = 6.0  # below this a drawn layout has no shapes
WHOLE_OVER_VISIBLE = 1.22  # median diameter of laid-out particles over that of what is seen of them
COVERED_SHARE = 0.75  # of the crops show particles on at least COVERAGE of their area
COVERAGE = 0.03
TRIES = 12
SMALL_SHARE = 0.2  # of the crops have a small particle within, and off their edges
SMALL_DIAMETER = 0.6  # of the median
MIN_SMALL_PX = 4.0
EDGE_PX = 12


def _window(field: Field, size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    top, left = (rng.integers(side - size + 1) for side in field.image.shape)
    return slice(top, top + size), slice(left, left + size)


def _choose_window(field: Field, size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    want_particles = rng.random() < COVERED_SHARE
    for _ in range(TRIES):
        window = _window(field, size, rng)
        if (field.mask[window].mean() >= COVERAGE) == want_particles:
            break
    return window


def _window_around(
    field: Field, size: int, middle: tuple[float, float], rng: np.random.Generator
) -> tuple[slice, slice]:
    """A window that shows a place EDGE_PX off its edges, or as near to that as the frame allows."""
    slices = []
    for at, side in zip(middle, field.image.shape, strict=True):
        first, last = (
            int(np.clip(at - inside, 0, side - size)) for inside in (size - EDGE_PX, EDGE_PX)
        )
        start = int(rng.integers(first, last + 1))
        slices.append(slice(start, start + size))
    return slices[0], slices[1]


def _small_particles(fields: list[Field], diameter_px: float) -> list[tuple[int, tuple]]:
    """Field number and middle (y, x) of the particles small beside a diameter, but no specks."""
    return [
        (number, particle.centroid)
        for number, field in enumerate(fields)
        for particle in regionprops(field.labels)
        if MIN_SMALL_PX <= particle.equivalent_diameter_area < SMALL_DIAMETER * diameter_px
    ]


def _tensor(array: np.ndarray, turns: int, flip: bool) -> Tensor:
    array = np.rot90(array, turns)
    array = np.fliplr(array) if flip else array
    return torch.from_numpy(array.astype(np.float32))[None]


def median_diameter_px(fields: list[Field]) -> float:
    """Median equal-area diameter of all particles, in pixels, at least MIN_DIAMETER_PX."""
    areas = np.concatenate([np.bincount(f.labels.ravel())[1:] for f in fields])
    areas = areas[areas > 0]
    return max(MIN_DIAMETER_PX, float(np.median(np.sqrt(4 * areas / np.pi))))


class CropDataset(Dataset):
    """Item i: image and mask of a random crop, and another mask to paint in a random style.

    image float32 [1, S, S] in [-1, 1]; mask and other_mask, and their cores (core_targets.py),
    float32 [1, S, S] in {0, 1}; core_weight float32 [1, S, S], 1 and more: how much each pixel of
    the core counts; brightness: the mean grey level of the particle at each pixel, 0 in the
    background, float32 [1, S, S]; field: number of the training field. No rescaling. Flips and half
    turns; quarter turns for other masks and for the crops that the segmenter alone sees. What is to
    be painted has a direction: noise and charging run along the scan, and a generator trained on
    turned images paints what no microscope shows.
    """

    def __init__(self, fields: list[Field], config: TrainConfig):
        self.fields, self.config = fields, config
        self._per_batch = config.batch_size + config.segmenter_batch
        self.diameter_px = min(median_diameter_px(fields), config.crop_px / 3)
        self.known = [
            {
                "image": f.image,
                "mask": f.mask,
                "core": particle_cores(f.mask),
                "core_weight": small_particle_weights(f.labels, self.diameter_px),
                "brightness": mean_map(f.image, f.labels),
            }
            for f in fields
        ]
        self.small = _small_particles(fields, self.diameter_px)
        for f in fields:
            if min(f.image.shape) < config.crop_px:
                raise UserError(
                    f"{f.stem} is {f.image.shape[1]} x {f.image.shape[0]} pixels, smaller than "
                    f"the crops of {config.crop_px}; choose a smaller --crop-px or larger images."
                )

    def __len__(self) -> int:
        return 2**62

    def centres(self) -> Tensor:
        """The central crop of every field: [n, 1, S, S] in [-1, 1]."""
        size = self.config.crop_px
        crops = []
        for field in self.fields:
            top, left = ((side - size) // 2 for side in field.image.shape)
            crops.append(field.image[top : top + size, left : left + size])
        return torch.from_numpy(np.stack(crops).astype(np.float32))[:, None] / GREY_PER_UNIT - 1

    def reference(self, count: int) -> Tensor:
        """Images [count, 1, S, S] in [-1, 1] of crops drawn as those that are trained on."""
        rng = np.random.default_rng([self.config.seed, len(self)])
        turned = self.config.quarter_turns
        drawn = (self._pair(rng, turned)["image"] for _ in range(count))
        return torch.stack([torch.as_tensor(image) for image in drawn])

    def _other_mask(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A mask from elsewhere, drawn or real, and its cores."""
        size = self.config.crop_px
        if rng.random() < self.config.procedural_share:
            from fancgan.layouts.config import LayoutConfig
            from fancgan.layouts.layout import make_layout, to_mask

            seed, d50 = int(rng.integers(2**31)), WHOLE_OVER_VISIBLE * self.diameter_px
            layout = LayoutConfig(height=size, width=size, seed=seed, d50_nm=d50, nm_per_px=1.0)
            mask = to_mask(make_layout(layout))
            return mask, particle_cores(mask)
        number = rng.integers(len(self.fields))
        window = _choose_window(self.fields[number], size, rng)
        return self.fields[number].mask[window], self.known[number]["core"][window]

    def _pair(self, rng: np.random.Generator, quarter_turns: float) -> dict[str, Tensor | int]:
        """The number of a field, and what is known of a crop of it.

        quarter_turns: probability that it is turned by 90 degrees.
        """
        size = self.config.crop_px
        if self.small and rng.random() < SMALL_SHARE:
            number, middle = self.small[rng.integers(len(self.small))]
            window = _window_around(self.fields[number], size, middle, rng)
        else:
            number = int(rng.integers(len(self.fields)))
            window = _choose_window(self.fields[number], size, rng)
        turns = 2 * int(rng.integers(2)) + int(rng.random() < quarter_turns)
        flip = bool(rng.integers(2))
        known = self.known[number].items()
        found = {name: _tensor(array[window], turns, flip) for name, array in known}
        found["image"] = found["image"] / GREY_PER_UNIT - 1
        return found | {"field": number}

    def __getitem__(self, index: int) -> dict[str, Tensor | int]:
        rng = np.random.default_rng([self.config.seed, index])
        painted = index % self._per_batch < self.config.batch_size
        pair = self._pair(rng, self.config.quarter_turns if painted else 0.5)
        mask, core = self._other_mask(rng)
        turned = int(rng.integers(4)), bool(rng.integers(2))
        return pair | {"other_mask": _tensor(mask, *turned), "other_core": _tensor(core, *turned)}


def crop_indices(step: int, batch_size: int, rank: int, world_size: int) -> list[int]:
    """Indices of the crops of one step on one process: disjoint over steps and processes."""
    first = (step * world_size + rank) * batch_size
    return list(range(first, first + batch_size))


def crop_loader(
    dataset: CropDataset, start: int, stop: int, *, rank: int, world_size: int
) -> DataLoader:
    """Batches of the steps start ... stop - 1 for one process, all its micro-batches together.

    Each micro-batch is batch_size crops to paint, then segmenter_batch more.
    """
    config = dataset.config
    count = config.accumulate * (config.batch_size + config.segmenter_batch)
    batches = [crop_indices(k, count, rank, world_size) for k in range(start, stop)]
    return batch_loader(dataset, batches, workers=config.workers, seed=config.seed)


def batch_loader(
    dataset: Dataset, batches: list[list[int]], *, workers: int, seed: int
) -> DataLoader:
    """Batches of items that are functions of their index, given the indices of each."""
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(seed),
        worker_init_fn=_leave_signals_to_the_training,
    )


def _leave_signals_to_the_training(worker: int) -> None:
    """Ctrl-C and a scheduler's SIGTERM reach all processes; the training still needs its crops."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
