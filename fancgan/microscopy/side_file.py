"""Nanometres per pixel in a text file beside the picture, as microscopes leave it there.

Of the picture's stem: JEOL `.txt` (`$$SM_MICRON_BAR` pixels are `$$SM_MICRON_MARKER`), Hitachi
`.txt` (`[SemImageFile]` or `[TemImageFile]`, `PixelSize` in nm), Tescan `.hdr`, also named
`X-tif.hdr` (`PixelSizeX` in m). In UTF-8, UTF-16, Windows-1252 or Shift-JIS.
"""

from __future__ import annotations

import re
from pathlib import Path

from fancgan.microscopy.pixel_size import (
    PixelSize,
    UnknownScale,
    check_width,
    number,
    pixel_size,
)

MAX_BYTES = 1_000_000
SUFFIXES = (".txt", ".hdr")
DROPPED = (*SUFFIXES, ".emi")  # what comes along with pictures and is none


def names_of(picture: Path) -> list[str]:
    """The names that a file beside the picture may have."""
    kinds = {f"-{suffix[1:]}": None for suffix in (picture.suffix, picture.suffix.lower())}
    stems = [f"{picture.stem}{kind}" for kind in ("", *kinds)]
    suffixes = (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES))
    return [f"{stem}{suffix}" for suffix in suffixes for stem in stems]


def from_side_file(picture: Path, width: int) -> PixelSize | None:
    """Return the pixel size told by a file beside a picture that is `width` pixels wide.

    Raises UnknownScale where one states a size that is not taken, such as another picture's.
    """
    doubt = None
    for name in names_of(picture):
        for words in _readings(picture.with_name(name)):
            try:
                found = _size_in(words, width)
            except UnknownScale as error:
                doubt = doubt or UnknownScale(f"{error} ({name})")
                continue
            if found:
                return PixelSize(found.width_nm, found.height_nm, f"{found.source} in {name}")
    if doubt:
        raise doubt
    return None


def _readings(path: Path) -> list[str]:
    """The text of a file in each encoding that it may be in, likeliest first."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
    except (OSError, ValueError):
        return []
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return [content.decode("utf-16", "replace")]
    if b"\0" in content[:2]:
        return [content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", "replace")]
    encodings = ("utf-8-sig", "cp1252", "shift_jis")
    texts = [content.decode(encoding, "replace") for encoding in encodings]
    return texts[:1] if content.isascii() else texts


def _size_in(words: str, width: int) -> PixelSize | None:
    facts = facts_of(words)
    if "[SemImageFile]" in words or "[TemImageFile]" in words:
        check_width("Hitachi DataSize", facts.get("DataSize", "").lower().partition("x")[0], width)
        return pixel_size("Hitachi PixelSize", (facts.get("PixelSize"), "nm"))
    if "[MAIN]" in words:
        return tescan(facts)
    return _jeol(words, width)


def facts_of(words: str) -> dict[str, str]:
    """The `key=value` lines of a text; of a repeated key the first."""
    lines = (line.partition("=") for line in reversed(words.splitlines()) if "=" in line)
    return {key.strip(): value.strip() for key, _, value in lines}


def tescan(facts: dict[str, str]) -> PixelSize | None:
    """The pixel size of a Tescan header, None where it names none."""
    width, height = (
        (facts[n], "m") if (n := f"PixelSize{axis}") in facts else None for axis in "XY"
    )
    return pixel_size("Tescan PixelSizeX", width, height) if width else None


def _jeol(words: str, width: int) -> PixelSize | None:
    entries = dict(re.findall(r"^\$+([CS]M_\w+)[ \t]+([^\r\n]*)", words, re.MULTILINE))
    bar, marker = entries.get("SM_MICRON_BAR"), entries.get("SM_MICRON_MARKER")
    if bar is None or marker is None:
        return None
    check_width("JEOL CM_FULL_SIZE", entries.get("CM_FULL_SIZE", "").split(" ")[0], width)
    length = re.fullmatch(r"([\d.]{1,40})\s*(\D\S*)", marker.strip())
    source, pixels = "JEOL $$SM_MICRON_MARKER", number(bar)
    if not length or not pixels or pixels < 0:
        raise UnknownScale(f"{source} says '{marker[:20]}' on {bar[:20]} pixels")
    value = number(length[1])
    return pixel_size(source, (length[1] if value is None else value / pixels, length[2]))
