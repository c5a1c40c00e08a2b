"""DM3 and DM4: of DigitalMicrograph's tree of tags, the images and their calibration.

The layout is known by analysis alone: a tree in big-endian numbers whose leaves are written in the
byte order of the header. DM4 writes 8 bytes where DM3 writes 4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fancgan.errors import UserError
from fancgan.microscopy.formats.stored import Stored, check_size, plane_of, scale_or_doubt
from fancgan.microscopy.pixel_size import PixelSize, pixel_size

MAGIC = (b"\0\0\0\3", b"\0\0\0\4")
_GROUP, _STRUCT, _STRING, _ARRAY = 20, 15, 18, 20
_SIMPLE = {2: "i2", 3: "i4", 4: "u2", 5: "u4", 6: "f4", 7: "f8", 8: "u1", 9: "i1", 10: "i1"}
_SIMPLE |= {11: "i8", 12: "u8"}
# By DataType: the others are complex numbers and old packings.
_PIXELS = {1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 14: "u1"}
_PACKED_RGB = 23
_MAX_HEAD, _MAX_TEXT = 1000, 1000


@dataclass(frozen=True)
class _Array:
    """Where a long array lies in the file."""

    offset: int
    dtype: np.dtype
    count: int


def read(path: Path, page: int) -> Stored:
    """Read one plane: those of the file's images that are no thumbnails, one after the other."""
    with path.open("rb") as file:
        root = _Tree(file).root
        small = {t.get("ImageIndex") for t in _entries(root.get("Thumbnails"))}
        images = [entry.get("ImageData", {}) for entry in _entries(root.get("ImageList"))]
        shown = [d for n, d in enumerate(images) if n not in small or len(images) == 1]
        planes = [_depth(data) for data in shown]
        image, index = plane_of(path, page, planes)
        data = shown[image]
        width, height = _entries(data["Dimensions"])[:2]
        check_size(path, width, height)
        code, array = data["DataType"], data["Data"]
        if code not in _PIXELS and code != _PACKED_RGB:
            raise UserError(f"{path.name} holds no grey picture but numbers of type {code}.")
        dtype = np.dtype("u4" if code == _PACKED_RGB else _PIXELS[code])
        dtype = dtype.newbyteorder(array.dtype.byteorder)
        file.seek(array.offset + index * width * height * dtype.itemsize)
        samples = np.fromfile(file, dtype, width * height).reshape(height, width)
    if code == _PACKED_RGB:  # blue, green, red, alpha
        samples = samples.astype("<u4").view(np.uint8).reshape(height, width, 4)[..., 2::-1]
    size, doubt = scale_or_doubt(lambda: _calibration(data))
    return Stored(samples, sum(planes), size, None, doubt)


def _entries(group: object) -> list:
    return list(group.values()) if isinstance(group, dict) else []


def _depth(data: dict) -> int:
    """How many planes an image has; none where it is a curve."""
    sizes = _entries(data.get("Dimensions"))
    return int(np.prod(sizes[2:], dtype=object)) if len(sizes) > 1 and "Data" in data else 0


def _calibration(data: dict) -> PixelSize | None:
    axes = _entries(data.get("Calibrations", {}).get("Dimension"))[:2]
    sides = [(axis.get("Scale"), axis.get("Units", "")) for axis in axes]
    if len(sides) < 2 or not (sides[0][1] or sides[1][1]):
        return None
    return pixel_size("DigitalMicrograph calibration", *sides)


class _Tree:
    """Reads the tree into nested dicts; unnamed entries are numbered. Long arrays stay outside."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.wide = self._read(">I") == 4
        self._read(self._size)
        self.order = "<" if self._read(">I") == 1 else ">"
        self.root = self._group()

    @property
    def _size(self) -> str:
        return ">Q" if self.wide else ">I"

    def _read(self, layout: str) -> int:
        return struct.unpack(layout, self.file.read(struct.calcsize(layout)))[0]

    def _group(self) -> dict:
        self.file.seek(2, 1)  # sorted, open
        found: dict = {}
        for number in range(self._read(self._size)):
            kind = self._read(">B")
            if kind == 0:
                break
            name = self.file.read(self._read(">H")).decode("latin-1") or str(number)
            if self.wide:
                self.file.seek(8, 1)  # bytes of the entry
            found[name] = self._group() if kind == _GROUP else self._leaf(name)
        return found

    def _leaf(self, name: str) -> object:
        self.file.seek(4, 1)  # %%%%
        count = self._read(self._size)
        if count > _MAX_HEAD:
            raise ValueError("no description of a value is that long")
        layout = f">{count}{self._size[1]}"
        head = struct.unpack(layout, self.file.read(struct.calcsize(layout)))
        if head[0] == _STRING:
            self.file.seek(head[1], 1)
            return None
        if head[0] != _ARRAY:
            dtype = self._dtype(head)
            return np.frombuffer(self.file.read(dtype.itemsize), dtype)[0].item()
        array = _Array(self.file.tell(), self._dtype(head[1:]), head[-1])
        size = array.dtype.itemsize * array.count
        if array.dtype.str[1:] == "u2" and array.count <= _MAX_TEXT and name != "Data":
            coding = "utf-16-le" if self.order == "<" else "utf-16-be"
            return self.file.read(size).decode(coding, "replace")
        self.file.seek(size, 1)
        return array

    def _dtype(self, head: tuple) -> np.dtype:
        """Of a number, or of a struct: 15, length of name, fields, and for each (length, type)."""
        if head[0] == _STRUCT:
            types = head[4 : 4 + 2 * head[2] : 2]
            return np.dtype([(f"f{n}", self.order + _SIMPLE[t]) for n, t in enumerate(types)])
        return np.dtype(self.order + _SIMPLE[head[0]])
