"""Pixel sizes in the tags that makers write, for this page, this width and this axis alone."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from fancgan.microscopy.micrograph import read_micrograph
from tests.support.tags import (
    fei_tag,
    sis_tag,
    tescan_tag,
    text_tag,
    tvips_tag,
    zeiss_tag,
)

WIDTH, HEIGHT = 192, 160
THERMO = """<?xml version="1.0" encoding="utf-8"?><Metadata xmlns="http://schemas.fei.com/Metadata/v1">
<BinaryResult><ImageSize><X>{width}</X><Y>160</Y></ImageSize>
<PixelSize><X unit="m" unitPrefixPower="1">2.5E-09</X><Y unit="m">2.5E-09</Y></PixelSize>
</BinaryResult></Metadata>"""
PHENOM = '<FeiImage><pixelWidth unit="um">0.0025</pixelWidth></FeiImage>'
FIBICS = """<?xml version="1.0" encoding="iso-8859-1"?><Fibics version="1.0"><Image>
<Width>{width}</Width><Height>160</Height></Image><Scan><FOV_X units="um">0.48</FOV_X>
<FOV_Y units="um">0.4</FOV_Y></Scan></Fibics>"""
GATAN = [(65003, 2, 0, "µm".encode(), True), (65009, 12, 1, 0.0025, True)]
SIGHTX = """<TemReporter><Eos><EosMode>eosTEM</EosMode></Eos><ImageFormingSystem>
<ModeString>{mode}</ModeString><SelectorValue>40000</SelectorValue></ImageFormingSystem></TemReporter>"""


def size_with(tmp_path, picture, tags, **options):
    tifffile.imwrite(tmp_path / "a.tif", picture, extratags=tags, metadata=None, **options)
    found = read_micrograph(tmp_path / "a.tif")
    assert found.pixels.shape == (HEIGHT, WIDTH)
    return found.nm_per_px, found.nm_source


@pytest.mark.parametrize(
    ("tags", "source"),
    [
        (text_tag(34683, THERMO.format(width=WIDTH)), "Thermo Fisher XML PixelSize"),
        (text_tag(34683, PHENOM), "Thermo Fisher XML PixelSize"),
        (text_tag(51023, FIBICS.format(width=WIDTH)), "Fibics XML FOV_X"),
        (GATAN, "Gatan tag 65009"),
        ([*GATAN, (65004, 2, 0, "nm", True), (65010, 12, 1, 2.5, True)], "Gatan tag 65009"),
        (tescan_tag("HV=15000", "PixelSizeX=2.5e-9\r\nPixelSizeY=2.5e-9"), "Tescan PixelSizeX"),
        (tvips_tag(2.5, WIDTH), "TVIPS PixelSizeX"),
    ],
)
def test_makers(tmp_path, picture, tags, source):
    assert size_with(tmp_path, picture, tags) == (pytest.approx(2.5), source)


def test_olympus(tmp_path, picture):
    found = read_micrograph(sis_tag(tmp_path, picture, 2.5e-9))
    assert (found.nm_per_px, found.nm_source) == (pytest.approx(2.5), "Olympus SIS")


@pytest.mark.parametrize(("mode", "nm"), [("MAG", 2.5), ("DIFF", None)])
def test_jeol_sightx(tmp_path, picture, mode, nm):
    """A pixel is 0.1 mm wide on the camera, and 2.5 nm at a magnification of 40,000."""
    tags = [*text_tag(271, "JEOL Ltd."), *text_tag(270, SIGHTX.format(mode=mode))]
    options = {"resolution": (100, 100), "resolutionunit": "CENTIMETER"}
    found, source = size_with(tmp_path, picture, tags, **options)
    assert found == (nm and pytest.approx(nm)) and "JEOL SightX" in source


@pytest.mark.parametrize(
    "tags",
    [
        text_tag(34683, THERMO.format(width=1536)),
        text_tag(51023, FIBICS.format(width=2048)),
        tvips_tag(2.5, 2048),
        fei_tag("[Scan]\nPixelWidth=2.5e-9\n[Image]\nResolutionX=1536\n"),
        zeiss_tag("2.5 nm", "AP_WIDTH\r\nWidth = 2.56 µm\r\n"),
        zeiss_tag("2.5 nm", "DP_IMAGE_STORE\r\nStore resolution = 1024 * 768\r\n"),
    ],
)
def test_a_picture_that_was_resized_outside_has_no_scale(tmp_path, picture, tags):
    found, reason = size_with(tmp_path, picture, tags)
    assert found is None and "this one has 192" in reason


@pytest.mark.parametrize(
    "tags",
    [
        [(65003, 2, 0, "1/nm", True), (65009, 12, 1, 0.0025, True)],
        [*GATAN, (65004, 2, 0, "eV", True), (65010, 12, 1, 2.5, True)],
        tescan_tag("PixelSizeX=" + "9" * 5000),
        text_tag(51023, FIBICS.format(width=WIDTH).replace("0.48", "1.2.3")),
        fei_tag("[Scan]\nPixelWidth=1e-300\n"),
    ],
)
def test_what_is_no_length_is_not_taken(tmp_path, picture, tags):
    found, reason = size_with(tmp_path, picture, tags)
    assert found is None and reason


@pytest.mark.parametrize(("unit", "per_unit", "dpi"), [("cm", 28.3465, 72), ("mm", 11.811, 300)])
def test_a_resolution_for_printing_is_no_scale(tmp_path, picture, unit, per_unit, dpi):
    path = tmp_path / "printed.tif"
    options = {"resolution": (per_unit, per_unit), "metadata": {"unit": unit}}
    tifffile.imwrite(path, picture, imagej=True, **options)
    found = read_micrograph(path)
    assert found.nm_per_px is None and f"{dpi} dots per inch" in found.nm_source


@pytest.mark.parametrize(
    "text", ["<!DOCTYPE a><a/>", "<a", "no XML", f"<!DOCTYPE a [<!ENTITY x '1'>]>{PHENOM}"]
)
def test_other_xml_says_nothing(tmp_path, picture, text):
    assert size_with(tmp_path, picture, text_tag(34683, text)) == (None, None)


@pytest.mark.parametrize(
    ("words", "nm"),
    [
        ("AP_WIDTH\r\nWidth = 0.48 µm\r\nAP_PIXEL_SIZE\r\nPixel Size = 0.46875 nm\r\n", 2.5),
        ("AP_PIXEL_SIZE\r\nPixel Size = 0.46875 nm\r\n", 2.5),
        ("0\r\n0\r\n4.6875e-10\r\n", 2.5),
        ("0\r\n0\r\n0\r\n", None),
    ],
)
def test_old_smartsem_counts_on_a_screen_of_1024_columns(tmp_path, picture, words, nm):
    data = f"0\r\n{words}".encode("cp1252")
    found, _ = size_with(tmp_path, picture, [(34118, 7, len(data), data, True)])
    assert found == (nm and pytest.approx(nm))


def test_each_page_has_its_own_scale(tmp_path, picture):
    small = np.ascontiguousarray(picture[::2, ::2])
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page, size in ((picture, "10 nm"), (picture, "5 nm"), (picture, None), (small, None)):
            file.write(page, extratags=zeiss_tag(size) if size else (), metadata=None)
    sizes = [read_micrograph(tmp_path / "a.tif", page).nm_per_px for page in range(4)]
    assert sizes == [10, 5, 10, None]  # the first page speaks for those of its size


def test_each_image_of_ome_has_its_own_scale(tmp_path, picture):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        for nm, pages in ((3.0, 2), (8.0, 1)):
            file.write(
                np.stack([picture] * pages),
                photometric="minisblack",
                metadata={"axes": "ZYX", "PhysicalSizeX": nm, "PhysicalSizeXUnit": "nm"},
            )
    sizes = [read_micrograph(tmp_path / "a.ome.tif", page).nm_per_px for page in range(3)]
    assert sizes == [3, 3, 8]


@pytest.mark.parametrize(
    ("orientation", "shape"), [(1, (HEIGHT, 2 * WIDTH)), (6, (2 * WIDTH, HEIGHT))]
)
def test_the_axes_turn_with_the_picture(tmp_path, picture, orientation, shape):
    tags = [(274, 3, 1, orientation, True), *fei_tag("[Scan]\nPixelWidth=4e-9\nPixelHeight=2e-9\n")]
    tifffile.imwrite(tmp_path / "a.tif", picture, extratags=tags)
    found = read_micrograph(tmp_path / "a.tif")
    assert (found.nm_per_px, found.pixels.shape) == (2, shape)
