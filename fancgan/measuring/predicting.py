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
# A typical training particle (29 px) is 4 px in a picture that wants more than that.
MAX_ZOOM = 8.0
MAX_ENLARGED_PX = 8_000_000
UNLIKE_SD = 5.0
CROWDED = 0.7  # more of a field than that is no particle layer that the TiO2 bundles know
NOTHING = "No particle was found: is the picture like those that the model knows?"
HELD = (
    "At this pixel size the network wants the picture enlarged more than the {:.2g} times that are "
    "worked on: check the pixel size, or choose the model particles, which needs none."
)


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

    Held to MAX_ZOOM and to MAX_ENLARGED_PX (large pictures: to SAME_SCALE, within MAX_PIXELS); no
    side shrinks below MIN_SIDE_PX.
    """
    zoom = _wanted_zoom(field, nm_per_px)
    if 1 / SAME_SCALE < zoom < SAME_SCALE:
        return 1.0
    affordable, limit = (math.sqrt(n / field.pixels.size) for n in (MAX_ENLARGED_PX, MAX_PIXELS))
    most = min(max(affordable, SAME_SCALE), limit, MAX_ZOOM)
    return min(max(zoom, MIN_SIDE_PX / min(field.pixels.shape)), most)


def _wanted_zoom(field: FieldOfView, nm_per_px: float | None) -> float:
    return field.nm_per_px / nm_per_px if nm_per_px and field.nm_per_px else 1.0


def predict(pipe: Pipeline, field: FieldOfView, settings: Settings) -> Seen:
    """Run the network over a field, at the scale that it knows or that the particles want."""
    grey = 255 - field.grey if settings.invert else field.grey
    if pipe.any_scale:
        return Seen(pipe.predict(grey, diameter_px=settings.diameter_px))
    zoom = network_zoom(field, pipe.nm_per_px) if settings.rescale else 1.0
    seen = grey if zoom == 1 else _resized(grey, zoom)
    prediction = pipe.predict(seen)
    assert isinstance(prediction, CorePrediction)
    warnings = _warnings(pipe, seen, prediction.prob, zoom)
    if settings.rescale and _wanted_zoom(field, pipe.nm_per_px) > max(zoom, SAME_SCALE):
        warnings.append(HELD.format(zoom))
    native = _native(prediction, grey.shape, zoom) if zoom != 1 else prediction
    return Seen(native, tuple(warnings))


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
