"""What a training takes from its images before the first step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.networks.config import GREY_PER_UNIT
from fancgan.networks.style import measure_style


def measure_fields(fields: list[Field]) -> Tensor:
    """Style statistics [n, 10] of whole fields; where a field cannot tell, the others' mean."""
    rows = []
    for field in fields:
        image = torch.from_numpy(field.image.astype(np.float32))[None, None] / GREY_PER_UNIT - 1
        mask = torch.from_numpy(field.mask.astype(np.float32))[None, None]
        stats, valid = measure_style(image, mask)
        rows.append(torch.where(valid, stats, torch.nan)[0])
    stats = torch.stack(rows)
    missing = stats.isnan().all(0)
    if missing.any():
        raise UserError(
            "No training image shows enough of both background and particles to measure its "
            "style; check that the masks fit the images and are not inverted."
        )
    return torch.where(stats.isnan(), stats.nanmean(0), stats)


@torch.no_grad()
def start_at_mean_level(generator: torch.nn.Module, fields: list[Field]) -> None:
    """Let the untrained generator paint the mean grey level of the training images."""
    mean = float(np.mean([f.image.mean() for f in fields])) / GREY_PER_UNIT - 1
    generator.to_image.bias.fill_(float(np.arctanh(np.clip(mean, -0.95, 0.95))))
