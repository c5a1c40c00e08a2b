"""Nanometres per pixel in the tags of a TIFF, maker by maker, for the page that is read.

Zeiss, LEO: 34118, `ap_image_pixel_size`, in old files `ap_width` over the width. FEI, Thermo
Fisher: 34680 and 34682, `PixelWidth`; 34683, XML with `PixelSize` or Phenom's `pixelWidth`. Fibics:
51023, field of view. Gatan's export: 65003 and 65009. Tescan: 50431. TVIPS: 37706. Olympus: 33560.
JEOL SightX: resolution of the camera over the magnification of the XML in ImageDescription. ImageJ:
resolution and unit. OME-TIFF: `PhysicalSizeX`. The plain resolution tags mean the size of a print
and are not asked.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from xml.etree import ElementTree

import tifffile

from fancgan.microscopy.pixel_size import (
    PixelSize,
    UnknownScale,
    check_width,
    number,
    pixel_size,
)
from fancgan.microscopy.side_file import facts_of, tescan

WIDTH_WITHIN = 0.02  # that two numbers of a file may differ by rounding
_PRINTED = ("", "inch", "inches", "in", "pixel", "pixels", "none")


def from_page(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize | None:
    """Return the pixel size that a page's tags tell, None where they do not.

    What stands on the first page alone counts for pages of its size. Raises UnknownScale for a
    number that cannot be this page's. Pages that lie on their side have width and height changed.
    """
    tags = _Tags(tiff, page)
    for maker in (_zeiss, _fei, _thermo, _fibics, _gatan, _tescan, _tvips, _olympus, _sightx):
        if size := maker(tags, page):
            break
    else:
        size = _imagej(tiff, tags) or _ome(tiff, page)
    if size and orientation_of(page) >= 5:
        return PixelSize(size.height_nm, size.width_nm, size.source)
    return size


def orientation_of(page: tifffile.TiffPage) -> int:
    """Return the TIFF tag Orientation, 1 to 8: from 5 on, rows are stored as columns."""
    stated = page.tags.valueof(274)
    return int(stated) if stated in range(1, 9) else 1


def bar_row(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> int | None:
    """FEI and Thermo files tell how many rows were scanned; what is below is the bar."""
    scale = page.imagelength
    for facts in _fei_facts(_Tags(tiff, page)):
        rows = number(_section(facts, "Image").get("ResolutionY"))
        return int(rows) if rows and scale * 0.7 <= rows < scale else None
    return None


class _Tags:
    """The tags of a page; those of the first page too, where it has the same size."""

    def __init__(self, tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> None:
        first = tiff.pages.first
        self._pages = [page, first] if first.shape == page.shape else [page]

    def __getitem__(self, code: int | str) -> object:
        """The tag's value, None where there is none or it cannot be read."""
        for page in self._pages:
            tag = page.tags.get(code)
            if tag is not None:
                try:
                    return tag.value
                except Exception:  # the values are parsed when they are asked for
                    return None
        return None

    def text(self, code: int | str) -> str:
        value = self[code]
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return text if isinstance(text, str) else ""


def _section(facts: dict, name: str) -> dict:
    section = facts.get(name)
    return section if isinstance(section, dict) else {}


