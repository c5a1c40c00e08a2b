"""Reading microscope files: pixels as they are, nanometres per pixel, the info bar.

Pixels are read by the file's format (`formats`) and never rescaled here; `to_grey8` is the one
mapping to the 0..255 grey scale that the networks know.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from fancgan.errors import UserError
from fancgan.microscopy.formats import emd, gatan, mrc, plain, tia, tiff
from fancgan.microscopy.formats.stored import Stored, check_size, scale_or_doubt, too_large
from fancgan.microscopy.info_bar import find_bars
from fancgan.microscopy.pixel_size import PixelSize
from fancgan.microscopy.side_file import from_side_file

MIN_SIDE_PX = 32  # of a picture that the networks take
SUFFIXES = (
    *(".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp"),
    *(".dm3", ".dm4", ".emd", ".ser", ".mrc"),
)
# What a picture in colour is measured by: weights of red, green and blue (luma of ITU-R BT.601).
CHANNELS = {
    "luminance": (0.299, 0.587, 0.114),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}
KINDS = "TIFF, PNG, JPEG, BMP, DM3, DM4, EMD, SER and MRC"

for library in ("tifffile", "PIL", "h5py"):  # silent, unless somebody asks for a log
    logging.getLogger(library).addHandler(logging.NullHandler())


class InColour(UserError):
    """A picture in colour was read without saying by what it is measured."""


@dataclass(frozen=True, eq=False)
class Micrograph:
    """One page of a microscope file.

    pixels: [H, W] uint8, uint16 or float32, native values, with the info bar if there is one.
    nm_per_px: size of a pixel in nanometres, None where the file does not say.
    nm_source: where that number was found, for people to read; or why the number that the file
        states is not taken; None where it states none.
    info_bar_row: first row of the microscope's info bar at the bottom, None if there is none.
    pages: how many pictures the file holds.
    top_rows: rows of an info bar at the upper edge.
    """

    pixels: np.ndarray
    nm_per_px: float | None
    nm_source: str | None
    info_bar_row: int | None
    pages: int = 1
    top_rows: int = 0

    @property
    def field(self) -> np.ndarray:
        """The pixels [H', W] without the info bar at the bottom."""
        return self.pixels[: self.info_bar_row]


def read_micrograph(path: str | Path, page: int = 0, channel: str | None = None) -> Micrograph:
    """Read one page of a file of the formats in KINDS.

    A palette TIFF gives its raw indices (microscopes store grey levels there). RGB that is grey in
    truth becomes grey; of a picture in colour the channel is taken, one of CHANNELS. Pixels that
    are not square, by the file's own word, are made so: the longer side is filled in linearly. The
    scale may stand in a file beside (side_file.py).
    Raises InColour for a picture in colour without a channel, UserError for a file that is missing,
    empty, broken, not finite, larger than MAX_PIXELS or smaller than MIN_SIDE_PX x MIN_SIDE_PX.
    """
    path = Path(path)
    stored = _read(path, page)
    pixels = _grey_of(stored, path, channel)
    height, width = pixels.shape
    bar_row, size, doubt = stored.bar_row, stored.pixel_size, stored.doubt
    if size is None:
        size, neighbours = scale_or_doubt(lambda: from_side_file(path, width))
        doubt = doubt or neighbours
    bars = find_bars(to_grey8(pixels))
    if bar_row is None or not 0 < bar_row < height:
        bar_row = height - bars.bottom if bars.bottom else None
    if min(bar_row or height, width) < MIN_SIDE_PX:
        raise UserError(
            f"{path.name} is {width} x {bar_row or height} pixels; at least "
            f"{MIN_SIDE_PX} x {MIN_SIDE_PX} are needed."
        )
    top_rows = bars.top if (bar_row or height) - bars.top >= MIN_SIDE_PX else 0
    if size is None:
        return Micrograph(pixels, None, doubt, bar_row, stored.pages, top_rows)
    if size.aspect == 1:
        return Micrograph(pixels, size.width_nm, size.source, bar_row, stored.pages, top_rows)
    square = _made_square(pixels, size, path)
    return Micrograph(
        square,
        min(size.width_nm, size.height_nm),
        f"{size.source}; pixels made square",
        round(bar_row * len(square) / height) if bar_row else None,
        stored.pages,
        round(top_rows * len(square) / height),
    )


def _made_square(pixels: np.ndarray, size: PixelSize, path: Path) -> np.ndarray:
    from skimage.transform import resize

    height, width = pixels.shape
    height, width = round(height * max(size.aspect, 1)), round(width / min(size.aspect, 1))
    check_size(path, width, height)
    stretched = resize(
        pixels, (height, width), order=1, mode="edge", preserve_range=True, anti_aliasing=False
    )
    return (stretched if pixels.dtype.kind == "f" else np.rint(stretched)).astype(pixels.dtype)


def to_grey8(pixels: np.ndarray) -> np.ndarray:
    """Map pixels [H, W] of any number type to the networks' grey scale, uint8 0..255.

    uint8: as it is, always. bool: 0 and 255.
    Integers of 0 or more: scaled by the smallest usual bit depth (8, 10, 12, 14, 16) that holds
        the brightest pixel, as a microscope does that writes 8 bits. What lies in so narrow a
        band that fewer than 32 grey levels would remain is stretched like float.
    float: as it is within [0, 255], times 255 within [0, 1]; anything else is stretched
        linearly from its 0.1 % quantile (0) to its 99.9 % quantile (255).
    Raises UserError for NaN or infinite values.
    """
    pixels = np.asarray(pixels)
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if not np.isfinite(pixels).all():
        raise UserError("The image contains NaN or infinite values; replace them by numbers.")
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and np.issubdtype(pixels.dtype, np.integer) and high < 2**16:
        depth = next(bits for bits in (8, 10, 12, 14, 16) if high < 2**bits)
        factor = 255 / (2**depth - 1)
        quantiles = np.quantile(pixels, (0.001, 0.999)) * factor
        if depth == 8 or quantiles[1] - quantiles[0] >= 32 or low == high:
            return np.rint(pixels * factor).astype(np.uint8)
    elif low >= 0 and high <= 255:
        return np.rint(pixels * (255.0 if high <= 1 else 1.0)).astype(np.uint8)
    dark, bright = (float(q) for q in np.quantile(pixels, (0.001, 0.999)))
    if bright <= dark:
        dark, bright = low, max(high, low + 1)
    unit = (pixels.astype(np.float64) - dark) / (bright - dark)
    return np.rint(unit.clip(0, 1) * 255).astype(np.uint8)


def read_raw(path: str | Path, page: int = 0) -> np.ndarray:
    """Return the samples of one page, [H, W] or [H, W, C], upright; palettes give raw indices."""
    return _read(Path(path), page, palettes=False).samples


def _read(path: Path, page: int, palettes: bool = True) -> Stored:
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, not an image file.") from None
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise UserError(f"{path.name} is empty (0 bytes).")
    read = _reader_of(head, path, palettes)
    try:
        with warnings.catch_warnings():  # a library's words are for programmers
            warnings.simplefilter("ignore")
            return read(path, page)
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(too_large(path, "far")) from None
    except Exception as error:  # decoders raise anything on a broken file
        raise UserError(
            f"{path.name} is not a readable image. If another program opens it, save it from "
            "there as an uncompressed TIFF; if none does, it is cut off or damaged."
        ) from error


def _reader_of(head: bytes, path: Path, palettes: bool) -> Callable[[Path, int], Stored]:
    """The reader for the first bytes of a file, whatever its name says."""
    if head.startswith(tiff.MAGIC):
        return tiff.read
    if head.startswith(plain.MAGIC):
        return partial(plain.read, palettes=palettes)
    if head.startswith(gatan.MAGIC):
        return gatan.read
    if head.startswith(emd.MAGIC):
        return emd.read
    if head.startswith(tia.MAGIC):
        return tia.read
    if head[208:212] == b"MAP " or path.suffix.lower() in (".mrc", ".mrcs"):
        return mrc.read
    beside = " Open the SER file beside it." if path.suffix.lower() == ".emi" else ""
    raise UserError(
        f"{path.name} is not a readable image: {KINDS} are read, and it is none of them.{beside}"
    )


def _grey_of(stored: Stored, path: Path, channel: str | None) -> np.ndarray:
    """The grey levels [H, W] of samples whose colours, if any, are those of noise or of marks.

    Of others, those of a channel.
    """
    raw = _native(stored.samples, path)
    if raw.ndim == 2:
        return raw
    if raw.ndim != 3 or raw.shape[-1] > 4:
        raise UserError(f"{path.name} has the shape {raw.shape}; one grey picture is expected.")
    if raw.shape[-1] < 3:  # grey, with or without alpha
        return raw[..., 0]
    colours = [raw[..., channel] for channel in range(3)]
    if all(np.array_equal(colours[0], colour) for colour in colours[1:]):
        return np.ascontiguousarray(colours[0])
    low, high = np.minimum.reduce(colours), np.maximum.reduce(colours)
    brightest = float(high.max())
    if raw.dtype.kind == "u":
        brightest = 2.0 ** max(8, int(brightest).bit_length()) - 1
    if (high - low > 0.03 * brightest).mean() > 0.005:
        if channel is not None:
            return _weighted(colours, CHANNELS[channel])
        other = stored.other_page
        there = "" if other is None else f" Page {other} of it holds a grey one."
        raise InColour(
            f"{path.name} is a colour picture; a grey micrograph is expected.{there} Say by "
            "what it is to be measured: its luminance, red, green or blue (--channel)."
        )
    total = np.add.reduce(colours, dtype=np.float32)
    return np.rint(total / 3).astype(raw.dtype) if raw.dtype.kind != "f" else total / 3


def _weighted(colours: list[np.ndarray], weights: tuple[float, ...]) -> np.ndarray:
    dtype = colours[0].dtype
    pairs = zip(colours, weights, strict=True)
    total = np.add.reduce([np.float32(weight) * colour for colour, weight in pairs])
    return total if dtype.kind == "f" else np.rint(total).astype(dtype)


def _native(pixels: np.ndarray, path: Path) -> np.ndarray:
    """uint8, uint16 or float32, without a change of value."""
    kind = pixels.dtype.kind
    if kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255)
    if kind not in "uif":
        raise UserError(f"{path.name} holds {pixels.dtype} values; grey levels are expected.")
    if kind == "f" and not np.isfinite(pixels).all():
        raise UserError(f"{path.name} contains NaN or infinite values; replace them by numbers.")
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if kind in "ui" and pixels.min() >= 0 and pixels.max() < 2**16:
        return pixels.astype(np.uint16)
    return pixels.astype(np.float32)
