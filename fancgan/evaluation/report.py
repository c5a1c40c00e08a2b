"""A measured number with what it takes to judge it: its n, its interval, what real images score.

Intervals are by bootstrap over images: patches of one image are not independent.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Figure:
    """One row of an evaluation.

    value: the number, in `unit` ("" for a ratio). n: how many of `of` it rests on. interval: 95 %
    by bootstrap over images (or over their sources, where `of` says so), None where there are too
    few. references: the same number of other things, for comparison: "real" is what real images
    score against each other or by themselves.
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
        return {name: _finite(value) for name, value in dataclasses.asdict(self).items()}


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def bootstrap_interval(
    statistic: Callable[[NDArray], float], count: int, draws: int = 400
) -> tuple[float, float] | None:
    """Return the 95 % interval of `statistic(indices)` over images drawn with repetition.

    statistic takes int indices [count] into the images. The quantiles are shifted so that the draws
    centre on the value of all images: drawing with repetition makes distances between sets look
    larger than they are, by more than their spread. Draws that give nan (one image drawn `count`
    times has no spread) are left out. None below 3 images, where no interval means anything.
    """
    if count < 3:
        return None
    rng = np.random.default_rng(0)
    values = np.array([statistic(rng.integers(count, size=count)) for _ in range(draws)])
    values = values[np.isfinite(values)]
    if len(values) < draws / 2:
        return None
    shift = statistic(np.arange(count)) - values.mean()
    tail = (1 - 0.95) / 2
    low, high = np.quantile(values, [tail, 1 - tail]) + shift
    return float(low), float(high)


def over_images(
    meaning: str,
    items: Sequence,
    statistic: Callable[[list], float],
    of: str,
    n: int | None = None,
    unit: str = "",
    references: dict[str, float] | None = None,
    bounds: tuple[float, float] | None = None,
) -> Figure:
    """Return the Figure of statistic(items) with its bootstrap over the items, one per image.

    bounds: what the statistic can be at all; the interval is cut off there.
    """
    interval = bootstrap_interval(lambda drawn: statistic([items[i] for i in drawn]), len(items))
    if interval and bounds:
        low, high = np.clip(interval, *bounds)
        interval = float(low), float(high)
    value, n = float(statistic(list(items))), len(items) if n is None else n
    return Figure(meaning, value, n, of, unit, interval, references or {})


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


_COLUMNS = (  # of the table of images: heading, width, what a row says
    ("Dice", 7, lambda row: f"{row['dice']:.3f}"),
    ("AP50", 7, lambda row: f"{row['ap50']:.3f}"),
    ("AP50:95", 9, lambda row: f"{row['ap50_95']:.3f}"),
    ("found/true", 12, lambda row: f"{row['count_pred']}/{row['count_true']}"),
    ("diameter px", 15, lambda row: f"{row['diameter_pred_px']:.1f}/{row['diameter_true_px']:.1f}"),
    ("confidence", 12, lambda row: _number(row.get("confidence"))),
)


def format_images(report: dict) -> str:
    """Return the images of `evaluate_bundle` as a table for people, one line each.

    The last columns are the AP50 of the baselines.
    """
    rows = report["per_image"]
    others = [name for name, value in rows[0].items() if isinstance(value, dict)]
    head = "".join(f"{name:>{width}}" for name, width, _ in _COLUMNS)
    lines = [f"{'image':24}{head}" + "".join(f"  AP50 of {name}" for name in others)]
    for row in rows:
        words = "".join(f"{say(row):>{width}}" for _, width, say in _COLUMNS)
        words += "".join(f"{row[name]['ap50']:>{len(name) + 10}.3f}" for name in others)
        lines.append(f"{row['image'][:23]:24}{words}")
    return "\n".join(lines)


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
