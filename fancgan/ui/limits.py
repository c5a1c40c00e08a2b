"""What is laid out while somebody waits: crowded layouts take minutes, and others wait as well."""

from __future__ import annotations

import math

from fancgan.errors import UserError
from fancgan.layouts.layout import LayoutConfig

MAX_PARTICLES = 1500
MAX_SHARE = {"single": 0.33}  # of the area, by agglomeration: beyond it few places are free
USUAL_SHARE = 0.6


def check_layout(config: LayoutConfig) -> None:
    """Raise UserError unless the layout takes seconds."""
    area = config.height * config.width
    particle = math.pi / 4 * (config.d50_nm / config.nm_per_px) ** 2
    share = config.coverage or (config.count or 0) * particle / area
    count = config.count or (config.coverage or 0) * area / particle
    most = MAX_SHARE.get(config.agglomeration, USUAL_SHARE)
    if share > most:
        raise UserError(
            f"Such particles ({config.agglomeration}) would cover {share:.0%} of the area: here "
            f"at most {most:.0%}; 'python -m fancgan make-masks' takes its time for more."
        )
    if count > MAX_PARTICLES:
        raise UserError(
            f"These would be {count:.0f} particles: here at most {MAX_PARTICLES}; 'python -m "
            "fancgan make-masks' takes its time for more."
        )
