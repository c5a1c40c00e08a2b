"""Reading microscope files: pixels as they are, nanometres per pixel, the info bar.

Pixels are read with tifffile (TIFF) or Pillow (the rest) and never rescaled here; `to_grey8` is
the one mapping to the 0..255 grey scale that the networks know.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from fancgan.errors import UserError
from fancgan.microscopy import pixel_size
from fancgan.microscopy.info_bar import find_info_bar
from fancgan.microscopy.pixel_size import PixelSize

MAX_PIXELS = 80_000_000
MIN_SIDE_PX = 32  # of a picture that the networks take
SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLAIN_MODES = ("1", "L", "P", "I", "F", "LA", "RGB", "RGBA")


@dataclass(frozen=True, eq=False)
class Micrograph:
    """One page of a microscope file.

    pixels: [H, W] uint8, uint16 or float32, native values, with the info bar if there is one.
    nm_per_px: size of a pixel in nanometres, None where the file does not say.
    nm_source: where that number was found, for people to read.
    info_bar_row: first row of the microscope's info bar at the bottom, None if there is none.
    pages: how many pictures the file holds.
    """

    pixels: np.ndarray
    nm_per_px: float | None
    nm_source: str | None
    info_bar_row: int | None
    pages: int = 1

    @property
    def field(self) -> np.ndarray:
        """The pixels [H', W] without the info bar."""
        return self.pixels[: self.info_bar_row]


def read_micrograph(path: str | Path, page: int = 0) -> Micrograph:
    """Read one page of a TIFF (8 / 16 / 32 bit grey, palette), PNG, JPEG or BMP file.

    A palette TIFF gives its raw indices (microscopes store grey levels there). RGB that is grey in
    truth becomes grey. Pixels that are not square, by the file's own word, are made so: the longer
    side is filled in linearly. The scale may stand in a file beside (pixel_size.py).
    Raises UserError for a file that is missing, empty, broken, in colour, not finite, larger than
    MAX_PIXELS or smaller than MIN_SIDE_PX x MIN_SIDE_PX.
    """
    path = Path(path)
    stored = _read(path, page)
    pixels = _native(_grey_of(stored.samples, path), path)
    height, width = pixels.shape
    bar_row, size = stored.bar_row, stored.pixel_size or pixel_size.from_side_file(path, width)
    if bar_row is None or not 0 < bar_row < height:
        bar_row = find_info_bar(to_grey8(pixels))
    if min(bar_row or height, width) < MIN_SIDE_PX:
        raise UserError(
            f"{path.name} is {width} x {bar_row or height} pixels; at least "
            f"{MIN_SIDE_PX} x {MIN_SIDE_PX} are needed."
        )
    if size is None:
        return Micrograph(pixels, None, None, bar_row, stored.pages)
    if size.aspect == 1:
        return Micrograph(pixels, size.width_nm, size.source, bar_row, stored.pages)
    square = _made_square(pixels, size, path)
    return Micrograph(
        square,
        min(size.width_nm, size.height_nm),
        f"{size.source}; pixels made square",
        round(bar_row * len(square) / height) if bar_row else None,
        stored.pages,
    )


def _made_square(pixels: np.ndarray, size: PixelSize, path: Path) -> np.ndarray:
    from skimage.transform import resize

    height, width = pixels.shape
    height, width = round(height * max(size.aspect, 1)), round(width / min(size.aspect, 1))
    _check_size(path, width, height)
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
    """Return the stored samples of one page, [H, W] or [H, W, C]; palettes give raw indices."""
    return _read(Path(path), page, palettes=False).samples


@dataclass(frozen=True, eq=False)
class _Stored:
    """What a file holds: samples as they are, and what its metadata tells."""

    samples: np.ndarray
    pages: int
    pixel_size: PixelSize | None = None
    bar_row: int | None = None


def _read(path: Path, page: int, palettes: bool = True) -> _Stored:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, not an image file.") from None
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if not magic:
        raise UserError(f"{path.name} is empty (0 bytes).")
    try:
        if magic in _TIFF_MAGIC:
            return _read_tiff(path, page)
        return _read_with_pillow(path, page, palettes)
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(_too_large(path, "far")) from None
    except Exception as error:  # decoders raise anything on a broken file
        raise UserError(
            f"{path.name} is not a readable image (TIFF, PNG, JPEG or BMP): "
            "it is damaged, cut off, or of another kind."
        ) from error


def _read_tiff(path: Path, page: int) -> _Stored:
    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) == 0:
            raise ValueError("no picture in the file")
        _check_page(path, page, len(tiff.pages))
        head = tiff.pages[page].aspage()
        _check_size(path, head.imagewidth, head.imagelength)
        if head.samplesperpixel > 4 or head.imagedepth > 1:
            raise UserError(f"{path.name} is not one grey picture; export a single one as TIFF.")
        if head.compression in (1, 8, 32946) or find_spec("imagecodecs"):
            samples = head.asarray()
        else:  # LZW and JPEG: Pillow's own libtiff reads them
            samples = _read_with_pillow(path, page, palettes=False).samples
        if samples.size == 0:
            raise ValueError("no pixels in the file")
        if samples.ndim == 3 and samples.shape[0] in (2, 3, 4) and head.planarconfig == 2:
            samples = np.moveaxis(samples, 0, -1)
        if head.photometric == 0 and samples.dtype.kind in "bu":  # white is zero
            samples = ~samples
        bar_row = _fei_bar_row(tiff, head.imagelength)
        return _Stored(samples, len(tiff.pages), pixel_size.from_tiff(tiff, head), bar_row)


