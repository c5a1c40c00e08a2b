"""Reading microscope files: pixels as they are, nanometres per pixel, the info bar.

Pixels are read with tifffile (TIFF) or Pillow (the rest) and never rescaled here; `to_grey8` is
the one mapping to the 0..255 grey scale that the networks know.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from fancgan.errors import UserError

MAX_PIXELS = 80_000_000
MIN_SIDE = 32
SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLAIN_MODES = ("1", "L", "P", "I", "F", "LA", "RGB", "RGBA")
_NM_PER_UNIT = {
    "fm": 1e-6,
    "pm": 1e-3,
    "å": 0.1,
    "angstrom": 0.1,
    "nm": 1.0,
    "µm": 1e3,
    "μm": 1e3,
    "um": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "m": 1e9,
}


@dataclass(frozen=True, eq=False)
class Micrograph:
    """One page of a microscope file.

    pixels: [H, W] uint8, uint16 or float32, native values, with the info bar if there is one.
    nm_per_px: size of a pixel in nanometres, None where the file does not say.
    nm_source: where that number was found, for people to read.
    info_bar_row: first row of the microscope's info bar at the bottom, None if there is none.
    """

    pixels: np.ndarray
    nm_per_px: float | None
    nm_source: str | None
    info_bar_row: int | None

    @property
    def field(self) -> np.ndarray:
        """The pixels [H', W] without the info bar."""
        return self.pixels[: self.info_bar_row]


def read_micrograph(path: str | Path, page: int = 0) -> Micrograph:
    """Read one page of a TIFF (8 / 16 / 32 bit grey, palette), PNG, JPEG or BMP file.

    A palette TIFF gives its raw indices (microscopes store grey levels there). RGB that is grey in
    truth becomes grey. Raises UserError for a file that is missing, empty, broken, in colour, not
    finite, larger than MAX_PIXELS or smaller than MIN_SIDE x MIN_SIDE.
    """
    path = Path(path)
    raw, scale, bar_row = _read(path, page)
    pixels = _native(_grey_of(raw, path), path)
    height, width = pixels.shape
    if bar_row is None or not 0 < bar_row < height:
        bar_row = find_info_bar(pixels)
    if min(bar_row or height, width) < MIN_SIDE:
        raise UserError(
            f"{path.name} is {width} x {bar_row or height} pixels; at least "
            f"{MIN_SIDE} x {MIN_SIDE} are needed."
        )
    nm_per_px, nm_source = scale if scale else (None, None)
    return Micrograph(pixels, nm_per_px, nm_source, bar_row)


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
    return _read(Path(path), page, palettes=False)[0]


def find_info_bar(pixels: np.ndarray) -> int | None:
    """Return the first row of the info bar at the bottom of pixels [H, W], None without one.

    A bar is a block of rows of one even colour with writing in it, at most 30 % of the height,
    that ends within 8 rows of the bottom and begins abruptly: the picture above is not even.
    """
    height, width = pixels.shape
    if height < 64 or width < 64:
        return None
    first = height - int(0.3 * height)
    grey = to_grey8(pixels)[first - 1 :].astype(np.int16)
    paper = np.array([np.bincount(row, minlength=256).argmax() for row in grey])
    even = (np.abs(grey - paper[:, None]) <= 1).mean(axis=1)

    end = next((r for r in range(len(grey) - 1, len(grey) - 10, -1) if even[r] >= 0.9), None)
    if end is None:
        return None
    start = end
    while start > 0 and even[start - 1] >= 0.5 and abs(paper[start - 1] - paper[end]) <= 2:
        start -= 1
    block = np.abs(grey[start : end + 1] - paper[end]) >= 64
    while start > 0 and even[start - 1] >= 0.9:  # lines that frame the bar, of another colour
        start -= 1
    strokes = np.count_nonzero(np.diff(block, axis=1), axis=1)
    if start == 0 or end + 1 - start < 8:
        return None
    if even[start - 1] > 0.5 or even[start] < even[start - 1] + 0.3:  # JPEG softens the jump
        return None
    written = 0.002 <= block.mean() <= 0.45 and np.count_nonzero(strokes >= 12) >= 4
    return first - 1 + start if written else None


def _read(path: Path, page: int, palettes: bool = True):
    """Return (samples, (nm per pixel, source) or None, bar row from the metadata or None)."""
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
        return _read_with_pillow(path, page, palettes), None, None
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(_too_large(path, "far")) from None
    except Exception as error:  # decoders raise anything on a broken file
        raise UserError(
            f"{path.name} is not a readable image (TIFF, PNG, JPEG or BMP): "
            "it is damaged, cut off, or of another kind."
        ) from error


def _read_tiff(path: Path, page: int):
    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) == 0:
            raise ValueError("no picture in the file")
        _check_page(path, page, len(tiff.pages))
        head = tiff.pages[page]
        _check_size(path, head.imagewidth, head.imagelength)
        if head.samplesperpixel > 4 or head.imagedepth > 1:
            raise UserError(f"{path.name} is not one grey picture; export a single one as TIFF.")
        if head.compression in (1, 8, 32946) or find_spec("imagecodecs"):
            samples = head.asarray()
        else:  # LZW and JPEG: Pillow's own libtiff reads them
            samples = _read_with_pillow(path, page, palettes=False)
        if samples.size == 0:
            raise ValueError("no pixels in the file")
        if samples.ndim == 3 and samples.shape[0] in (2, 3, 4) and head.planarconfig == 2:
            samples = np.moveaxis(samples, 0, -1)
        if head.photometric == 0 and samples.dtype.kind in "bu":  # white is zero
            samples = ~samples
        bar_row = _fei_bar_row(tiff, head.imagelength)
        return samples, _pixel_size(tiff, head), bar_row


