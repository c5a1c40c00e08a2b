"""What travels between the page and the server: masks as runs, files as data URLs."""

from __future__ import annotations

import base64
import secrets

import numpy as np

from fancgan.errors import UserError
from fancgan.measuring.annotations import run_lengths
from fancgan.microscopy.micrograph import MIN_SIDE_PX

MAX_SIDE_PX = 4096
MAX_SKETCH_PX = 2**21


def token() -> str:
    """Return a fresh mark by which one message is told from the next."""
    return secrets.token_hex(4)


def check_sketch_size(height: int, width: int) -> None:
    """Raise UserError unless a sketch of this size can be painted while somebody waits."""
    if min(height, width) < MIN_SIDE_PX:
        raise UserError(
            f"The mask is {width} x {height} pixels: both sides must be at least {MIN_SIDE_PX}."
        )
    if max(height, width) > MAX_SIDE_PX or height * width > MAX_SKETCH_PX:
        raise UserError(
            f"The mask is {width} x {height} pixels: the page paints up to 2 megapixels; "
            "crop it, or use 'python -m fancgan synthesize' for larger ones."
        )


def encode_mask(mask: np.ndarray) -> dict:
    """Return mask [H, W] bool as {"width", "height", "runs", "token"} for the canvas.

    runs are the lengths of alternating runs in row order, the first of background (it may be 0).
    A fresh token tells the canvas that this is another mask, even if its pixels are the same.
    """
    height, width = mask.shape
    runs = run_lengths(np.transpose(mask))["counts"]  # which counts columns
    return {"width": width, "height": height, "runs": runs, "token": token()}


def decode_mask(value: object) -> tuple[np.ndarray, int]:
    """Return (mask [H, W] bool, sequence number) from what the canvas sent.

    Raises UserError where the message is not a mask (only a client of its own can send that).
    """
    broken = UserError("The drawing did not arrive whole: please draw again.")
    if not isinstance(value, dict):
        raise broken
    try:
        width, height = int(value["width"]), int(value["height"])
        seq = int(value.get("seq", 0))
        check_sketch_size(height, width)
        runs = np.asarray(value["runs"], dtype=np.int64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise broken from error
    if runs.ndim != 1 or not runs.size or runs.min() < 0 or runs.max() > width * height:
        raise broken
    if runs.sum() != width * height:
        raise broken
    colours = np.arange(runs.size) % 2 == 1
    return np.repeat(colours, runs).reshape(height, width), seq


def data_url(content: bytes, mime: str = "image/png") -> str:
    """Return content as a data URL: the page shows and saves it, and no file stays behind."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
