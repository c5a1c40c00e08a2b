"""How the pictures of a data set look: the statistics that a generator is told."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.networks.config import GREY_PER_UNIT
from fancgan.networks.style import measure_style


def measure_fields(fields: Iterable[Field]) -> Tensor:
    """Style statistics [n, 10] of whole fields; where a field cannot tell, the others' mean.

    Raises UserError where none can tell.
    """
    rows = []
    for field in fields:
        image = torch.from_numpy(field.image.astype(np.float32))[None, None] / GREY_PER_UNIT - 1
        mask = torch.from_numpy(field.mask.astype(np.float32))[None, None]
        stats, valid = measure_style(image, mask)
        rows.append(torch.where(valid, stats, torch.nan)[0])
    stats = torch.stack(rows)
    if stats.isnan().all(0).any():
        raise UserError(
            "No training image shows enough of both background and particles to measure its "
            "style; check that the masks fit the images and are not inverted, or "
            "train the segmenter alone: --preset particles."
        )
    return torch.where(stats.isnan(), stats.nanmean(0), stats)
