"""Nanometres per pixel, as microscopes write them: in TIFF tags, PNG words or a file beside.

Zeiss and LEO: tag 34118, `ap_image_pixel_size`. FEI and Thermo Fisher: tags 34680 and 34682,
`PixelWidth`, `PixelHeight`. ImageJ: resolution and unit. OME-TIFF: `PhysicalSizeX`. Files beside
the picture, of its stem: JEOL `.txt` (`$$SM_MICRON_BAR` pixels are `$$SM_MICRON_MARKER`), Hitachi
`.txt` (`[SemImageFile]`, `PixelSize` in nm), Tescan `.hdr` (`PixelSizeX` in m). The plain
resolution tags of TIFF, PNG and JPEG mean the size of a print and are not asked.
"""

from __future__ import annotations

import configparser
import contextlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import tifffile

SQUARE_WITHIN = 0.01
SIDE_FILE_BYTES = 1_000_000
SIDE_SUFFIXES = (".txt", ".hdr")
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


@dataclass(frozen=True)
class PixelSize:
    """Width and height of a pixel in nanometres, and where they are written, for people."""

    width_nm: float
    height_nm: float
    source: str

    @property
    def aspect(self) -> float:
        """Height over width; 1 where they agree within SQUARE_WITHIN."""
        ratio = self.height_nm / self.width_nm
        return 1.0 if math.isclose(ratio, 1, rel_tol=SQUARE_WITHIN) else ratio


def in_nm(value: object, unit: object) -> float | None:
    """Return a length in nanometres, None where value or unit are none."""
    factor = _NM_PER_UNIT.get(str(unit).replace("\\u00B5", "µ").strip().lower())
    with contextlib.suppress(TypeError, ValueError):
        length = float(value) * factor  # type: ignore[arg-type, operator]
        if 0 < length < math.inf:
            return length
    return None


def _square(value: object, unit: object, source: str) -> PixelSize | None:
    length = in_nm(value, unit)
    return PixelSize(length, length, source) if length else None


def from_tiff(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize | None:
    """Return the pixel size that the tags of a TIFF tell, None where they do not."""
    return _zeiss(tiff) or _fei(tiff) or _imagej(tiff, page) or _ome(tiff)


def _zeiss(tiff: tifffile.TiffFile) -> PixelSize | None:
    found = (tiff.sem_metadata or {}).get("ap_image_pixel_size")
    if not found or len(found) < 3:
        return None
    return _square(found[1], found[2], "Zeiss CZ_SEM ap_image_pixel_size")


def _fei(tiff: tifffile.TiffFile) -> PixelSize | None:
    for section in ("Scan", "EScan", "IScan"):
        scan = (tiff.fei_metadata or {}).get(section, {})
        if isinstance(scan, dict) and "PixelWidth" in scan:
            width = in_nm(scan["PixelWidth"], "m")
            height = in_nm(scan.get("PixelHeight", scan["PixelWidth"]), "m")
            if width and height:
                return PixelSize(width, height, f"FEI/Thermo {section} PixelWidth")
    return None


def _imagej(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize | None:
    if not tiff.is_imagej:
        return None
    unit = (tiff.imagej_metadata or {}).get("unit", "")
    tags = (page.tags.get(name) for name in ("XResolution", "YResolution"))
    width, height = (
        in_nm(t.value[1] / t.value[0], unit) if t and t.value[0] else None for t in tags
    )
    return PixelSize(width, height or width, "ImageJ resolution and unit") if width else None


def _ome(tiff: tifffile.TiffFile) -> PixelSize | None:
    if not tiff.is_ome or not tiff.ome_metadata or "<!DOCTYPE" in tiff.ome_metadata:
        return None
    with contextlib.suppress(ElementTree.ParseError):
        pixels = ElementTree.fromstring(tiff.ome_metadata).find(".//{*}Pixels")
        facts = {} if pixels is None else pixels.attrib
        # The unit is optional; the schema's default is the micrometre.
        names = ("PhysicalSizeX", "PhysicalSizeY")
        width, height = (in_nm(facts.get(n), facts.get(f"{n}Unit", "µm")) for n in names)
        return PixelSize(width, height or width, "OME PhysicalSizeX") if width else None
    return None


def from_words(words: Mapping[str, object]) -> PixelSize | None:
    """Return the pixel size of the text chunks of a PNG that F-ANcGAN wrote."""
    return _square(words.get("NmPerPx"), "nm", "PNG text NmPerPx")


def from_side_file(picture: Path, width: int) -> PixelSize | None:
    """Return the pixel size told by a file beside a picture that is `width` pixels wide.

    What describes a picture of another width is not asked.
    """
    for suffix in SIDE_SUFFIXES:
        for path in (picture.with_suffix(suffix), picture.with_suffix(suffix.upper())):
            words = _words_of(path)
            found = words and (_jeol(words, width) or _hitachi(words, width) or _tescan(words))
            if found:
                return PixelSize(*found[:2], f"{found[2]} in {path.name}")
    return None


def _words_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIDE_FILE_BYTES)
    except OSError:
        return ""
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    return content.decode("utf-16" if wide else "utf-8", errors="replace")


def _jeol(words: str, width: int) -> tuple[float, float, str] | None:
    bar = re.search(r"^\$+SM_MICRON_BAR\s+([\d.]+)", words, re.MULTILINE)
    marker = re.search(r"^\$+SM_MICRON_MARKER\s+([\d.]+)\s*(\S+)", words, re.MULTILINE)
    full = re.search(r"^\$+CM_FULL_SIZE\s+(\d+)", words, re.MULTILINE)
    if not bar or not marker or (full and int(full[1]) != width) or not float(bar[1]):
        return None
    length = in_nm(marker[1], marker[2])
    if not length:
        return None
    size = length / float(bar[1])
    return size, size, "JEOL $$SM_MICRON_MARKER"


def _section(words: str, name: str) -> Mapping[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error):
        parser.read_string(words.lstrip("\ufeff"))
    return parser[name] if parser.has_section(name) else {}


def _hitachi(words: str, width: int) -> tuple[float, float, str] | None:
    facts = _section(words, "SemImageFile")
    size = in_nm(facts.get("PixelSize"), "nm")
    stored = facts.get("DataSize", "").lower().partition("x")[0].strip()
    if not size or (stored.isdigit() and int(stored) != width):
        return None
    return size, size, "Hitachi PixelSize"


def _tescan(words: str) -> tuple[float, float, str] | None:
    facts = _section(words, "MAIN")
    width, height = (in_nm(facts.get(f"PixelSize{axis}"), "m") for axis in "XY")
    return (width, height or width, "Tescan PixelSizeX") if width else None