def _zeiss(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    facts, width = tags[34118], page.imagewidth
    if not isinstance(facts, dict):
        return None

    def stated(name: str, factor: float = 1.0) -> PixelSize | None:
        entry = facts.get(name)
        if not isinstance(entry, tuple) or len(entry) < 2:
            return None
        return pixel_size(f"Zeiss CZ_SEM {name}", _times((*entry[1:3], "")[:2], factor))

    store = re.match(r"\d{1,6}", str((*facts.get("dp_image_store", ()), "", "")[1]))
    check_width("Zeiss CZ_SEM dp_image_store", store and store[0], width)
    found, field = stated("ap_image_pixel_size"), stated("ap_width", 1 / width)
    if found and field and not math.isclose(field.width_nm, found.width_nm, rel_tol=WIDTH_WITHIN):
        check_width("Zeiss CZ_SEM", field.width_nm * width / found.width_nm, width)
    found = found or field or stated("ap_pixel_size", 1024 / width)  # of a screen of 1024 columns
    unnamed = facts.get("", ())
    if found is None and len(unnamed) > 3:
        return pixel_size("Zeiss CZ_SEM", _times((unnamed[3], "m"), 1024 / width))
    return found


def _times(stated: tuple, factor: float) -> tuple:
    """(value, unit), times a factor where the value is a number."""
    value, unit = stated
    amount = number(value)
    return (value if amount is None else amount * factor), unit


def _fei_facts(tags: _Tags) -> Iterator[dict]:
    return (facts for code in (34680, 34682) if isinstance(facts := tags[code], dict) and facts)


def _fei(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    for facts in _fei_facts(tags):
        for name in ("Scan", "EScan", "IScan"):
            scan = _section(facts, name)
            if "PixelWidth" in scan:
                check_width(
                    "FEI/Thermo", _section(facts, "Image").get("ResolutionX"), page.imagewidth
                )
                sides = (
                    (scan["PixelWidth"], "m"),
                    (scan.get("PixelHeight", scan["PixelWidth"]), "m"),
                )
                return pixel_size(f"FEI/Thermo {name} PixelWidth", *sides)
    return None


def _xml(text: str) -> ElementTree.Element | None:
    """The root of an XML text, None where it is none or declares entities."""
    if "<" not in text or re.search("<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        return None
    try:
        return ElementTree.fromstring(text[text.index("<") : text.rindex(">") + 1])
    except (ElementTree.ParseError, ValueError):
        return None


def _length(root: ElementTree.Element, path: str) -> tuple[str | None, str] | None:
    found = root.find(path)
    if found is None:
        return None
    return found.text, found.get("unit") or found.get("units") or "m"


def _thermo(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    root = _xml(tags.text(34683))
    for x, y in (
        (".//{*}PixelSize/{*}X", ".//{*}PixelSize/{*}Y"),
        (".//{*}pixelWidth", ".//{*}pixelHeight"),
    ):
        width = None if root is None else _length(root, x)
        if root is not None and width:
            stated = root.findtext(".//{*}ImageSize/{*}X")
            check_width("Thermo Fisher XML", stated, page.imagewidth)
            return pixel_size("Thermo Fisher XML PixelSize", width, _length(root, y))
    return None


def _fibics(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    root = _xml(tags.text(51023))
    if root is None:
        return None
    sides = []
    for axis, name, pixels in (
        ("X", "Width", page.imagewidth),
        ("Y", "Height", page.imagelength),
    ):
        field, stored = _length(root, f".//Scan/FOV_{axis}"), root.findtext(f".//Image/{name}")
        if field is None:
            return None
        if axis == "X":
            check_width("Fibics XML", stored, pixels)
        sides.append(_times(field, 1 / (number(stored) or pixels)))
    return pixel_size("Fibics XML FOV_X", *sides)


def _gatan(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    width, height = ((tags[65009 + axis], tags[65003 + axis]) for axis in (0, 1))
    if width[0] is None or not width[1]:
        return None
    return pixel_size("Gatan tag 65009", width, None if height[0] is None else height)


def _tescan(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    """Blocks of uint32 length of what follows, uint16 type, text."""
    data = tags[50431]
    at = 0
    while isinstance(data, bytes) and at + 6 <= len(data):
        (length,) = struct.unpack_from("<I", data, at)
        found = tescan(facts_of(data[at + 6 : at + 4 + length].decode("latin-1")))
        if found or length < 2:
            return found
        at += 4 + length
    return None


def _tvips(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    facts = tags[37706]
    if not isinstance(facts, dict) or not facts.get("PixelSizeX"):
        return None
    check_width("TVIPS EM-Menu", facts.get("ImageSizeX") or None, page.imagewidth)
    height = (facts["PixelSizeY"], "nm") if facts.get("PixelSizeY") else None
    return pixel_size("TVIPS PixelSizeX", (facts["PixelSizeX"], "nm"), height)


def _olympus(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    facts = tags[33560]
    if not isinstance(facts, dict) or not facts.get("pixelsizex"):
        return None
    height = (facts["pixelsizey"], "m") if facts.get("pixelsizey") else None
    return pixel_size("Olympus SIS", (facts["pixelsizex"], "m"), height)


def _sightx(tags: _Tags, page: tifffile.TiffPage) -> PixelSize | None:
    if not tags.text("Make").startswith("JEOL"):
        return None
    root = _xml("".join(c for c in tags.text("ImageDescription") if c >= " " or c in "\r\n\t"))
    imaging = None if root is None else root.find(".//ImageFormingSystem")
    if root is None or imaging is None:
        return None
    if root.findtext(".//EosMode") != "eosTEM" or imaging.findtext("ModeString") != "MAG":
        raise UnknownScale("JEOL SightX gives a scale for TEM images with a magnification alone")
    magnification = number(imaging.findtext("SelectorValue"))
    unit = 2.54e-2 if tags["ResolutionUnit"] == 2 else 1e-2
    factor = unit / (magnification or math.nan)
    width, height = (_times((_per(tags[f"{axis}Resolution"]), "m"), factor) for axis in "XY")
    return pixel_size("JEOL SightX resolution and magnification", width, height)


def _per(resolution: object) -> float | None:
    """One over a rational number, None where that is none."""
    if not isinstance(resolution, tuple) or len(resolution) != 2 or not resolution[0]:
        return None
    return resolution[1] / resolution[0]


def _imagej(tiff: tifffile.TiffFile, tags: _Tags) -> PixelSize | None:
    words = tags.text("ImageDescription")
    if not words.startswith("ImageJ="):
        return None
    facts = facts_of(words)
    unit = facts.get("unit", "")
    width, height = (_per(tags[f"{axis}Resolution"]) for axis in "XY")
    if unit.lower() in _PRINTED or width is None:
        return None
    across = None if height is None else (height, facts.get("yunit", unit))
    return pixel_size("ImageJ resolution and unit", (width, unit), across)


def _ome(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize | None:
    root = _xml(tiff.ome_metadata or "") if tiff.is_ome else None
    if root is None:
        return None
    first = 0
    for pixels in root.iterfind(".//{*}Image/{*}Pixels"):
        facts = pixels.attrib
        channels = [number(c.get("SamplesPerPixel", 1)) or 1 for c in pixels.iterfind("{*}Channel")]
        planes = math.prod(number(facts.get(f"Size{axis}", 1)) or 1 for axis in "ZCT")
        starts = [number(one.get("IFD")) for one in pixels.iterfind("{*}TiffData")]
        first = int(min((start for start in starts if start is not None), default=first))
        last = first + planes / max(channels, default=1)
        if first <= page.index < last:
            # The unit is optional; the schema's default is the micrometre.
            names = ("PhysicalSizeX", "PhysicalSizeY")
            sides = [(facts[n], facts.get(f"{n}Unit", "µm")) for n in names if n in facts]
            if "PhysicalSizeX" not in facts:
                return None
            check_width("OME PhysicalSizeX", facts.get("SizeX"), page.imagewidth)
            return pixel_size("OME PhysicalSizeX", *sides)
        first = int(last)
    return None
