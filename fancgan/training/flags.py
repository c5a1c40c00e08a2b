"""Settings of a training: fields of a frozen dataclass, each a flag with a help text."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import Any

from fancgan.errors import UserError


def flag(default, text: str, *, choices: tuple[str, ...] | None = None, least: float = 0) -> Any:
    """Return a field of that default, for a value of its type: of `choices`, or `least` up."""
    return field(default=default, metadata={"help": text, "choices": choices, "least": least})


def flag_name(name: str) -> str:
    """Return the flag of the command line that sets the field of that name."""
    return "--" + name.replace("_", "-")


def check_flags(settings: Any) -> None:
    """Raise UserError where a field of settings made with `flag` has a value that it may not."""
    for f in dataclasses.fields(settings):
        value, choices = getattr(settings, f.name), f.metadata["choices"]
        if choices and value not in choices:
            raise UserError(
                f"{flag_name(f.name)} {value} is unknown; choose one of {', '.join(choices)}."
            )
        if not choices and not isinstance(value, str) and not value >= f.metadata["least"]:
            raise UserError(
                f"{flag_name(f.name)} {value} is too small; give {f.metadata['least']} or more."
            )
