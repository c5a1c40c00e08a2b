"""What may help where a model doubts its outlines, and a model that knows the picture better."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fancgan.measuring import overlay
from fancgan.measuring.field_of_view import FieldOfView, scale_of
from fancgan.measuring.settings import Settings
from fancgan.microscopy import image_files
from fancgan.microscopy.regions import inside
from fancgan.networks.config import STAT_INDEX
from fancgan.particles.labels import with_centroid_in
from fancgan.segmentation.typical_diameter import (
    CANONICAL_PX,
    MAX_DIAMETER_PX,
    overview_scale,
)
from fancgan.ui import wire
from fancgan.ui.segment.open_file import for_model

if TYPE_CHECKING:
    from fancgan.ui.models import Models
    from fancgan.ui.segment.open_file import OpenFile
    from fancgan.ui.segment.open_files import OpenFiles

SECONDS = 3.0  # what is not begun by then is not proposed
THUMBNAIL_PX = 240
# Of the diameter looked for.
FACTORS = {"smaller particles": 0.5, "much smaller particles": 0.25, "larger particles": 2.0}
# Halves and quarters of a picture, at every quarter: area, left, top, width, height.
PARTS = [
    (w * h, x / 4, y / 4, w, h)
    for w, h in ((0.5, 1.0), (1.0, 0.5), (0.5, 0.5))
    for x in range(5 - round(4 * w))
    for y in range(5 - round(4 * h))
]
FEWEST_IN_PART = 5
SAME_SCALE = 1.5  # pixel sizes that differ by no more than this factor
ALIKE_SD = 2.5  # mean grey levels, in deviations of a model's training images


def proposals(models: Models, open_files: OpenFiles) -> Iterator[dict]:
    """Yield what to try in place of the outlines of the file on top, each as soon as it is known.

    Where nobody says the pixel size: the scale bar in the picture, "bar" being its ends. Where the
    model doubts them: a part of the picture that it trusts, other diameters and models that find
    something else, with "image", a small preview as data URL, "count" and "confidence". Where it
    trusts them: a model that was trained on such pictures, in words. "action" is what the page asks
    for to have it.
    """
    file = open_files.file
    if not file.result.field.nm_per_px and (bar := file.scale_bar):
        yield {
            "words": f"Scale bar: {bar.words}: take it?",
            "action": {"do": "set", "values": scale_of(bar)},
            "bar": [[bar.left, bar.row], [bar.right, bar.row]],
        }
    if not models.get(file.model).any_scale:
        return
    if not file.result.measured.doubt:
        yield from _better_known(models, file)
    elif file.result.measured.withheld:
        end, known = time.monotonic() + SECONDS, [file.result.labels]
        if time.monotonic() < end:
            yield from _trusted_part(file)
        for words, model, settings, action in _alternatives(models, open_files):
            if time.monotonic() > end:
                return
            view, found = file.look(models.get(model), settings)
            labels, sure = found.judged.found.labels, found.judged.confidence
            if labels.any() and not any(np.array_equal(labels, other) for other in known):
                known.append(labels)
                yield {
                    "words": words,
                    "action": action,
                    "image": _preview(view, labels),
                    "count": int(len(np.unique(labels)) - 1),
                    "confidence": None if sure is None else round(sure, 2),
                }


def _trusted_part(file: OpenFile) -> Iterator[dict]:
    """Yield the largest half or quarter of the picture whose outlines the model trusts."""
    found, view = file.finding.judged.found, file.result.field
    if found.evidence is None or file.settings.regions:
        return
    height, width = found.labels.shape
    below = height - view.top_rows
    best: tuple[float, float, dict, np.ndarray] | None = None
    for share, left, top, wide, high in PARTS:
        x, y = round(left * width), view.top_rows + round(top * below)
        right, bottom = x + round(wide * width), y + round(high * below)
        where = np.zeros((height, width), bool)
        where[y:bottom, x:right] = True
        labels = with_centroid_in(found.labels, where)
        score = found.evidence.score(where[view.top_rows :])
        count = len(np.unique(labels)) - 1
        trusted = score >= found.evidence.least and count >= FEWEST_IN_PART
        if trusted and (best is None or (share, score * count) > best[:2]):
            corners = [[x, y], [right, y], [right, bottom], [x, bottom]]
            best = share, score * count, {"use": "include", "points": corners}, labels
    if best:
        _, expected, region, labels = best
        count = len(np.unique(labels)) - 1
        yield {
            "words": "this part alone",
            "action": {"do": "set", "values": {"regions": [region]}},
            "image": _preview(view, labels, region),
            "count": count,
            "confidence": round(expected / count, 2),
        }


def _alternatives(
    models: Models, open_files: OpenFiles
) -> Iterator[tuple[str, str, Settings, dict]]:
    """Yield (words, model, settings, action) of what may help."""
    file, model = open_files.file, open_files.file.model
    # Beyond what the first look is made for, a diameter changes nothing.
    largest = CANONICAL_PX / overview_scale(file.result.labels.shape)
    typical = min(file.result.measured.diameter_px or 0.0, largest)
    for words, factor in FACTORS.items():
        diameter = float(f"{factor * typical:.3g}")
        if 2 <= diameter <= min(max(file.result.labels.shape), MAX_DIAMETER_PX - 1):
            settings = dataclasses.replace(file.settings, diameter_px=diameter)
            action = {"do": "set", "values": {"diameter_px": diameter}}
            yield f"{words}, {diameter:g} px", model, settings, action
    for name in models.names:
        if name != model and "generator.pt" in models.config(name)["sha256"]:
            settings = for_model(file.settings, models.get(name))
            yield models.title(name), name, settings, {"do": "model", "name": name}


def _preview(view: FieldOfView, labels: np.ndarray, region: dict | None = None) -> str:
    """The outlines of labels [H, W] on their picture, the rest darkened, small, as data URL."""
    height, width = labels.shape
    pixels = view.grey
    if region:
        pixels = np.where(inside(labels.shape, region["points"]), pixels, pixels // 3)
    scale = min(1.0, THUMBNAIL_PX / max(height, width))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    grey = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
    small = Image.fromarray(labels.astype(np.int32)).resize(size, Image.Resampling.NEAREST)
    layer = overlay.outline_layer(np.asarray(small))
    return wire.data_url(image_files.png_bytes(overlay.composite(np.asarray(grey), layer)))


def _better_known(models: Models, file: OpenFile) -> Iterator[dict]:
    """Yield the model whose training images had this pixel size and these grey levels."""
    field, particle = file.result.field, file.result.labels > 0
    best: tuple[float, str] | None = None
    for name in models.names:
        config = models.config(name)
        scale = config.get("nm_per_px")
        if "generator.pt" not in config["sha256"] or not scale or not field.nm_per_px:
            continue
        if not 1 / SAME_SCALE <= field.nm_per_px / scale <= SAME_SCALE:
            continue
        style = models.get(name).measure_style(field.grey, particle)
        levels = style[[STAT_INDEX["background_mean"], STAT_INDEX["particle_mean"]]]
        off = float(np.abs(levels).max())
        if off <= ALIKE_SD and (best is None or off < best[0]):
            best = off, name
    if best:
        words = f"Try {models.title(best[1])}: it was trained on pictures like this one."
        yield {"words": words, "action": {"do": "model", "name": best[1]}}
