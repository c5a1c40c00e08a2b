"""What lies over a micrograph: coloured outlines of particles, a scale bar."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

# Apart for all common kinds of colour blindness (Okabe and Ito 2008), and on grey.
OUTLINES = (
    (86, 180, 233),
    (240, 228, 66),
    (0, 200, 140),
    (230, 159, 0),
    (230, 120, 180),
    (255, 110, 60),
)
NICE_NM = tuple(m * 10**k for k in range(-1, 7) for m in (1, 2, 5))
BAR_SHARE = 0.22  # of the width, at most
_CROSS = ndimage.generate_binary_structure(2, 1)


def outline_layer(labels: np.ndarray, width: int | None = None) -> Image.Image:
    """Return the outlines of labels [H, W] int32, neighbours in different colours.

    The line lies inside each particle, `width` pixels wide: one per 1200 pixels of the picture.
    """
    width = width or max(1, round(labels.shape[1] / 1200))
    inner = labels.copy()
    for _ in range(width):
        same = ndimage.minimum_filter(inner, footprint=_CROSS, mode="nearest") == (
            ndimage.maximum_filter(inner, footprint=_CROSS, mode="nearest")
        )
        inner = np.where(same, inner, 0)
    edge = (labels > 0) & (inner == 0)
    index = np.where(edge, 1 + (labels - 1) % len(OUTLINES), 0).astype(np.uint8)
    layer = Image.frombytes("P", index.shape[::-1], index.tobytes())
    layer.putpalette([0, 0, 0, *(value for colour in OUTLINES for value in colour)])
    layer.info["transparency"] = bytes([0] + [255] * len(OUTLINES))
    return layer


def composite(grey: np.ndarray, layer: Image.Image) -> Image.Image:
    """Return grey [H, W] uint8 with the layer painted over it, RGB."""
    base = Image.fromarray(grey).convert("RGBA")
    base.alpha_composite(layer.convert("RGBA"))
    return base.convert("RGB")


def draw_scale_bar(image: Image.Image, nm_per_px: float) -> None:
    """Draw a white bar of a round length with its name into the lower left corner of RGB image."""
    room = image.width * nm_per_px * BAR_SHARE
    nm = max((length for length in NICE_NM if length <= room), default=room)
    length = max(1, round(nm / nm_per_px))
    thick, margin = max(2, image.width // 250), max(6, image.width // 60)
    size = max(12, image.width // 40)
    words = f"{nm:g} nm" if nm < 1000 else f"{nm / 1000:g} µm"
    draw = ImageDraw.Draw(image)
    right, bottom = margin + length - 1, image.height - margin
    bar = (margin, bottom - thick + 1, right, bottom)
    draw.rectangle([bar[0] - 1, bar[1] - 1, bar[2] + 1, bar[3] + 1], fill=(0, 0, 0))
    draw.rectangle(bar, fill=(255, 255, 255))
    draw.text(
        (margin + length / 2, bottom - thick - max(2, size // 4)),
        words,
        font=_font(size),
        anchor="mb",
        fill=(255, 255, 255),
        stroke_width=max(1, size // 10),
        stroke_fill=(0, 0, 0),
    )


def _font(size: int) -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    # Pillow's own font knows no micro sign.
    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def with_scale_bar(grey: np.ndarray, nm_per_px: float | None) -> Image.Image:
    """Return grey [H, W] uint8 as RGB, with a scale bar where the scale is known."""
    image = Image.fromarray(grey).convert("RGB")
    if nm_per_px:
        draw_scale_bar(image, nm_per_px)
    return image


def count_particles(mask: np.ndarray) -> int:
    """Return the number of 4-connected regions: touching particles are parted by a line."""
    return int(ndimage.label(mask)[1])
