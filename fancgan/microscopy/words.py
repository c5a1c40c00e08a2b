"""Words in a picture, read by a kept library (RapidOCR) whose models come in its package."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fancgan.errors import UserError

MISSING = (
    "Reading a scale bar needs the packages rapidocr and onnxruntime: pip install rapidocr "
    "onnxruntime, or give the pixel size yourself."
)
_lock = threading.Lock()


@dataclass(frozen=True)
class Word:
    """One or more words, confidence 0 to 1, in rows [top, bottom), columns [left, right)."""

    text: str
    confidence: float
    top: int
    bottom: int
    left: int
    right: int


def can_read() -> bool:
    """Whether the library is installed; it is not loaded."""
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("rapidocr", "onnxruntime"))


def read_words(grey: NDArray[np.uint8]) -> list[Word]:
    """Return the words in grey [H, W] in any order. Raises UserError without the library."""
    if not can_read():
        raise UserError(MISSING)
    with _lock:  # one session of the network, and its memory once
        found = _reader()(np.stack([grey] * 3, axis=-1))
    if found.boxes is None:
        return []
    words = []
    for text, confidence, corners in zip(found.txts, found.scores, found.boxes, strict=True):
        (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        box = (int(max(top, 0)), int(bottom), int(max(left, 0)), int(right))
        words.append(Word(text, float(confidence), *box))
    return words


@cache
def _reader() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        }
    )