def _read_with_pillow(path: Path, page: int, palettes: bool) -> _Stored:
    with warnings.catch_warnings():  # our own limit is the stricter one, and has its sentence
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        opened: Image.Image = Image.open(path)
    with opened as image:
        pages = getattr(image, "n_frames", 1)
        _check_page(path, page, pages)
        image.seek(page)
        _check_size(path, *image.size)
        words = getattr(image, "text", {})
        size, rows = pixel_size.from_words(words), str(words.get("FieldRows", ""))
        as_they_are = image.mode in _PLAIN_MODES or image.mode.startswith("I;16")
        if not as_they_are or (image.mode == "P" and palettes):
            image = image.convert("RGB")
        return _Stored(np.asarray(image), pages, size, int(rows) if rows.isdecimal() else None)


def _check_page(path: Path, page: int, pages: int) -> None:
    if not 0 <= page < pages:
        raise UserError(f"{path.name} has {pages} page(s), so there is no page {page}.")


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UserError(_too_large(path, f"{width} x {height} pixels,"))


def _too_large(path: Path, by: str) -> str:
    return f"{path.name} is {by} larger than {MAX_PIXELS // 10**6} megapixels; crop it first."


def _grey_of(raw: np.ndarray, path: Path) -> np.ndarray:
    if raw.ndim == 2:
        return raw
    if raw.ndim != 3 or raw.shape[-1] > 4:
        raise UserError(f"{path.name} has the shape {raw.shape}; one grey picture is expected.")
    if raw.shape[-1] < 3:  # grey, with or without alpha
        return raw[..., 0]
    colour = raw[..., :3].astype(np.float32)
    spread = colour.max(axis=-1) - colour.min(axis=-1)
    tolerance = 0.03 * (np.iinfo(raw.dtype).max if raw.dtype.kind == "u" else colour.max())
    if (spread > tolerance).mean() > 0.005:
        raise UserError(f"{path.name} is a colour picture; a grey micrograph is expected.")
    return colour.mean(axis=-1).round().astype(raw.dtype) if spread.any() else raw[..., 0]


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


def _fei_bar_row(tiff: tifffile.TiffFile, height: int) -> int | None:
    """FEI and Thermo files tell how many rows were scanned; what is below is the bar."""
    rows = (tiff.fei_metadata or {}).get("Image", {}).get("ResolutionY")
    return rows if isinstance(rows, int) and height * 0.7 <= rows < height else None
