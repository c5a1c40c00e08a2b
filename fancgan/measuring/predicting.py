"""A field of view as a network sees it, and what is odd about that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fancgan.measuring.field_of_view import FieldOfView
from fancgan.measuring.settings import Settings
from fancgan.microscopy.formats.stored import MAX_PIXELS
from fancgan.microscopy.micrograph import MIN_SIDE_PX
from fancgan.networks.config import STAT_INDEX
from fancgan.segmentation.finding import Found
from fancgan.segmentation.prediction import CorePrediction, Prediction

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

SAME_SCALE = 1.15  # scales that differ by less are the network's own
UNLIKE_SD = 5.0
CROWDED = 0.7  # more of a field than that is no particle layer that the TiO2 bundles know
NOTHING = "No particle was found: is the picture like those that the model knows?"


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network says of a field, in native pixels; warnings: in sentences."""

    prediction: Prediction
    warnings: tuple[str, ...] = ()

    def find(self, settings: Settings) -> Found:
        """Return the particles, before any correction by hand."""
        return self.prediction.decode(split=settings.split, min_area_px=settings.min_area_px)


def network_zoom(field: FieldOfView, nm_per_px: float | None) -> float:
    """Return by how much to enlarge a field for a network trained at nm_per_px; 1 is as it is.

    Held so that the picture neither grows beyond MAX_PIXELS nor shrinks below MIN_SIDE_PX.
    """
    if not nm_per_px or not field.nm_per_px:
        return 1.0
    zoom = field.nm_per_px / nm_per_px
    if 1 / SAME_SCALE < zoom < SAME_SCALE:
        return 1.0
    most = math.sqrt(MAX_PIXELS / field.pixels.size)
    return min(max(zoom, MIN_SIDE_PX / min(field.pixels.shape)), most)


def predict(pipe: Pipeline, field: FieldOfView, settings: Settings) -> Seen:
    """Run the network over a field, at the scale that it knows or that the particles want."""
    grey = 255 - field.grey if settings.invert else field.grey
    if pipe.any_scale:
        return Seen(pipe.predict(grey, diameter_px=settings.diameter_px))
    zoom = network_zoom(field, pipe.nm_per_px) if settings.rescale else 1.0
    seen = grey if zoom == 1 else _resized(grey, zoom)
    prediction = pipe.predict(seen)
    assert isinstance(prediction, CorePrediction)
    warnings = tuple(_warnings(pipe, seen, prediction.prob, zoom))
    return Seen(_native(prediction, grey.shape, zoom) if zoom != 1 else prediction, warnings)


def _resized(grey: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    from skimage.transform import resize

    sides = [max(MIN_SIDE_PX, round(side * zoom)) for side in grey.shape]
    seen = resize(grey, sides, order=1, preserve_range=True, anti_aliasing=zoom < 1)
    return np.rint(seen).astype(np.uint8)


def _native(prediction: CorePrediction, shape: tuple[int, int], zoom: float) -> CorePrediction:
    from skimage.transform import resize

    maps = (prediction.prob, prediction.core)
    prob, core = (resize(m, shape, order=1, anti_aliasing=zoom > 1) for m in maps)
    return CorePrediction(
        prob.astype(np.float32, copy=False),
        core.astype(np.float32, copy=False),
        prediction.point,
        zoom,
    )


def _warnings(pipe: Pipeline, grey: NDArray, prob: NDArray, zoom: float) -> list[str]:
    """What is odd about a picture [H, W] as the network saw it."""
    particle = prob > pipe.threshold
    if not particle.any():
        return [NOTHING]
    style = pipe.measure_style(grey, particle)  # in deviations of the training images
    levels = np.abs(style[[STAT_INDEX["background_mean"], STAT_INDEX["particle_mean"]]])
    words = []
    if particle.mean() > CROWDED or (levels > UNLIKE_SD).any():
        words.append(
            "This picture looks unlike those that the model knows: judge the outlines by eye. For "
            "particles darker than their ground choose 'dark particles' (--invert), or the model "
            "particles, which knows many kinds."
        )
    if zoom != 1:
        words.append(
            f"The network saw the picture at {zoom:.2g} times its size, the scale of its training "
            "images; sizes are measured in the picture itself."
        )
    return words
