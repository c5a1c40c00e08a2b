"""Finding a bundle by name: one that ships, a folder, or a repository on the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from fancgan.errors import UserError
from fancgan.pretrained.bundle import CONFIG, PACKAGED, Bundle, open_bundle
from fancgan.pretrained.hub import download_bundle

DEFAULT = "tio2-sem"
SEGMENTER = "particles"  # the default wherever particles are found and nothing is painted
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def packaged() -> list[str]:
    """Names of the bundles that come with the package."""
    return sorted(path.parent.name for path in PACKAGED.glob(f"*/{CONFIG}"))


def painters() -> list[str]:
    """Those of the packaged bundles that hold a generator."""
    return [name for name in packaged() if open_bundle(PACKAGED / name).paints]


def find_bundle(source: str | Path | None = None, revision: str | None = None) -> Bundle:
    """Return the bundle that `source` names.

    source: None for the default; the name of a packaged bundle; a folder; or "owner/name" of a
    Hub repository, also "owner/name@revision". revision: a commit or a tag, for the Hub alone.
    """
    name, _, pinned = str(source or DEFAULT).partition("@")
    hub_name = HUB_NAME.fullmatch(name) is not None
    if source is not None and Path(source).is_dir():
        name, hub_name, pinned = str(source), False, ""
    revision = revision or pinned or None
    if revision and not hub_name:
        raise UserError(f"{name} takes no revision: that is for owner/name on the Hub.")
    if name in packaged():
        return open_bundle(PACKAGED / name)
    if hub_name:
        folder, commit = download_bundle(name, revision)
        return open_bundle(folder, origin=f"{name}@{commit}")
    if Path(name).is_dir():
        return open_bundle(name)
    have = ", ".join(packaged()) or "none"
    raise UserError(
        f"There is no bundle {name}: it is no folder, none of the packaged bundles ({have}) and "
        "no owner/name on the Hub."
    )
