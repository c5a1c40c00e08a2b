"""SER: series of FEI's TIA (ES Vision). The EMI beside it holds no picture and is not needed."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from fancgan.errors import UserError
from fancgan.microscopy.formats.stored import Stored, check_page, check_size, scale_or_doubt
from fancgan.microscopy.pixel_size import pixel_size

MAGIC = b"II\x97\x01"
_IMAGES = 0x4122
_DTYPES = {
    1: "<u1",
    2: "<u2",
    3: "<u4",
    4: "<i1",
    5: "<i2",
    6: "<i4",
    7: "<f4",
    8: "<f8",
    9: "<c8",
    10: "<c16",
}


def read(path: Path, page: int) -> Stored:
    """Read one picture of the series; its calibration is in metres per pixel."""
    with path.open("rb") as file:

        def values(layout: str, at: int | None = None) -> tuple:
            if at is not None:
                file.seek(at)
            return struct.unpack(layout, file.read(struct.calcsize(layout)))

        version, kind, _tags, _total, pages = values("<H4I", 4)
        if kind != _IMAGES:
            raise UserError(f"{path.name} is a series of spectra; it holds no picture.")
        check_page(path, page, pages)
        place = "<I" if version < 0x220 else "<Q"
        (table,) = values(place)
        (element,) = values(place, table + page * struct.calcsize(place))
        _, delta_x, _, _, delta_y, _, code, width, height = values("<ddiddiHII", element)
        check_size(path, width, height)
        samples = np.fromfile(file, _DTYPES[code], width * height).reshape(height, width)
    sides = (abs(delta_x), "m"), (abs(delta_y), "m")
    size, doubt = scale_or_doubt(lambda: pixel_size("SER calibration", *sides))
    return Stored(samples, pages, size, None, doubt)