def _read_with_pillow(path: Path, page: int, palettes: bool) -> np.ndarray:
    with warnings.catch_warnings():  # our own limit is the stricter one, and has its sentence
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        opened = Image.open(path)
    with opened as image:
        _check_page(path, page, getattr(image, "n_frames", 1))
        image.seek(page)
        _check_size(path, *image.size)
        as_they_are = image.mode in _PLAIN_MODES or image.mode.startswith("I;16")
        if not as_they_are or (image.mode == "P" and palettes):
            image = image.convert("RGB")
        return np.asarray(image)


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


def _pixel_size(tiff: tifffile.TiffFile, page) -> tuple[float, str] | None:
    """Nanometres per pixel and where they are written; plain resolution tags mean print size."""
    zeiss = (tiff.sem_metadata or {}).get("ap_image_pixel_size")
    if zeiss and len(zeiss) >= 3:
        return _nm(zeiss[1], zeiss[2], "Zeiss CZ_SEM ap_image_pixel_size")
    for section in ("Scan", "EScan", "IScan"):
        scan = (tiff.fei_metadata or {}).get(section, {})
        if isinstance(scan, dict) and "PixelWidth" in scan:
            across, down = scan["PixelWidth"], scan.get("PixelHeight", scan["PixelWidth"])
            square = isinstance(across, float) and math.isclose(across, down, rel_tol=0.01)
            return _nm(across, "m", f"FEI/Thermo {section} PixelWidth") if square else None
    if tiff.is_imagej:
        unit = (tiff.imagej_metadata or {}).get("unit", "")
        tag = page.tags.get("XResolution")
        if tag and tag.value[0]:
            return _nm(tag.value[1] / tag.value[0], unit, "ImageJ resolution and unit")
    return None


def _nm(value: object, unit: str, source: str) -> tuple[float, str] | None:
    factor = _NM_PER_UNIT.get(str(unit).replace("\\u00B5", "µ").strip().lower())
    if factor is None or not isinstance(value, (int, float)) or not value > 0:
        return None
    size = float(value) * factor
    return (size, source) if math.isfinite(size) else None


def _fei_bar_row(tiff: tifffile.TiffFile, height: int) -> int | None:
    """FEI and Thermo files tell how many rows were scanned; what is below is the bar."""
    rows = (tiff.fei_metadata or {}).get("Image", {}).get("ResolutionY")
    return rows if isinstance(rows, int) and height * 0.7 <= rows < height else None
