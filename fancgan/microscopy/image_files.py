"""Image files that leave the program, as bytes: marked as synthetic where they are, calibrated."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import tifffile
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from fancgan.errors import UserError

STRIP_PX = 20


def png_bytes(image: Image.Image, text: dict[str, str] | None = None, level: int = 1) -> bytes:
    """Return the PNG file of image, with text chunks that say where it comes from."""
    info = PngInfo()
    for key, words in (text or {}).items():
        info.add_text(key, words)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info, compress_level=level)
    return buffer.getvalue()


def synthetic_text(revision: str, seed: int, nm_per_px: float | None) -> dict[str, str]:
    """Return the PNG text chunks by which a synthetic image says that it is one."""
    text = {
        "Software": "F-ANcGAN",
        "Synthetic": "true",
        "Description": "Synthetic SEM image generated from a drawn mask; not a measurement.",
        "Seed": str(seed),
        "Bundle": revision,
    }
    if nm_per_px:
        text["NmPerPx"] = f"{nm_per_px:.6g}"
    return text


def synthetic_name(seed: int, ending: str = "png") -> str:
    return f"fancgan_synthetic_seed{seed}.{ending}"


def with_strip(image: np.ndarray, seed: int, nm_per_px: float | None) -> np.ndarray:
    """Return image [H, W] uint8 with STRIP_PX black rows below that say in words what it is.

    Narrow pictures get fewer words. Readers of micrographs take the strip for the info bar.
    """
    width = image.shape[1]
    strip = Image.new("L", (width, STRIP_PX))
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(12)
    words = ["SYNTHETIC", "F-ANcGAN", f"seed {seed}"]
    if nm_per_px:
        words.insert(2, f"{nm_per_px:.4g} nm/px")
    text = words[0]
    for word in words[1:]:
        if draw.textlength(f"{text}  {word}", font) < width - 12:
            text = f"{text}  {word}"
    draw.text((6, STRIP_PX // 2), text, 255, font, anchor="lm")
    return np.vstack([image, np.asarray(strip)])


def label_tiff(labels: np.ndarray, nm_per_px: float | None = None) -> bytes:
    """Return labels [H, W] as a 16-bit TIFF that ImageJ opens calibrated, if the scale is known.

    Raises UserError for more than 65535 particles.
    """
    if labels.max(initial=0) > np.iinfo(np.uint16).max:
        raise UserError("There are more than 65535 particles: a 16-bit TIFF cannot hold them.")
    return imagej_tiff(labels.astype(np.uint16), {}, nm_per_px)


def imagej_tiff(pixels: np.ndarray, text: Mapping[str, str], nm_per_px: float | None) -> bytes:
    """Return pixels [H, W] uint8 or uint16 as a TIFF; ImageJ shows the text as the image's info."""
    info = "\n".join(f"{key}: {words}" for key, words in text.items())
    metadata = ({"Info": info} if text else {}) | ({"unit": "nm"} if nm_per_px else {})
    resolution = (1 / nm_per_px, 1 / nm_per_px) if nm_per_px else None
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, imagej=True, resolution=resolution, metadata=metadata)
    return buffer.getvalue()
