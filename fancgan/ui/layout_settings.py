"""The settings of a layout that belong to one shape or arrangement, as the page offers them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from fancgan.layouts.config import ARRANGED, OVERLAPS_SHOWN, PARTS, SHAPES, LayoutConfig


@dataclass(frozen=True)
class Setting:
    """name: of a LayoutConfig's field; label, hint: in words; choices: none of a number."""

    name: str
    label: str
    hint: str
    low: float = 0
    high: float = 1
    choices: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """Return the setting with its default value and what it belongs to, for scripts."""
        return asdict(self) | {"value": getattr(LayoutConfig(), self.name), "of": owners(self.name)}


SETTINGS = (
    Setting("aspect_mean", "Aspect ratio", "Minor axis / major axis, 0.2 to 1", 0.2),
    Setting("aspect_ratio", "Aspect ratio", "Length / width, or diameter / thickness", 1, 200),
    Setting("flexibility", "Bending", "Length / persistence length: 0 straight, 6 coiled", 0, 6),
    Setting("tilted", "Tilted", "Share of particles turned at random; others lie on a face"),
    Setting("rounding", "Rounding", "Of the corners: 0 sharp, 1 round"),
    Setting("shell", "Shell", "Wall thickness / outer radius", 0.02, 0.95),
    Setting(
        "parts", "Labelled", "The filled outline, the shell alone, or shell and core", choices=PARTS
    ),
    Setting("disorder", "Disorder", "Displacement of the sites, in spacings, 0 to 0.5", 0, 0.5),
    Setting("vacancies", "Vacancies", "Share of the sites that are empty, 0 to 0.9", 0, 0.9),
)
OVERLAP_SHOWN = Setting(
    "overlap_shown",
    "Overlap shows",
    "The upper particle whole, or the outlines of both, as a TEM does",
    choices=OVERLAPS_SHOWN,
)
NAMES = (*(setting.name for setting in SETTINGS), OVERLAP_SHOWN.name)


def owners(name: str) -> list[str]:
    """Shapes and arrangements that a setting belongs to; none: to all."""
    shapes = [shape for shape, facts in SHAPES.items() if name in facts.fields]
    return shapes + [kind for kind, names in ARRANGED.items() if name in names]


def chosen(wishes: dict) -> dict:
    """Return the settings that a visitor gives, without those left empty."""
    return {name: value for name, value in wishes.items() if value is not None and value != ""}
