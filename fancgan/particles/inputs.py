"""What a caller may hand over as a picture or as a mask, checked."""

from __future__ import annotations

import numbers

import numpy as np

from fancgan.errors import UserError
from fancgan.microscopy.formats.stored import MAX_PIXELS
from fancgan.microscopy.micrograph import MIN_SIDE_PX, to_grey8
from fancgan.particles.labels import label_mask, separate


def _check_shape(array: np.ndarray, what: str) -> None:
    if array.ndim != 2:
        raise UserError(f"The {what} must be one grey picture [H, W], not {array.shape}.")
    height, width = array.shape
    if min(height, width) < MIN_SIDE_PX:
        raise UserError(
            f"The {what} is {width} x {height} pixels; at least {MIN_SIDE_PX} x {MIN_SIDE_PX} "
            "are needed."
        )
    if height * width > MAX_PIXELS:
        raise UserError(
            f"The {what} is {width} x {height} pixels; at most {MAX_PIXELS // 10**6} megapixels "
            "are worked on, so cut it into parts."
        )


def mask_array(mask: np.ndarray, *, empty: bool = False) -> np.ndarray:
    """Return the mask as bool [H, W], touching labels parted. empty: it may show no particle."""
    mask = np.asarray(mask)
    _check_shape(mask, "mask")
    if mask.dtype.kind not in "bui":
        raise UserError(
            f"The mask holds {mask.dtype} values; give whole numbers, 0 for background."
        )
    if not mask.any() and not empty:
        raise UserError("The mask has no particle pixel: draw a particle, or choose another mask.")
    if mask.dtype.kind == "b":
        return mask
    binary = ((mask == 0) | (mask == mask.max())).all() and mask.max() > 0
    return mask > 0 if binary else separate(label_mask(mask)) > 0


def image_array(image: np.ndarray) -> np.ndarray:
    """Return the image as uint8 grey levels [H, W]."""
    image = np.asarray(image)
    _check_shape(image, "image")
    if image.dtype.kind not in "buif":
        raise UserError(f"The image holds {image.dtype} values; grey levels are expected.")
    return to_grey8(image)


def style_arrays(
    image: np.ndarray, mask: np.ndarray | None, most: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the middle of a style image, `most` pixels a side at most, and of its particles.

    uint8 and bool [H, W]; None where no mask is given. It may show no particle.
    """
    grey = image_array(image)
    middle = tuple(
        slice(max(0, (side - most) // 2), (side + most) // 2 + side % 2) for side in grey.shape
    )
    if mask is None:
        return grey[middle], None
    given = np.asarray(mask)
    if given.shape != grey.shape:
        height, width = grey.shape
        raise UserError(f"The style image is {width} x {height} pixels and its mask is not.")
    particle = mask_array(given > 0.5 if given.dtype.kind == "f" else given, empty=True)
    return grey[middle], particle[middle]


def check_seed(seed: int) -> int:
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**63:
        raise UserError(f"The seed must be a whole number from 0 up, not {seed!r}.")
    return int(seed)
