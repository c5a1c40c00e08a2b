"""A run's weights as one safetensors file that knows whether it is whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from torch import Tensor

from fancgan.errors import UserError

SUM = "sha256"  # in the file's metadata, of the same file without any


def weights_bytes(tensors: dict[str, Tensor]) -> bytes:
    """Return tensors by name as a safetensors file that holds its own SHA-256."""
    from safetensors.torch import save

    return save(tensors, {SUM: hashlib.sha256(save(tensors)).hexdigest()})


def checked_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, those of older versions without a sum too.

    Raises UserError where it is missing, no such file, or not as it was written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load, save

    try:
        content = path.read_bytes()
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged or no safetensors file: {error}.") from error
    known = header.get("__metadata__", {}).get(SUM)
    if known and known != hashlib.sha256(save(tensors)).hexdigest():
        raise UserError(f"{path} is damaged (its checksum differs); take another copy of it.")
    return tensors
