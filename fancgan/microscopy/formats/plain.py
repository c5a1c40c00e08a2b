"""PNG, JPEG and BMP, with Pillow; nothing else that Pillow could open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fancgan.microscopy.formats.stored import Stored, check_page, check_size, scale_or_doubt
from fancgan.microscopy.pixel_size import number, pixel_size

MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM")
_FORMATS = ("PNG", "JPEG", "BMP")
_PLAIN_MODES = ("1", "L", "P", "I", "F", "LA", "RGB", "RGBA")


def read(path: Path, page: int, palettes: bool) -> Stored:
    """Read one picture, turned as its EXIF says; palettes: give their colours, not the indices."""
    opened: Image.Image = Image.open(path, formats=_FORMATS)
    with opened as image:
        pages = getattr(image, "n_frames", 1)
        check_page(path, page, pages)
        image.seek(page)
        check_size(path, *image.size)
        words = getattr(image, "text", {})
        stated = words.get("NmPerPx")
        size, doubt = scale_or_doubt(
            lambda: pixel_size("PNG text NmPerPx", (stated, "nm")) if stated else None
        )
        rows = number(words.get("FieldRows"))
        as_they_are = image.mode in _PLAIN_MODES or image.mode.startswith("I;16")
        if not as_they_are or (image.mode == "P" and palettes):
            image = image.convert("RGB")
        samples = np.asarray(ImageOps.exif_transpose(image))
        return Stored(samples, pages, size, int(rows) if rows else None, doubt)
