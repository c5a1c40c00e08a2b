"""A data set that a visitor asks for: what may be wished for, a preview of it, and its making.

Nothing here knows gradio. The pairs are made by one process of one thread, as the shell's verb
makes them, so that they can be made again from their manifest, and the page stays quick.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from fancgan.datasets.archives import write_zip
from fancgan.datasets.synthetic import Folder, Plan, make_pair, plan_for
from fancgan.datasets.workers import make_missing
from fancgan.errors import UserError, check_stopped
from fancgan.layouts.config import AGGLOMERATIONS, SHAPES, LayoutConfig
from fancgan.ui import layout_settings
from fancgan.ui.limits import check_layout

if TYPE_CHECKING:
    from fancgan.datasets.synthetic import Pair
    from fancgan.pipeline import Pipeline

MAX_PAIRS = 200
MAX_PX = 32_000_000
PREVIEWS = 4
LARGEST = 1e300  # no number of a visitor's is as large
SIZES = {"256 × 256": (256, 256), "512 × 512": (512, 512), "768 × 512": (512, 768)}
AMOUNTS = ("as in the training fields", "coverage, %", "count")
DEFAULTS: dict[str, Any] = {
    "n": 40,
    "size": "256 × 256",
    "amount": AMOUNTS[0],
    "value": 25,
    "d50_nm": 0,
    "gsd": 0,
    "agglomeration": AGGLOMERATIONS[0],
    "shape": next(iter(SHAPES)),
    **{name: getattr(LayoutConfig(), name) for name in layout_settings.NAMES},
    "val_share": 0.1,
    "seed": 0,
    "strip": True,
}


def make_plan(pipe: Pipeline, style: np.ndarray | None = None, **wishes: object) -> Plan:
    """Return the plan of a visitor's wishes, see DEFAULTS for their names; raise UserError.

    size: a name in SIZES; amount: one of AMOUNTS, with its value; d50_nm, gsd: 0 for the
    training masks' own (other shapes: 1.1); style: vector [style_dim] or None.
    """
    given = DEFAULTS | wishes
    n, seed = (whole(given[name], name) for name in ("n", "seed"))
    if not isinstance(given["size"], str) or given["size"] not in SIZES:
        raise UserError(f"There is no size {given['size']}; choose from {', '.join(SIZES)}.")
    height, width = SIZES[given["size"]]
    most = min(MAX_PAIRS, MAX_PX // (height * width))
    if not 1 <= n <= most:
        raise UserError(
            f"The page makes 1 to {most} pairs of {given['size']} pixels; for {n}, run "
            f"'python -m fancgan make-dataset --n {n} --out DIR' on a machine of your own."
        )
    chosen: dict = {
        "height": height,
        "width": width,
        "nm_per_px": pipe.nm_per_px,
        "d50_nm": number(given["d50_nm"], "D50") or None,
        "gsd": number(given["gsd"], "GSD") or None,
        "agglomeration": given["agglomeration"],
        "shape": given["shape"],
        **layout_settings.chosen({name: given[name] for name in layout_settings.NAMES}),
    }
    if given["amount"] not in AMOUNTS:
        raise UserError(f"The amount is one of: {', '.join(AMOUNTS)}.")
    if given["amount"] != AMOUNTS[0]:
        value = number(given["value"], given["amount"])
        if value is None:
            raise UserError(f"How much? Give a number for the {given['amount']}.")
        by_count = given["amount"] == AMOUNTS[2]
        chosen |= {"count": whole(value, "count")} if by_count else {"coverage": value / 100}
    layout = LayoutConfig(**{name: value for name, value in chosen.items() if value is not None})
    check_layout(layout)
    share = number(given["val_share"], "share for validation") or 0.0
    strip = bool(given["strip"])
    return plan_for(pipe, layout, n=n, seed=seed, val_share=share, style=style, strip=strip)


def number(value: object, name: str) -> float | None:
    """Return value as a finite number, or None where nothing is given; raise UserError."""
    if value is None or value == "":
        return None
    if not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
        raise UserError(f"The {name} must be a number, not {value!r}.")
    return value


def whole(value: object, name: str) -> int:
    """Return value as a whole number; raise UserError, which calls it name, where it is none."""
    given = number(value, name)
    if given is None or given != int(given):
        raise UserError(f"The {name} must be a whole number.")
    return int(given)


def preview(pipe: Pipeline, plan: Plan) -> list[Pair]:
    """Return the first pairs of the plan, without their strips."""
    pairs = []
    for index in range(min(PREVIEWS, plan.n)):
        check_stopped()
        pairs.append(make_pair(pipe, plan.line(index) | {"strip": False}))
    return pairs


@dataclass(frozen=True)
class Progress:
    """How far the making is. seconds_left: None before the first pairs tell."""

    done: int
    n: int
    seconds_left: float | None
    zip_bytes: bytes | None = None


def make(bundle: Path, plan: Plan) -> Generator[Progress, None, None]:
    """Make the data set in a temporary folder; the last Progress carries the zip.

    It hears of a stop (errors.check_stopped) at once, and nothing stays on the disk.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place) / "dataset", plan)
        folder.begin()
        yield Progress(0, plan.n, None)
        started = None
        with closing(make_missing(folder, str(bundle), workers=1)) as making:
            for done, _ in enumerate(making, 1):
                started = started or monotonic()
                pace = (monotonic() - started) / max(done - 1, 1)
                yield Progress(done, plan.n, pace * (plan.n - done) if done > 1 else None)
        folder.finish()
        buffer = io.BytesIO()
        write_zip(folder.root, buffer)
    yield Progress(plan.n, plan.n, 0.0, buffer.getvalue())
