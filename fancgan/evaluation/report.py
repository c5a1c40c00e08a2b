"""A measured number with what it takes to judge it: its n, its interval, what real images score."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fancgan.evaluation.resampling import bootstrap_interval


@dataclass(frozen=True)
class Figure:
    """One row of an evaluation.

    value: the number, in `unit` ("" for a ratio). n: how many of `of` it rests on. interval: 95 %
    by bootstrap over images, None where there are too few. references: the same number of other
    things, for comparison: "real" is what real images score against each other or by themselves.
    """

    meaning: str
    value: float
    n: int
    of: str
    unit: str = ""
    interval: tuple[float, float] | None = None
    references: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Return plain JSON types; a number that is not finite becomes None."""
        return _finite(dataclasses.asdict(self))


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def over_images(
    meaning: str,
    items: Sequence,
    statistic: Callable[[list], float],
    of: str,
    n: int | None = None,
    unit: str = "",
    references: dict[str, float] | None = None,
) -> Figure:
    """Return the Figure of statistic(items) with its bootstrap over the items, one per image."""

    def of_draw(indices: NDArray) -> float:
        return statistic([items[i] for i in indices])

    return Figure(
        meaning=meaning,
        value=float(statistic(list(items))),
        n=len(items) if n is None else n,
        of=of,
        unit=unit,
        interval=bootstrap_interval(of_draw, len(items), draws=400),
        references=references or {},
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def format_report(report: dict) -> str:
    """Return the figures of `evaluate_bundle` as a table for people, one line each."""
    lines = []
    for name, figure in report["figures"].items():
        interval = figure["interval"]
        span = f" [{_number(interval[0])}, {_number(interval[1])}]" if interval else ""
        unit = f" {figure['unit']}" if figure["unit"] else ""
        lines.append(f"{name:24}{_number(figure['value']):>9}{unit}{span}")
        others = ", ".join(f"{k} {_number(v)}" for k, v in figure["references"].items())
        basis = f"n = {figure['n']} {figure['of']}"
        lines.append(f"    {figure['meaning']} ({basis}{'; ' + others if others else ''})")
    return "\n".join(lines)
