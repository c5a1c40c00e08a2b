"""TIFF tags as microscopes write them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import tifffile


def zeiss_tag(size: str, more: str = "") -> list:
    text = f"1\r\n0.5\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = {size}\r\n{more}"
    text += "AP_PIXEL_SIZE\r\nPixel Size = 99 nm\r\n"
    data = text.encode("cp1252")
    return [(34118, 7, len(data), data, True)]


def fei_tag(text: str) -> list:
    return [(34682, 2, 0, text.replace("\n", "\r\n"), True)]


def sis_tag(tmp_path: Path, picture: np.ndarray, metres: float) -> Path:
    """Write a TIFF whose Olympus structure points at its general data, as its absolute place."""
    head = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 124, b"iTEM", 1)
    general = struct.pack("<10xhdd8xd2x34s32s", -9, metres * 1e9, metres * 1e9, 5e4, b"", b"")
    path = tmp_path / "sis.tif"
    for place in (0, None):
        if place is None:
            with tifffile.TiffFile(path) as file:
                place = file.pages[0].tags[33560].valueoffset + len(head) + 8
        blob = head + struct.pack("<hhI", 1, 1, place) + general
        tifffile.imwrite(path, picture, extratags=[(33560, 7, len(blob), blob, True)])
    return path


def tvips_tag(nm: float, width: int) -> list:
    """The EM-Menu header, version 2: the old record, then the new one."""
    old, new = (
        np.zeros(
            (), np.dtype([(name, f"<{kind}" if kind[0] != "V" else kind) for name, kind in record])
        )
        for record in (tifffile.TIFF.TVIPS_HEADER_V1, tifffile.TIFF.TVIPS_HEADER_V2)
    )
    old["Version"], new["Magic"] = 2, 0xAAAAAAAA
    new["PixelSizeX"] = new["PixelSizeY"] = nm
    new["ImageSizeX"] = width
    data = old.tobytes() + new.tobytes()
    return [(37706, 7, len(data), data, True)]


def tescan_tag(*blocks: str) -> list:
    data = b"".join(struct.pack("<IH", len(text) + 2, 2) + text.encode() for text in blocks)
    return [(50431, 7, len(data), data, True)]


def text_tag(code: int, text: str) -> list:
    return [(code, 2, 0, text, True)]
