"""Settings and corrections of an earlier result, for open files and for those that follow."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fancgan.measuring.settings import StoredSettings

if TYPE_CHECKING:
    from fancgan.ui.models import Models
    from fancgan.ui.segment.open_files import OpenFiles


def take_stored(models: Models, open_files: OpenFiles, stored: StoredSettings, name: str) -> None:
    """Take over models, settings and corrections, and say so in one line.

    Files that are open wait to be read again. name: of the file that this came in.
    """
    other = [m for m in {model for model, _ in stored.values()} if m not in models.names]
    before, wanted = open_files.state, dict(stored)
    for file, (model, settings) in stored.items():
        wanted[file] = open_files.model if model in other else model, settings
    for open_file in open_files.files:
        if open_file.name in wanted:
            model, settings = wanted.pop(open_file.name)
            page, channel = open_file.settings.page, open_file.settings.channel
            open_file.chosen = model, dataclasses.replace(settings, page=page, channel=channel)
    open_files.history.remember(before, open_files.state)
    open_files.stored |= wanted
    edits = sum(len(settings.edits) for _, settings in stored.values())
    said = f"Settings taken over from {name}: {_counted(len(stored), 'file')}, "
    said += f"{_counted(edits, 'correction')} by hand."
    if other:
        said += f" The model {other[0]} is not offered here: {open_files.model} in its place."
    open_files.said = said


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def still_wanted(open_files: OpenFiles) -> str:
    """Say which pictures the settings wait for, "" if for none."""
    names = ", ".join(open_files.stored)
    return f" Drop their pictures too: {names}." if names else ""
