"""MRC: pictures and stacks of electron cryo-microscopy (MRC2014, doi 10.1016/j.jsb.2015.04.002)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fancgan.microscopy.formats.stored import Stored, check_page, check_size, scale_or_doubt
from fancgan.microscopy.pixel_size import pixel_size


def read(path: Path, page: int) -> Stored:
    """Read one section; the cell's lengths over its intervals are the pixel size, in Angstrom."""
    from mrcfile.mrcmemmap import MrcMemmap

    class Bounded(MrcMemmap):
        def _read_extended_header(self) -> None:  # makes room for it before it looks
            if self.header.nsymbt > path.stat().st_size:
                raise ValueError("the extended header is longer than the file")
            super()._read_extended_header()

    with Bounded(path, mode="r", permissive=True) as file:
        if file.data is None:
            raise ValueError("no pixels in the file")
        data = file.data.reshape(-1, *file.data.shape[-2:])
        check_page(path, page, len(data))
        check_size(path, data.shape[2], data.shape[1])
        head = file.header
        cell, intervals = head.cella, (int(head.mx), int(head.my))
        if not all(intervals) or not (cell.x or cell.y):
            size, doubt = None, None
        else:
            sides = [
                (float(length) / n, "Angstrom")
                for length, n in zip((cell.x, cell.y), intervals, strict=True)
            ]
            size, doubt = scale_or_doubt(lambda: pixel_size("MRC cell", *sides))
        return Stored(np.array(data[page]), len(data), size, None, doubt)
