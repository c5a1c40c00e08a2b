"""EMD: electron microscopy data in HDF5, as Velox (Thermo Fisher) and NCEM's programs write it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np

from fancgan.errors import UserError
from fancgan.microscopy.formats.stored import Stored, check_size, plane_of, scale_or_doubt
from fancgan.microscopy.pixel_size import PixelSize, pixel_size

MAGIC = b"\x89HDF"


def read(path: Path, page: int) -> Stored:
    """Read one picture: the frames of the file's images, one image after the other."""
    import h5py

    with h5py.File(path, "r") as file:
        images: list = []

        def collect(name: str, item: object) -> None:
            # visititems follows no link out of the file; data may still lie outside.
            if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
                return
            velox = re.fullmatch("Data/Image/[^/]+/Data", name) and item.ndim == 3
            if velox or (
                name.split("/")[-1] == "data"
                and item.ndim >= 2
                and item.parent.attrs.get("emd_group_type") == 1
            ):
                images.append((item, bool(velox)))

        file.visititems(collect)
        if not images:
            raise UserError(f"{path.name} is HDF5, but holds no picture of Velox or NCEM's EMD.")
        stacks = [item.shape[2:] if velox else item.shape[:-2] for item, velox in images]
        planes = [math.prod(stack) for stack in stacks]
        image, plane = plane_of(path, page, planes)
        item, velox = images[image]
        index = np.unravel_index(plane, stacks[image]) if stacks[image] else ()
        height, width = item.shape[:2] if velox else item.shape[-2:]
        check_size(path, width, height)
        samples = item[..., index[0]] if velox else item[index]
        state = _velox if velox else _ncem
        size, doubt = scale_or_doubt(lambda: state(item))
        return Stored(np.asarray(samples), sum(planes), size, None, doubt)


def _velox(data) -> PixelSize | None:
    """From the JSON of the first frame, one column of bytes."""
    text = bytes(data.parent["Metadata"][:, 0]).split(b"\0")[0]
    facts = json.loads(text)["BinaryResult"]
    sides = facts["PixelSize"]
    units = facts["PixelUnitX"], facts.get("PixelUnitY", facts["PixelUnitX"])
    return pixel_size("Velox PixelSize", (sides["width"], units[0]), (sides["height"], units[1]))


def _ncem(data) -> PixelSize | None:
    """From the positions along the two last axes, `dim1` being the first."""
    axes = [data.parent.get(f"dim{data.ndim - back}") for back in (0, 1)]
    if any(axis is None or len(axis) < 2 for axis in axes):
        return None
    steps = [abs(float(axis[1]) - float(axis[0])) for axis in axes]
    units = [axis.attrs.get("units", "") for axis in axes]
    return pixel_size("EMD dim", *zip(steps, units, strict=True))
