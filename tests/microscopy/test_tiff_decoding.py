"""One decoder: whatever a TIFF's packing and orientation, what went in comes out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan.microscopy.formats import tiff
from fancgan.microscopy.micrograph import read_micrograph, read_raw
from tests.support.sentences import fails

HEIGHT, WIDTH = 18, 21
COMPRESSIONS = (None, "lzw", "packbits", "deflate")
LAYOUTS = ({"rowsperstrip": HEIGHT}, {"rowsperstrip": 5}, {"tile": (16, 16)})
DEPTHS = [
    *((dtype, 8 * np.dtype(dtype).itemsize) for dtype in ("u1", "u2", "u4", "i1", "i2", "i4")),
    *(("f4", 32), ("f8", 64), ("u1", 2), ("u1", 4), ("u2", 10), ("u2", 12)),
]


def samples_of(dtype: str, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """Random values of all levels that the bits hold; numbers to compute with for floats."""
    rng = np.random.default_rng(bits)
    if dtype[0] == "f":
        return rng.normal(3, 50, shape).astype(dtype)
    low = -(2 ** (bits - 1)) if dtype[0] == "i" else 0
    return rng.integers(low, low + 2**bits, shape).astype(dtype)


def shown(stored: np.ndarray, orientation: int) -> np.ndarray:
    """What a viewer shows of stored rows and columns (TIFF 6.0, Orientation)."""
    turns = {
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: np.rot90,
    }
    return turns.get(orientation, np.array)(stored)


@pytest.mark.parametrize(("dtype", "bits"), DEPTHS)
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_every_packing_gives_the_same_picture(tmp_path, dtype, bits, photometric):
    """Strips, tiles, compressions, predictors and orientations against the plain samples."""
    grey = samples_of(dtype, bits, (HEIGHT, WIDTH))
    bright = grey * np.array(255 // (2**bits - 1) if bits < 8 else 1, dtype)
    if photometric == "miniswhite":
        wide = bright.astype("f8" if dtype[0] == "f" else "i8")
        top = {"f": wide.min() + wide.max(), "i": -1, "u": 2 ** max(bits, 8) - 1}[dtype[0]]
        bright = (top - wide).astype(dtype)
    packed = bits % 8 != 0  # the writer neither compresses these nor swaps their bytes
    for compression, layout, orientation in product(COMPRESSIONS, LAYOUTS, range(1, 9)):
        predictors = (False, True) if compression not in (None, "packbits") else (False,)
        if packed and (compression or "tile" in layout):
            continue
        for predictor in predictors:
            tifffile.imwrite(
                tmp_path / "a.tif",
                grey,
                photometric=photometric,
                compression=compression,
                predictor=predictor,
                bitspersample=bits if packed else None,
                extratags=[(274, 3, 1, orientation, True)],
                byteorder="<>"[orientation % 2 and not packed],
                metadata=None,
                **layout,
            )
            found = read_raw(tmp_path / "a.tif")
            case = (compression, predictor, layout, orientation)
            assert found.dtype == bright.dtype, case
            assert np.allclose(found, shown(bright, orientation), rtol=1e-6, atol=1e-4), case


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_colour_channels_come_last(tmp_path, planarconfig, channels, dtype):
    colours = samples_of(dtype, 8, (HEIGHT, WIDTH, channels))
    stored = np.moveaxis(colours, -1, 0) if planarconfig == "separate" else colours
    for compression, layout, orientation in product(COMPRESSIONS, LAYOUTS, (1, 3, 6)):
        tifffile.imwrite(
            tmp_path / "a.tif",
            stored,
            photometric="rgb",
            planarconfig=planarconfig,
            extrasamples=["unassalpha"] if channels == 4 else None,
            compression=compression,
            extratags=[(274, 3, 1, orientation, True)],
            **layout,
        )
        assert np.array_equal(read_raw(tmp_path / "a.tif"), shown(colours, orientation))


@pytest.mark.parametrize("compression", [None, "tiff_ccitt", "group3", "group4", "tiff_lzw"])
@pytest.mark.parametrize("white", [0, 1])
def test_bilevel_masks(tmp_path, compression, white):
    mask = samples_of("u1", 1, (HEIGHT, WIDTH)).astype(bool)
    image = Image.fromarray(mask)
    image.save(tmp_path / "a.tif", compression=compression, tiffinfo={262: 1 - white})
    with Image.open(tmp_path / "a.tif") as saved:
        meant = np.asarray(saved)
    assert np.array_equal(read_raw(tmp_path / "a.tif"), meant)


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "webp", "zstd", "lzma"])
def test_picture_codecs(tmp_path, picture, compression):
    colours = np.stack([picture] * 3, axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", compression=compression)
    assert np.abs(read_raw(tmp_path / "a.tif") - colours.astype(float)).mean() < 3


def test_black_is_zero_where_nothing_is_said(tmp_path, picture):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, photometric="minisblack", metadata=None)
    tag = (262).to_bytes(2, "little") + b"\x03\0"
    path.write_bytes(path.read_bytes().replace(tag, (65100).to_bytes(2, "little") + b"\x03\0"))
    assert np.array_equal(read_raw(path), picture)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_grey_in_inks(tmp_path, picture, compression):
    path = tmp_path / "a.tif"
    Image.fromarray(picture).convert("CMYK").save(path, compression=compression)
    assert np.array_equal(read_micrograph(path).pixels, picture)
    Image.fromarray(picture).convert("RGB").convert("YCbCr").save(path, compression=compression)
    fails("holds colours as YCBCR", read_micrograph, path)


@pytest.mark.parametrize("code", [22610, 32766, 32809, 34661, 34676, 65500])
def test_a_missing_codec_is_named_with_the_way_out(tmp_path, code):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((40, 40), np.uint8))
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["Compression"].overwrite(code)
    message = fails("save it without compression", read_raw, path)
    known = code in set(tifffile.COMPRESSION)
    assert (tifffile.COMPRESSION(code).name if known else str(code)) in message


def test_without_the_codecs_package_lzw_is_named(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 40), np.uint8), compression="lzw")
    monkeypatch.setattr(tiff.tifffile.TIFF, "DECOMPRESSORS", {1: bytes})
    fails("LZW", read_raw, tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "jpeg"])
def test_a_file_that_ends_early_is_refused(tmp_path, picture, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, compression=compression)
    path.write_bytes(path.read_bytes()[:-40])
    fails("cut off", read_raw, path)
