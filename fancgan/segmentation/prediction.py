"""What a segmenter sees in one picture, and the particles in that: decoded as often as one likes.

There are two kinds of segmenters. One knows one scale and says where particles and their cores
are; the other looks at a picture at the scale that its particles want (looking.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

from fancgan.particles.instances import decode_instances
from fancgan.segmentation.finding import MIN_AREA_PX, Found, Judgement, decode_look
from fancgan.segmentation.from_maps import JOIN_THRESHOLD
from fancgan.segmentation.looking import Look

SMALLEST_CORE = 1 / 8  # of the operating point's, at the strongest split
MOST_PARTED = 0.98  # join threshold at the strongest split


class Prediction(Protocol):
    """What `Pipeline.predict` returns."""

    @property
    def prob(self) -> NDArray[np.float32]:
        """Probability of "particle", float32 [H, W] in [0, 1]."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""

    def decode(
        self, *, split: float = 0.0, threshold: float | None = None, min_area_px: int | None = None
    ) -> Found:
        """Find the particles.

        split: -1 makes one particle of all that touch, 1 parts most, 0 is the bundle's own way.
        threshold on the probability, and min_area_px, the smallest area in pixels of the picture;
        None is the bundle's.
        """


@dataclass(frozen=True, eq=False)
class CorePrediction:
    """Probabilities of "particle" and "particle core", float32 [H, W], of a fixed-scale segmenter.

    point: the bundle's operating point. zoom: by how much the picture was enlarged for the network.
    """

    prob: NDArray[np.float32]
    core: NDArray[np.float32]
    point: dict
    zoom: float = 1.0

    @property
    def nbytes(self) -> int:
        return self.prob.nbytes + self.core.nbytes

    def decode(
        self, *, split: float = 0.0, threshold: float | None = None, min_area_px: int | None = None
    ) -> Found:
        """See Prediction. Such a segmenter has no confidence and no typical diameter."""
        point = split_point(self.point, split, self.zoom)
        given = {"threshold": threshold, "min_area_px": min_area_px}
        point |= {name: value for name, value in given.items() if value is not None}
        return Found(decode_instances(self.prob, self.core, **point))


def split_point(point: dict, split: float, zoom: float = 1.0) -> dict:
    """Return the arguments of `decode_instances` for a split strength, in native pixels.

    Above 0 smaller cores come apart; below 0 only larger ones do, and the cores grow together
    until, at -1, what is connected is one particle.
    """
    area = 1 / zoom**2  # native pixels for each pixel that the network saw
    joined = max(1 + min(split, 0.0), 1e-6)  # 1 at 0 and above, to nothing at -1
    core_px = point["min_core_px"] * area / joined * SMALLEST_CORE ** max(split, 0.0)
    return {
        "threshold": point["threshold"],
        "core_threshold": point["core_threshold"] * joined,
        "min_core_px": max(1, round(core_px)),
        "min_area_px": max(1, round(point["min_area_px"] * area)),
    }


@dataclass(frozen=True, eq=False)
class LookPrediction:
    """The maps of the particle network, of a picture of height and width `shape`.

    overlays: bool [H, W], words and scale bars burnt into the picture; what is found mostly in
    there is no particle.
    """

    look: Look
    shape: tuple[int, int]
    judgement: Judgement
    overlays: NDArray[np.bool_] | None = None

    @property
    def nbytes(self) -> int:
        return self.look.maps.nbytes

    @cached_property
    def prob(self) -> NDArray[np.float32]:
        factors = [n / m for n, m in zip(self.shape, self.look.maps.shape[1:], strict=True)]
        fine = zoom(self.look.maps[0], factors, order=1, mode="nearest", grid_mode=True)
        return fine.astype(np.float32, copy=False)

    def decode(
        self, *, split: float = 0.0, threshold: float | None = None, min_area_px: int | None = None
    ) -> Found:
        """See Prediction."""
        reach = JOIN_THRESHOLD if split < 0 else MOST_PARTED - JOIN_THRESHOLD
        return decode_look(
            self.look,
            self.shape,
            self.judgement,
            threshold=threshold,
            join_threshold=JOIN_THRESHOLD + split * reach,
            min_area_px=MIN_AREA_PX if min_area_px is None else min_area_px,
            overlays=self.overlays,
        )
