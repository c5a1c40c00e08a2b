"""Reading microscope files: values untouched, scale and info bar found, faults in one sentence."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan.errors import UserError
from fancgan.microscopy.info_bar import find_info_bar
from fancgan.microscopy.micrograph import read_micrograph, read_raw
from tests.support.sentences import fails
from tests.support.tags import fei_tag, zeiss_tag

GREY_RAMP = np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)


def refused(path: Path, words: str, **options) -> None:
    message = fails(words, read_micrograph, path, **options)
    assert path.name in message and len(message) < 160


# values


@pytest.mark.parametrize("suffix", ["tif", "png", "bmp"])
def test_grey8_is_read_as_it_is(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).save(path)
    found = read_micrograph(path)
    assert found.pixels.dtype == np.uint8
    assert np.array_equal(found.pixels, picture)
    assert (found.nm_per_px, found.nm_source, found.info_bar_row) == (None, None, None)
    assert found.field.shape == picture.shape


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff(tmp_path, picture, compression):
    Image.fromarray(picture).save(tmp_path / "a.tif", compression=compression)
    assert np.array_equal(read_micrograph(tmp_path / "a.tif").pixels, picture)


def test_jpeg_is_close(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_micrograph(tmp_path / "a.jpg").pixels - picture.astype(float)).mean() < 2


@pytest.mark.parametrize("suffix", ["tif", "png"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_16_bit_keeps_its_values(tmp_path, picture, suffix, byteorder):
    deep = picture.astype(np.uint16) * 200 + 7
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, deep, byteorder=byteorder)
    else:
        Image.fromarray(deep).save(path)
    found = read_micrograph(path).pixels
    assert found.dtype == np.uint16 and found.dtype.isnative
    assert np.array_equal(found, deep)


def test_float_and_wide_integers(tmp_path, picture):
    tifffile.imwrite(tmp_path / "f.tif", picture.astype(np.float32) / 3 - 20)
    tifffile.imwrite(tmp_path / "u.tif", picture.astype(np.uint32) * 1000)
    tifffile.imwrite(tmp_path / "i.tif", picture.astype(np.int32) * 10)
    assert np.array_equal(read_micrograph(tmp_path / "f.tif").pixels, np.float32(picture) / 3 - 20)
    assert read_micrograph(tmp_path / "u.tif").pixels.max() == picture.max() * 1000.0
    assert read_micrograph(tmp_path / "i.tif").pixels.dtype == np.uint16


def test_palette_tiff_gives_raw_indices(tmp_path, picture):
    false_colours = GREY_RAMP[:, ::-1].copy()
    false_colours[0] = 0
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, photometric="palette", colormap=false_colours)
    assert np.array_equal(read_micrograph(path).pixels, picture)


def test_palette_png_gives_its_grey_levels(tmp_path, picture):
    image = Image.fromarray(255 - picture).convert("P")
    image.putpalette([level for i in range(256) for level in (255 - i,) * 3])
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_micrograph(tmp_path / "a.png").pixels, picture)
    assert np.array_equal(read_raw(tmp_path / "a.png"), 255 - picture)


def test_grey_in_colour_channels(tmp_path, picture):
    Image.fromarray(picture).convert("RGB").save(tmp_path / "rgb.png")
    Image.fromarray(picture).convert("RGBA").save(tmp_path / "rgba.png")
    Image.fromarray(picture).convert("LA").save(tmp_path / "la.png")
    planes = np.stack([picture] * 3)
    tifffile.imwrite(tmp_path / "p.tif", planes, photometric="rgb", planarconfig="separate")
    for name in ("rgb.png", "rgba.png", "la.png", "p.tif"):
        assert np.array_equal(read_micrograph(tmp_path / name).pixels, picture), name


def test_min_is_white(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="miniswhite")
    assert np.array_equal(read_micrograph(tmp_path / "a.tif").pixels, 255 - picture)


def test_pages(tmp_path, picture):
    stack = np.stack([picture, 255 - picture, picture // 2])
    tifffile.imwrite(tmp_path / "pages.tif", stack, photometric="minisblack")
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    for name in ("pages.tif", "stack.tif"):
        for page in range(3):
            assert np.array_equal(read_micrograph(tmp_path / name, page).pixels, stack[page])
        refused(tmp_path / name, "3 page", page=3)
        refused(tmp_path / name, "no page -1", page=-1)


# pixel size


def test_fei_bar_is_what_was_not_scanned(tmp_path, picture):
    text = "[Scan]\nPixelWidth=3.5e-9\nPixelHeight=3.5e-9\n[Image]\nResolutionY=140\n"
    tifffile.imwrite(tmp_path / "f.tif", picture, extratags=fei_tag(text))
    found = read_micrograph(tmp_path / "f.tif")
    assert found.info_bar_row == 140
    assert np.array_equal(found.field, picture[:140])


# info bar


@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0), (40, 230)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_info_bar_is_found(tmp_path, draw_discs, info_bar, paper, ink, dtype):
    image = draw_discs(300, 400).image
    whole = np.concatenate([image, info_bar(40, 400, paper, ink)])
    whole = whole.astype(dtype) * (257 if dtype == np.uint16 else 1)
    tifffile.imwrite(tmp_path / "a.tif", whole)
    found = read_micrograph(tmp_path / "a.tif")
    assert found.info_bar_row == 300
    assert np.array_equal(found.field, whole[:300])


def test_info_bar_with_a_frame_and_picture_around_it(draw_discs, info_bar):
    """Zeiss draws its bar as a box that leaves two rows below and two columns beside it."""
    image = draw_discs(300, 400).image
    image[260:298, :398] = info_bar(38, 398)
    assert find_info_bar(image) == 260
    image[259, :] = 255
    assert find_info_bar(image) == 259


@pytest.mark.parametrize("height", [296, 300, 303])
@pytest.mark.parametrize("quality", [75, 90])
def test_info_bar_survives_jpeg(tmp_path, draw_discs, info_bar, height, quality):
    whole = np.concatenate([draw_discs(height, 400).image, info_bar(40, 400)])
    Image.fromarray(whole).save(tmp_path / "a.jpg", quality=quality)
    assert read_micrograph(tmp_path / "a.jpg").info_bar_row == height


def test_no_false_info_bar(draw_discs):
    many = draw_discs(300, 400, radii=(9,) * 60)
    striped = np.tile(np.repeat([[30], [200]], 8, axis=0), (20, 400)).astype(np.uint8)
    padded = many.image.copy()
    padded[270:] = 0
    fields = {
        "discs with noise": many.image,
        "binary discs": many.mask.astype(np.uint8) * 255,
        "inverted discs": 255 - many.mask.astype(np.uint8) * 255,
        "black": np.zeros((300, 400), np.uint8),
        "white": np.full((300, 400), 255, np.uint8),
        "gradient": np.tile(np.arange(400) // 2, (300, 1)).astype(np.uint8),
        "stripes": striped,
        "padding without writing": padded,
        "too small": many.image[:50, :50],
        "narrow": many.image[:, :40],
    }
    for name, image in fields.items():
        assert find_info_bar(image) is None, name
    for seed in range(20):
        discs = draw_discs(128, 128, radii=(5,) * 12, seed=seed)
        assert find_info_bar(discs.image) is None
        assert find_info_bar(discs.mask * np.uint8(200)) is None


@pytest.mark.micrographs
@pytest.mark.parametrize("modality", ["sem", "tsem"])
def test_real_micrographs(tio2, modality):
    paths = sorted((tio2 / modality).glob("*.tif"))
    assert len(paths) == 32
    for path in paths:
        found = read_micrograph(path)
        assert found.info_bar_row == 712, path.name
        assert find_info_bar(found.field) is None, path.name
        assert found.pixels.dtype == np.uint8
        assert found.pixels.shape == (768, 1024)
        assert found.nm_per_px == pytest.approx(7.344)


# faults


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize("width", [8500, 15000, 20000])
def test_huge_png_is_refused_before_decoding(tmp_path, width, recwarn):
    (tmp_path / "big.png").write_bytes(png_header(width, 10000))
    refused(tmp_path / "big.png", "larger than 80 megapixels")
    assert not recwarn.list


def test_huge_tiff_is_refused_before_decoding(tmp_path):
    path = tmp_path / "big.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8))
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        for name in ("ImageWidth", "ImageLength"):
            tag = tiff.pages[0].tags[name]
            size = struct.calcsize("<" + {3: "H", 4: "I"}[int(tag.dtype)])
            data[tag.valueoffset : tag.valueoffset + size] = (20000).to_bytes(size, "little")
    path.write_bytes(data)
    refused(path, "larger than 80 megapixels")


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.bmp"])
def test_broken_files(tmp_path, picture, name):
    path = tmp_path / name
    refused(path, "does not exist")
    path.touch()
    refused(path, "empty")
    path.write_text("this is no picture")
    refused(path, "none of them")
    path.unlink()
    Image.fromarray(picture).save(path)
    whole = path.read_bytes()
    for kept in (len(whole) // 2, 40, 9):
        path.write_bytes(whole[:kept])
        refused(path, "cut off")


@pytest.mark.filterwarnings("ignore:Metadata Warning")
@pytest.mark.parametrize("name", ["a.tif", "z.tif", "a.png", "a.jpg", "a.bmp"])
def test_damaged_bytes_give_a_picture_or_a_sentence(tmp_path, draw_discs, name):
    path = tmp_path / name
    small = draw_discs(64, 64, radii=(6, 8)).image
    if name == "z.tif":
        tifffile.imwrite(path, small, extratags=zeiss_tag("7 nm"), compression="zlib")
    else:
        Image.fromarray(small).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in rng.integers(0, 300, 4) - rng.choice([0, 300]):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            assert read_micrograph(path).pixels.ndim == 2
        except UserError as error:
            assert name in str(error)


def test_broken_tiff_metadata_costs_only_the_scale(tmp_path, picture):
    tags = [(34118, 7, 30, b"\xff\x00AP_IMAGE_PIXEL_SIZE\r\n\xfe\xfd garbage", True)]
    tifffile.imwrite(tmp_path / "a.tif", picture, extratags=tags)
    assert np.array_equal(read_micrograph(tmp_path / "a.tif").pixels, picture)


def test_folder(tmp_path):
    refused(tmp_path, "is a folder")


def test_too_small(tmp_path):
    for width, height in ((1, 1), (31, 100), (100, 31)):
        Image.new("L", (width, height)).save(tmp_path / "s.png")
        refused(tmp_path / "s.png", f"{width} x {height} pixels; at least 32 x 32")


def test_colour(tmp_path, picture):
    colours = np.stack([picture, 255 - picture, picture // 2], axis=-1)
    Image.fromarray(colours).save(tmp_path / "c.png")
    tifffile.imwrite(tmp_path / "c.tif", colours)
    tifffile.imwrite(tmp_path / "wide.tif", colours.astype(np.uint16))  # 8 bits of 16
    tifffile.imwrite(tmp_path / "bits.tif", colours > 90, photometric="rgb")
    tifffile.imwrite(tmp_path / "signed.tif", colours.astype(np.int16) - 99, photometric="rgb")
    for name in ("wide.tif", "bits.tif", "signed.tif"):
        refused(tmp_path / name, "colour")
    refused(tmp_path / "c.png", "colour")
    refused(tmp_path / "c.tif", "colour")
    for name in ("c.png", "c.tif", "wide.tif"):
        for number, channel in enumerate(("red", "green", "blue")):
            taken = read_micrograph(tmp_path / name, channel=channel).pixels
            assert np.array_equal(taken, colours[..., number]), (name, channel)
    luminance = read_micrograph(tmp_path / "c.png", channel="luminance").pixels
    with Image.open(tmp_path / "c.png") as image:
        assert abs(luminance - np.asarray(image.convert("L"), float)).max() <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(tmp_path, picture, value):
    bad = picture.astype(np.float32)
    bad[3, 4] = value
    tifffile.imwrite(tmp_path / "n.tif", bad)
    refused(tmp_path / "n.tif", "NaN or infinite")


def test_complex_numbers(tmp_path):
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((40, 40), np.complex64))
    refused(tmp_path / "c.tif", "complex64")
