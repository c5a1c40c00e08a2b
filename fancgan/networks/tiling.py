"""Large pictures in bounded memory: overlapping tiles whose seams cannot be seen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fancgan.errors import check_stopped


def run_tiled(
    function: Callable[..., Tensor], inputs: list[Tensor], *, side: int, halo: int, multiple: int
) -> Tensor:
    """Return function(*inputs) for inputs [1, C, H, W], computed on one tile at a time.

    Each tile sees `halo` pixels more on every side than it contributes. With a halo of at least
    the networks' receptive radius the result is that of the whole picture. Tiles begin at
    multiples of `multiple`, so that pooling falls on the same pixels everywhere.
    """
    assert side % multiple == 0 and halo % multiple == 0
    height, width = inputs[0].shape[-2:]
    result: Tensor | None = None
    for top in range(0, height, side):
        for left in range(0, width, side):
            check_stopped()
            rows = _grown(top, side, halo, height)
            columns = _grown(left, side, halo, width)
            tile = function(*[x[..., rows, columns] for x in inputs])
            if result is None:
                result = torch.empty(*tile.shape[:2], height, width, dtype=tile.dtype)
            bottom, right = min(top + side, height), min(left + side, width)
            result[..., top:bottom, left:right] = tile[
                ...,
                top - rows.start : bottom - rows.start,
                left - columns.start : right - columns.start,
            ]
    assert result is not None
    return result


def _grown(start: int, side: int, halo: int, length: int) -> slice:
    return slice(max(start - halo, 0), min(start + side + halo, length))
