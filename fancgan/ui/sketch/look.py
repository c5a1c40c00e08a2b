"""How a visitor wants the micrograph to look: seed, mixture, reference, levels, finish.

Nothing here knows gradio.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fancgan.errors import UserError
from fancgan.microscopy.tone import ToneMap
from fancgan.networks.style_vector import LEVELS, LIMIT_SD, between

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

FIRST_SEED = 7
MAX_SEED = 2**31 - 1
REFERENCE_LIMIT = 1e3  # of the numbers of a measured style
FINISH = {
    "brightness": (-0.3, 0.3),
    "contrast": (0.5, 1.5),
    "gamma": (0.5, 2.0),
    "shadows": (-0.3, 0.3),
    "highlights": (-0.3, 0.3),
}


def finish_dials() -> dict[str, tuple[float, float, float]]:
    """Return lowest, highest and neutral value of each setting of the finish, for the page."""
    neutral = asdict(ToneMap())
    return {name: (*ends, neutral[name]) for name, ends in FINISH.items()}


def check_seed(seed: object) -> int:
    """Return the seed as a whole number, or raise UserError."""
    if (
        isinstance(seed, int | float)
        and not isinstance(seed, bool)
        and 0 <= seed <= MAX_SEED
        and seed == int(seed)
    ):
        return int(seed)
    raise UserError(f"The seed must be a whole number from 0 to {MAX_SEED}.")


@dataclass(frozen=True)
class Look:
    """What the page or a program asks for; equal looks of equal masks give equal images.

    seed: of look and noise. mix_seed, mix: another seed, and the share of its look, 0 to 1.
    reference: the measured style of a micrograph, which replaces the seeds'; empty for none.
    levels: grey levels by the names of LEVELS, missing ones as drawn. finish: values of a
    ToneMap, by name.
    """

    seed: int = 0
    mix_seed: int | None = None
    mix: float = 0.0
    reference: tuple[float, ...] = ()
    levels: dict[str, float] = field(default_factory=dict)
    finish: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, message: object) -> Look:
        """Return the look of a message; raise UserError for what cannot be."""
        if not isinstance(message, dict):
            raise UserError("The look did not arrive whole: please try again.")
        unknown = set(message) - set(cls.__dataclass_fields__)
        if unknown:
            names = " ".join(", ".join(sorted(unknown)).split())  # on one line
            raise UserError(f"A look has no {names[:80]}.")
        other = message.get("mix_seed")
        return cls(
            seed=check_seed(message.get("seed", 0)),
            mix_seed=None if other is None else check_seed(other),
            mix=_within(message.get("mix") or 0.0, 0, 1, "mix"),
            reference=_style(message.get("reference") or ()),
            levels=_named(message.get("levels"), dict.fromkeys(LEVELS, (-255, 255))),
            finish=_named(message.get("finish"), FINISH),
        )

    def style(self, pipe: Pipeline) -> np.ndarray:
        """Return the style [style_dim] that is asked for."""
        if self.reference:
            vector = np.array(self.reference, np.float32)
            known = pipe.any_look or np.abs(vector).max() <= LIMIT_SD
            if len(vector) != pipe.style_dim or not known:
                raise UserError("The reference is not of this model: choose its file again.")
        else:
            vector = pipe.sample_style(self.seed)
            if self.mix_seed is not None:
                vector = between(vector, pipe.sample_style(self.mix_seed), self.mix)
        return pipe.style_scale.with_levels(vector, **self.levels) if self.levels else vector

    def text(self) -> str:
        """Return the look for a file's metadata."""
        return json.dumps(asdict(self), separators=(",", ":"))


def _named(values: object, ranges: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Return the numbers that are given; None means not given."""
    values = values or {}
    if not isinstance(values, dict) or not set(values) <= set(ranges):
        raise UserError(f"Such settings may hold {', '.join(ranges)}, and nothing else.")
    given = {name: value for name, value in values.items() if value is not None}
    return {name: _within(value, *ranges[name], name) for name, value in given.items()}


def _style(values: object) -> tuple[float, ...]:
    if not isinstance(values, list | tuple):
        raise UserError("The reference is a list of numbers.")
    return tuple(_within(value, -REFERENCE_LIMIT, REFERENCE_LIMIT, "reference") for value in values)


def _within(value: object, low: float, high: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(f"The {name} must be a number from {low} to {high}.")
    return float(value)
