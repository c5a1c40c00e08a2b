"""TIFF: one decoder, tifffile with imagecodecs, for every compression, layout and orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from fancgan.errors import UserError
from fancgan.microscopy.formats import tiff_scale
from fancgan.microscopy.formats.stored import Stored, check_page, check_size, scale_or_doubt

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE, _CMYK, _YCBCR = 0, 1, 3, 5, 6
_JPEG = (6, 7)  # decoded to red, green and blue
# None, CCITT, LZW, JPEG, Deflate, PackBits, JPEG 2000, LERC, LZMA, PNG, Zstandard, WebP, JPEG XL:
# what is in use, and decoded by libraries that stand damaged data in silence.
_COMPRESSIONS = (
    *(1, 2, 3, 4, 5, *_JPEG, 8, 32946, 50013, 32773),
    *(33003, 33004, 33005, 34712, 34887, 34925, 34933, 50000, 50001, 50002),
)


def read(path: Path, page: int) -> Stored:
    """Read one page. Raises UserError for what is no single grey or colour picture."""
    with tifffile.TiffFile(path) as tiff:
        check_page(path, page, len(tiff.pages))
        head = tiff.pages[page].aspage()
        check_size(path, head.imagewidth, head.imagelength)
        check_size(path, head.tilewidth, head.tilelength)  # which are decoded whole
        if head.samplesperpixel > 4 or head.imagedepth > 1:
            raise UserError(f"{path.name} is not one grey picture; export a single one as TIFF.")
        _check_codec(path, head)
        _check_end(path, head)
        orientation = tiff_scale.orientation_of(head)
        samples = _upright(_bright(_interleaved(head), head), orientation)
        size, doubt = scale_or_doubt(lambda: tiff_scale.from_page(tiff, head))
        bar_row = tiff_scale.bar_row(tiff, head) if orientation < 3 else None
        return Stored(samples, len(tiff.pages), size, bar_row, doubt, _grey_page(tiff, head))


def _check_codec(path: Path, head: tifffile.TiffPage) -> None:
    try:
        known = head.compression in _COMPRESSIONS
        tifffile.TIFF.DECOMPRESSORS[head.compression]
        tifffile.TIFF.UNPREDICTORS[head.predictor]
    except KeyError:
        known = False
    if not known:
        name = getattr(head.compression, "name", head.compression)
        raise UserError(
            f"{path.name} is compressed with {name} (predictor {int(head.predictor)}), which is "
            "not read here; save it without compression."
        )
    photometric = _photometric(head)
    if photometric > _CMYK and not (photometric == _YCBCR and head.compression in _JPEG):
        name = getattr(photometric, "name", photometric)
        raise UserError(f"{path.name} holds colours as {name}; save it as a grey picture.")


def _photometric(head: tifffile.TiffPage) -> int:
    """Of a file that does not say it, black is zero, as libtiff and ImageJ take it."""
    return head.photometric if 262 in head.tags else _BLACK_IS_ZERO


def _check_end(path: Path, head: tifffile.TiffPage) -> None:
    ends = (at + count for at, count in zip(head.dataoffsets, head.databytecounts, strict=False))
    if max(ends, default=0) > path.stat().st_size and head.compression != 1:
        raise UserError(f"{path.name} is cut off: the file ends before its picture does.")


def _interleaved(head: tifffile.TiffPage) -> np.ndarray:
    """The samples [H, W] or [H, W, C]."""
    samples = head.asarray()
    if samples.size == 0:
        raise ValueError("no pixels in the file")
    if head.samplesperpixel > 1 and head.planarconfig == 2:
        samples = np.moveaxis(samples, 0, -1)
    return samples


def _bright(samples: np.ndarray, head: tifffile.TiffPage) -> np.ndarray:
    """More is brighter, and 2 or 4 bits fill the 8 that hold them."""
    kind, bits, photometric = samples.dtype.kind, head.bitspersample, _photometric(head)
    if photometric == _CMYK and samples.ndim == 3 and samples.shape[-1] == 4:
        top = 2.0**bits - 1
        light = 1 - samples / np.float32(top)
        return np.rint(top * light[..., :3] * light[..., 3:]).astype(samples.dtype)
    if photometric == _WHITE_IS_ZERO:
        if kind == "f":
            samples = samples.min() + samples.max() - samples
        else:
            samples = ~samples if kind in "bi" else samples.dtype.type(2**bits - 1) - samples
    if kind == "u" and bits in (2, 4) and photometric != _PALETTE:
        samples = samples * samples.dtype.type(255 // (2**bits - 1))
    return samples


def _upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Turn by the TIFF tag Orientation (1 to 8: where the first row and column belong)."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)


def _grey_page(tiff: tifffile.TiffFile, head: tifffile.TiffPage) -> int | None:
    if head.samplesperpixel < 3:
        return None
    pages = range(min(len(tiff.pages), 20))
    return next((n for n in pages if tiff.pages[n].aspage().samplesperpixel == 1), None)
