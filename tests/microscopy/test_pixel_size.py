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


@pytest.mark.parametrize("size", ["0 nm", "7 furlongs", "7.344", "-3 nm", "nan nm", "1e-300 nm"])
def test_useless_zeiss_is_unknown_with_a_reason(tmp_path, picture, size):
    tifffile.imwrite(tmp_path / "z.tif", picture, extratags=zeiss_tag(size))
    found, reason = scale_of(tmp_path / "z.tif")
    assert found is None and reason.startswith("Zeiss CZ_SEM ap_image_pixel_size says")


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


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        *(("nm", 4), ("nanometer", 4), ("Nanometers", 4), ("nanometre", 4)),
        *(("um", 4e3), ("micron", 4e3), ("µm", 4e3), ("micrometer", 4e3), ("micrometre", 4e3)),
        *(("Å", 0.4), ("angstrom", 0.4), ("pm", 4e-3), ("picometers", 4e-3), ("mm", 4e6)),
    ],
)
def test_imagej(tmp_path, picture, unit, nm):
    unit = "".join(c if c.isascii() else f"\\u{ord(c):04X}" for c in unit)
    path = tmp_path / "j.tif"
    tifffile.imwrite(path, picture, imagej=True, resolution=(0.25, 0.25), metadata={"unit": unit})
    assert scale_of(path) == (pytest.approx(nm), "ImageJ resolution and unit")


@pytest.mark.parametrize(
    ("words", "resolution", "nm"),
    [
        ("unit=nm\nyunit=um", (0.25, 250), 4),
        ("unit=um\nyunit=nm", (250, 0.25), 4),
        ("unit=nm\nyunit=1/nm", (0.25, 0.25), None),
        ("unit=nm\nyunit=sec", (0.25, 0.25), None),
        ("unit=nm", (0.25, 250), None),  # pixels a thousand times as wide as high
        ("unit=furlong", (0.25, 0.25), None),
        ("unit=m", (0.25, 0.25), None),
    ],
)
def test_each_axis_of_imagej_has_its_unit(tmp_path, picture, words, resolution, nm):
    options = {"resolution": resolution, "metadata": None, "description": f"ImageJ=1.54f\n{words}"}
    tifffile.imwrite(tmp_path / "j.tif", picture, **options)
    found = read_micrograph(tmp_path / "j.tif")
    assert found.pixels.shape == picture.shape
    assert found.nm_per_px == (nm and pytest.approx(nm)) and "ImageJ" in found.nm_source


@pytest.mark.parametrize("unit", ["inch", "pixel", ""])
def test_imagej_says_nothing_in_units_of_print(tmp_path, picture, unit):
    path = tmp_path / "j.tif"
    tifffile.imwrite(path, picture, imagej=True, resolution=(300, 300), metadata={"unit": unit})
    assert scale_of(path) == (None, None)


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


@pytest.mark.parametrize(
    ("picture_name", "name"),
    [
        ("a.tif", "a-tif.hdr"),
        ("a.png", "a-png.hdr"),
        ("A.TIF", "A-tif.hdr"),
        ("a.b.tif", "a.b.hdr"),
    ],
)
def test_tescan_names_its_files_so(tmp_path, picture, picture_name, name):
    Image.fromarray(picture).save(tmp_path / picture_name)
    (tmp_path / name).write_text(TESCAN.format(x="2.5e-009", y="2.5e-009"))
    assert scale_of(tmp_path / picture_name) == (2.5, f"Tescan PixelSizeX in {name}")


@pytest.mark.parametrize(
    ("encoding", "micro"),
    [
        *(("utf-8", "µ"), ("utf-8-sig", "μ"), ("cp1252", "µ"), ("shift_jis", "μ")),
        *(("utf-16", "µ"), ("utf-16-le", "µ"), ("utf-16-be", "μ")),
    ],
)
def test_side_files_in_every_encoding(tmp_path, picture, encoding, micro):
    title = "粒子" if encoding == "shift_jis" else "é" if encoding == "cp1252" else "é粒子"
    jeol = f"$CM_TITLE {title}\r\n" + JEOL.format(bar=50, marker=f"1{micro}m")
    hitachi = HITACHI.format(size="192x160", nm="3.5") + f"Comment={title}\r\n"
    for words, nm in ((jeol, 20), (hitachi.replace("SemImage", "TemImage"), 3.5)):
        Image.fromarray(picture).save(tmp_path / "a.tif")
        (tmp_path / "a.txt").write_bytes(words.encode(encoding))
        assert scale_of(tmp_path / "a.tif")[0] == pytest.approx(nm)


@pytest.mark.parametrize("words", ["", "Dear diary", "\0" * 100, "[SemImageFile\nPixelSize=3"])
def test_other_files_beside_say_nothing(tmp_path, picture, words):
    Image.fromarray(picture).save(tmp_path / "a.tif")
    (tmp_path / "a.txt").write_text(words)
    assert scale_of(tmp_path / "a.tif") == (None, None)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (HITACHI.format(size="1280x960", nm="3.5"), "of a picture 1280 pixels wide"),
        (HITACHI.format(size="²x3", nm="3.5"), "of a picture ² pixels wide"),
        (HITACHI.format(size="192x160", nm="none"), "says 'none nm'"),
        (HITACHI.format(size="192x160", nm="9" * 5000), "no length"),
        (HITACHI.format(size="9" * 5000, nm="3.5"), "pixels wide"),
        (HITACHI.format(size="192x160", nm="1e-300"), "which cannot be"),
        (JEOL.format(bar=0, marker="1um"), "on 0 pixels"),
        (JEOL.format(bar="1.2.3", marker="1um"), "on 1.2.3 pixels"),
        (JEOL.format(bar=80, marker="1.2.3um"), "says '1.2.3 um'"),
        (JEOL.format(bar=80, marker="1px"), "px"),
        (JEOL.replace("192", "1280").format(bar=80, marker="1um"), "1280 pixels wide"),
        (TESCAN.format(x="2.5", y="2.5"), "which cannot be"),
        (TESCAN.format(x="2.5e-9", y="-1"), "no length"),
    ],
)
def test_what_is_not_taken_has_a_reason(tmp_path, picture, words, reason):
    Image.fromarray(picture).save(tmp_path / "a.tif")
    (tmp_path / ("a.hdr" if "[MAIN]" in words else "a.txt")).write_text(words)
    found, why = scale_of(tmp_path / "a.tif")
    assert found is None and reason in why and len(why) < 120


def test_the_files_own_word_goes_before_that_of_its_neighbour(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture, extratags=zeiss_tag("7.344 nm"))
    (tmp_path / "a.txt").write_text(HITACHI.format(size="192x160", nm="3.5"))
    assert scale_of(tmp_path / "a.tif")[0] == pytest.approx(7.344)
