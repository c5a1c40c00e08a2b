"""Nanometres per pixel from the files of each maker, and from none where they do not say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fancgan.measuring.properties import measure_particles
from fancgan.microscopy.image_files import imagej_tiff, label_tiff, png_bytes, synthetic_text
from fancgan.microscopy.micrograph import read_micrograph
from tests.support.tags import fei_tag, zeiss_tag


def scale_of(path: Path) -> tuple[float | None, str | None]:
    found = read_micrograph(path)
    return found.nm_per_px, found.nm_source


@pytest.mark.parametrize(
    ("size", "nm"), [("7.344 nm", 7.344), ("1.5 µm", 1500), ("250 pm", 0.25), ("3 nm", 3)]
)
def test_zeiss(tmp_path, picture, size, nm):
    path = tmp_path / "z.tif"
    tifffile.imwrite(path, picture, extratags=zeiss_tag(size), resolution=(300, 300))
    assert scale_of(path) == (pytest.approx(nm), "Zeiss CZ_SEM ap_image_pixel_size")


@pytest.mark.parametrize("size", ["0 nm", "7 furlongs", "7.344", "-3 nm", "nan nm"])
def test_useless_zeiss_is_none(tmp_path, picture, size):
    tifffile.imwrite(tmp_path / "z.tif", picture, extratags=zeiss_tag(size))
    assert scale_of(tmp_path / "z.tif") == (None, None)


@pytest.mark.parametrize("section", ["Scan", "EScan", "IScan"])
def test_fei(tmp_path, picture, section):
    text = f"[{section}]\nPixelWidth=3.5e-9\nPixelHeight=3.51e-9\n"
    tifffile.imwrite(tmp_path / "f.tif", picture, extratags=fei_tag(text))
    assert scale_of(tmp_path / "f.tif") == (
        pytest.approx(3.5),
        f"FEI/Thermo {section} PixelWidth",
    )


@pytest.mark.parametrize(("width", "height"), [(4.0, 5.0), (5.0, 4.0), (2.0, 3.4)])
def test_pixels_that_are_not_square_are_made_so(tmp_path, width, height):
    """A disc scanned with oblong pixels is an ellipse in the file and a disc in the result."""
    nm = 160.0
    rows, columns = np.mgrid[:200, :200]
    inside = np.hypot((columns - 99.6) * width, (rows - 100.3) * height) <= nm
    text = f"[Scan]\nPixelWidth={width}e-9\nPixelHeight={height}e-9\n"
    tifffile.imwrite(tmp_path / "f.tif", np.uint8(30 + 100 * inside), extratags=fei_tag(text))
    found = read_micrograph(tmp_path / "f.tif")
    assert found.nm_per_px == min(width, height)
    assert "made square" in found.nm_source
    assert found.pixels.dtype == np.uint8
    disc = measure_particles((found.pixels > 80).astype(np.int32), found.nm_per_px).iloc[0]
    assert disc["ecd_nm"] == pytest.approx(2 * nm, rel=0.01)
    assert disc["feret_max_nm"] == pytest.approx(2 * nm, abs=2 * max(width, height))
    assert disc["feret_min_nm"] == pytest.approx(2 * nm, abs=2 * max(width, height))


@pytest.mark.parametrize(("unit", "nm"), [("nm", 4), ("um", 4000), ("micron", 4000), ("µm", 4000)])
def test_imagej(tmp_path, picture, unit, nm):
    unit = unit.encode("ascii", "backslashreplace").decode().replace("\\xb5", "\\u00B5")
    path = tmp_path / "j.tif"
    tifffile.imwrite(path, picture, imagej=True, resolution=(0.25, 0.25), metadata={"unit": unit})
    assert scale_of(path) == (pytest.approx(nm), "ImageJ resolution and unit")


def test_ome(tmp_path, picture):
    metadata = {"PhysicalSizeX": 0.005, "PhysicalSizeY": 0.005}
    tifffile.imwrite(tmp_path / "a.ome.tif", picture, ome=True, metadata=metadata)
    assert scale_of(tmp_path / "a.ome.tif") == (pytest.approx(5), "OME PhysicalSizeX")
    metadata |= {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(tmp_path / "b.ome.tif", picture, ome=True, metadata=metadata)
    assert scale_of(tmp_path / "b.ome.tif")[0] == pytest.approx(0.005)
    tifffile.imwrite(tmp_path / "c.ome.tif", picture, ome=True)
    assert scale_of(tmp_path / "c.ome.tif") == (None, None)


def test_what_we_write_is_read_again(tmp_path, picture):
    """A saved synthetic image and a saved label image keep their scale."""
    (tmp_path / "a.png").write_bytes(
        png_bytes(Image.fromarray(picture), synthetic_text("0" * 12, 7, 7.344))
    )
    assert scale_of(tmp_path / "a.png") == (pytest.approx(7.344), "PNG text NmPerPx")
    (tmp_path / "b.tif").write_bytes(imagej_tiff(picture, {"Synthetic": "true"}, 7.344))
    (tmp_path / "c.tif").write_bytes(label_tiff(picture.astype(np.int32), 7.344))
    for name in ("b.tif", "c.tif"):
        assert scale_of(tmp_path / name)[0] == pytest.approx(7.344, rel=1e-5)


def test_print_resolution_is_no_pixel_size(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture, resolution=(300, 300), resolutionunit="INCH")
    tifffile.imwrite(tmp_path / "b.tif", picture, resolution=(1e4, 1e4), resolutionunit=3)
    Image.fromarray(picture).save(tmp_path / "c.png", dpi=(300, 300))
    for name in ("a.tif", "b.tif", "c.png"):
        assert scale_of(tmp_path / name) == (None, None)


JEOL = (
    "$CM_FORMAT JEOL\n$CM_FULL_SIZE 192 160\n$$SM_MICRON_BAR {bar}\n$$SM_MICRON_MARKER {marker}\n"
)
HITACHI = "[SemImageFile]\r\nInstructName=SU8000\r\nDataSize={size}\r\nPixelSize={nm}\r\n"
TESCAN = "[MAIN]\nDevice=MIRA3\nPixelSizeX={x}\nPixelSizeY={y}\n[SEM]\nHV=15000\n"


@pytest.mark.parametrize(
    ("name", "words", "nm", "source"),
    [
        ("a.txt", JEOL.format(bar=50, marker="100nm"), 2.0, "JEOL"),
        ("a.txt", JEOL.format(bar=80, marker="1um"), 12.5, "JEOL"),
        ("a.TXT", JEOL.format(bar=80, marker="1 um"), 12.5, "JEOL"),
        ("a.txt", HITACHI.format(size="192x160", nm="1.984375"), 1.984375, "Hitachi"),
        ("a.hdr", TESCAN.format(x="2.5e-009", y="2.5e-009"), 2.5, "Tescan"),
    ],
)
@pytest.mark.parametrize("picture_name", ["a.tif", "a.bmp", "a.jpg"])
def test_side_files(tmp_path, picture, name, words, nm, source, picture_name):
    Image.fromarray(picture).save(tmp_path / picture_name)
    (tmp_path / name).write_text(words)
    found, where = scale_of(tmp_path / picture_name)
    assert found == pytest.approx(nm)
    assert source in where and name in where


def test_hitachi_writes_utf_16_too(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.tif")
    (tmp_path / "a.txt").write_text(HITACHI.format(size="192x160", nm="3.5"), encoding="utf-16")
    assert scale_of(tmp_path / "a.tif")[0] == pytest.approx(3.5)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Dear diary",
        "\0" * 100,
        HITACHI.format(size="1280x960", nm="3.5"),  # of a picture of another size
        HITACHI.format(size="192x160", nm="none"),
        JEOL.format(bar=0, marker="1um"),
        JEOL.format(bar=80, marker="1px"),
        JEOL.replace("192", "1280").format(bar=80, marker="1um"),
        "[SemImageFile\nPixelSize=3",
    ],
)
def test_other_files_beside_say_nothing(tmp_path, picture, words):
    Image.fromarray(picture).save(tmp_path / "a.tif")
    (tmp_path / "a.txt").write_text(words)
    assert scale_of(tmp_path / "a.tif") == (None, None)


def test_the_files_own_word_goes_before_that_of_its_neighbour(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture, extratags=zeiss_tag("7.344 nm"))
    (tmp_path / "a.txt").write_text(HITACHI.format(size="192x160", nm="3.5"))
    assert scale_of(tmp_path / "a.tif")[0] == pytest.approx(7.344)
