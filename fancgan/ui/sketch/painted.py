"""The synthetic image of a drawing: painted, read back by the segmenter, saved.

Nothing here knows gradio.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fancgan.errors import UserError
from fancgan.evaluation import metrics
from fancgan.files import zipped
from fancgan.measuring import overlay
from fancgan.microscopy import image_files
from fancgan.microscopy.tone import ToneMap
from fancgan.particles.labels import label_mask
from fancgan.ui import wire
from fancgan.ui.limits import ByteCache
from fancgan.ui.sketch.look import Look, check_seed

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

FAN_SIDE_PX = 320
KEPT_BYTES = 32_000_000


@dataclass(frozen=True)
class Painted:
    """A synthetic image uint8 [H, W] of mask [H, W] bool, and how it came about.

    seq: number of the drawing on the page. round: mark of this image. text: for its metadata.
    levels: its grey levels by the names of LEVELS, which may be asked for within ranges.
    nm_per_px: size of a pixel of what the painter learned from, None if it knows many materials.
    """

    seq: int
    round: str
    mask: np.ndarray
    image: np.ndarray
    look: Look
    text: dict[str, str]
    levels: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    nm_per_px: float | None

    @classmethod
    def of(cls, pipe: Pipeline, mask: np.ndarray, look: Look, seq: int = 0) -> Painted:
        """Paint mask [H, W] bool in its look; raise UserError for an empty one."""
        if not mask.any():
            raise UserError("The mask has no particle: draw one, or take a layout.")
        style = look.style(pipe)
        image = pipe.synthesize(mask, seed=look.seed, style=style)
        if look.finish:
            image = ToneMap(**look.finish)(image).round().astype(np.uint8)
        text = image_files.synthetic_text(pipe.revision, look.seed, pipe.nm_per_px)
        text["Look"] = look.text()
        text["Style"] = json.dumps([float(f"{value:.6g}") for value in style])
        scale = pipe.style_scale
        levels, ranges = scale.levels(style), scale.ranges()
        return cls(seq, wire.token(), mask, image, look, text, levels, ranges, pipe.nm_per_px)

    def png(self, strip: bool) -> bytes:
        """Return the marked PNG file, with a strip below that says synthetic, or without."""
        if not strip:
            return image_files.png_bytes(Image.fromarray(self.image), self.text)
        image = image_files.with_strip(self.image, self.look.seed, self.nm_per_px)
        text = self.text | {"FieldRows": str(len(self.image))}
        return image_files.png_bytes(Image.fromarray(image), text)

    def pair_zip(self) -> bytes:
        """Return image, mask, instance labels and settings as a zip, all of one size.

        Labels are 16 bit, 0 = background; particles that a line of background parts are two.
        """
        name = image_files.synthetic_name(self.look.seed).removesuffix(".png")
        labels = label_mask(self.mask).astype(np.uint16)
        pictures = {"image": self.image, "mask": self.mask.astype(np.uint8) * 255, "labels": labels}
        files = {
            f"{name}_{kind}.png": image_files.png_bytes(Image.fromarray(pixels), self.text)
            for kind, pixels in pictures.items()
        }
        settings = json.dumps({"particles": int(labels.max()), **self.text}, indent=1)
        return zipped((files | {f"{name}_settings.json": settings.encode()}).items())

    def view(self) -> dict:
        """Return what the page needs to show the image."""
        height, width = self.image.shape
        return {
            "seq": self.seq,
            "round": self.round,
            "seed": self.look.seed,
            "width": width,
            "height": height,
            "image": wire.data_url(self.png(False)),
            "ranges": self.ranges,
            "nm_per_px": self.nm_per_px or 0,
            "levels": {name: round(value, 1) for name, value in self.levels.items()},
        }


class Painter:
    """Paints drawings for all visitors; the images last asked for are kept.

    The page asks for an image, for its check and for its file one after another: one painting.

    pipe: paints the looks of seeds. look_pipe: paints the looks of references; a look says by the
    length of its reference whose it is.
    """

    def __init__(
        self, pipe: Pipeline, look_pipe: Pipeline | None = None, limit_bytes: int = KEPT_BYTES
    ):
        self.pipe, self.look_pipe = pipe, look_pipe or pipe
        self._kept: ByteCache[Painted] = ByteCache(
            limit_bytes, lambda painted: painted.image.nbytes + painted.mask.nbytes
        )

    def paint(self, mask: np.ndarray, look: Look, seq: int = 0) -> Painted:
        """Return the image of mask [H, W] bool in its look, with a mark of its own."""
        key = (mask.shape, hashlib.sha256(np.packbits(mask).data).digest(), look.text())
        painted = self._kept.get(key)
        if painted is None:
            painted = Painted.of(self.pipe_of(look), mask, look)
            painted.image.setflags(write=False)
            self._kept.put(key, painted)
        return dataclasses.replace(painted, seq=seq, round=wire.token())

    def pipe_of(self, look: Look) -> Pipeline:
        """Return what paints a look, and reads back what it painted."""
        other = len(look.reference) == self.look_pipe.style_dim
        return self.look_pipe if look.reference and other else self.pipe

    def from_message(self, message: object) -> Painted:
        """Paint what a message from the page asks for: its drawing in its look.

        The same message gives the same image, whatever was painted in between.
        """
        if not isinstance(message, dict):
            raise UserError("The drawing did not arrive whole: please draw again.")
        mask, seq = wire.decode_mask(message.get("drawing"))
        return self.paint(mask, Look.of(message.get("look")), seq)


def read_back(pipe: Pipeline, painted: Painted) -> tuple[dict, np.ndarray]:
    """Return the figures of the cycle check, and what the segmenter finds [H, W] bool."""
    labels = pipe.instances(painted.image)
    found = labels > 0
    figures = {
        "dice": round(metrics.dice(painted.mask, found), 4),
        "drawn": overlay.count_particles(painted.mask),
        "read_back": int(np.unique(labels[found]).size),
    }
    return figures, found


def cycle_view(pipe: Pipeline, painted: Painted, round_: str) -> dict:
    """Return what the page needs to show the cycle check.

    classes: PNG of one number a pixel: 1 drawn, 2 read back, 3 both.
    """
    figures, found = read_back(pipe, painted)
    classes = painted.mask.astype(np.uint8) + 2 * found.astype(np.uint8)
    png = image_files.png_bytes(Image.fromarray(classes), level=6)
    return {"round": round_, **figures, "classes": wire.data_url(png)}


def looks(pipe: Pipeline, drawing: object, wish: object) -> list[dict]:
    """Paint the fullest part of the drawing with four other seeds; levels and finish stay."""
    mask = _crop_with_most(wire.decode_mask(drawing)[0])
    if not isinstance(wish, dict) or not isinstance(wish.get("seeds"), list):
        raise UserError("The look did not arrive whole: please try again.")
    look = dataclasses.replace(Look.of(wish.get("look")), mix_seed=None, reference=())
    tiles = []
    for number in wish["seeds"][:4]:
        one = Painted.of(pipe, mask, dataclasses.replace(look, seed=check_seed(number)))
        tiles.append({"seed": one.look.seed, "image": wire.data_url(one.png(False))})
    return tiles


def gallery(pipe: Pipeline, drawing: object) -> list[dict]:
    """Paint the fullest part of the drawing in each of the looks that come with a bundle."""
    mask = _crop_with_most(wire.decode_mask(drawing)[0])
    tiles = []
    for name, style in pipe.looks():
        reference = style.tolist()
        one = Painted.of(pipe, mask, Look(reference=tuple(reference)))
        image = wire.data_url(one.png(False))
        tiles.append({"name": name, "reference": reference, "image": image})
    return tiles


def _crop_with_most(mask: np.ndarray) -> np.ndarray:
    """The part of mask [H, W], at most FAN_SIDE_PX square, with the most particle pixels."""
    height, width = (min(FAN_SIDE_PX, side) for side in mask.shape)
    sums = np.pad(mask.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows = sums[height:] - sums[:-height]
    inside = rows[:, width:] - rows[:, :-width]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return mask[top : top + height, left : left + width]
