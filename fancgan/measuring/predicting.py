"""A field of view as a network sees it, and what is odd about that."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fancgan.measuring.field_of_view import FieldOfView
from fancgan.measuring.settings import Settings
from fancgan.microscopy.formats.stored import MAX_PIXELS
from fancgan.microscopy.micrograph import MIN_SIDE_PX
from fancgan.microscopy.regions import without_boxes
from fancgan.networks.config import STAT_INDEX
from fancgan.segmentation.finding import Found
from fancgan.segmentation.prediction import CorePrediction, LookPrediction, Prediction

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
    """What the network says of a field below its top_rows, in native pixels.

    warnings: in sentences.
    """

    prediction: Prediction
    warnings: tuple[str, ...] = ()
    top_rows: int = 0

    def find(self, settings: Settings) -> Found:
        """Return the particles of the whole field, before any correction by hand."""
        prediction = self.prediction
        if settings.written is not None and isinstance(prediction, LookPrediction):
            shape = (self.top_rows + prediction.shape[0], prediction.shape[1])
            free = without_boxes(np.ones(shape, bool), settings.written)
            prediction = dataclasses.replace(prediction, overlays=~free[self.top_rows :])
        found = prediction.decode(
            split=settings.split,
            threshold=settings.threshold,
            min_area_px=settings.min_area_px,
        )
        if not self.top_rows:
            return found
        return dataclasses.replace(found, labels=np.pad(found.labels, ((self.top_rows, 0), (0, 0))))

    def boxes(self, settings: Settings) -> list[list[int]]:
        """Return (x, y, width, height) of words and scale bars, as found or as the settings say."""
        if settings.written is not None:
            return list(settings.written)
        prediction = self.prediction
        if not isinstance(prediction, LookPrediction) or prediction.overlays is None:
            return []
        return [
            [x.start, y.start + self.top_rows, x.stop - x.start, y.stop - y.start]
            for y, x in ndimage.find_objects(ndimage.label(prediction.overlays)[0])
        ]


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
    return min(max(zoom, MIN_SIDE_PX / min(field.sought.shape)), most)


def _wanted_zoom(field: FieldOfView, nm_per_px: float | None) -> float:
    return field.nm_per_px / nm_per_px if nm_per_px and field.nm_per_px else 1.0


def predict(pipe: Pipeline, field: FieldOfView, settings: Settings) -> Seen:
    """Run the network over a field, at the scale that it knows or that the particles want."""
    grey = 255 - field.sought if settings.invert else field.sought
    if pipe.any_scale:
        return Seen(pipe.predict(grey, diameter_px=settings.diameter_px), (), field.top_rows)
    zoom = network_zoom(field, pipe.nm_per_px) if settings.rescale else 1.0
    seen = grey if zoom == 1 else _resized(grey, zoom)
    prediction = pipe.predict(seen)
    assert isinstance(prediction, CorePrediction)
    warnings = _warnings(pipe, seen, prediction.prob, zoom)
    if settings.rescale and _wanted_zoom(field, pipe.nm_per_px) > max(zoom, SAME_SCALE):
        warnings.append(HELD.format(zoom))
    native = _native(prediction, grey.shape, zoom) if zoom != 1 else prediction
    return Seen(native, tuple(warnings), field.top_rows)


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
            "particles darker than their ground choose 'dark particles' (invert), or the model "
            "particles, which knows many kinds."
        )
    if zoom != 1:
        words.append(
            f"The network saw the picture at {zoom:.2g} times its size, the scale of its training "
            "images; sizes are measured in the picture itself."
        )
    return words
