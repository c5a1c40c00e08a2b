"""Which bundle a server serves: the operator decides, a visitor never."""

from __future__ import annotations

from collections.abc import Mapping

from fancgan.errors import UserError
from fancgan.pretrained.bundle import Bundle
from fancgan.pretrained.find import HUB_NAME, find_bundle
from fancgan.pretrained.hub import COMMIT, HubUnreachable

VARIABLE = "FANCGAN_BUNDLE"


def bundle_to_serve(named: str | None, environment: Mapping[str, str]) -> tuple[Bundle, str]:
    """Return the bundle to serve, and "" or the sentence that says why it is another than named.

    named: what the operator asked for (see `find_bundle`); without it the environment variable
    FANCGAN_BUNDLE, "owner/name@commit": nobody watches a Space start, so it takes no tag; without
    both the bundle that ships. Where the Hub cannot be reached and the cache has no copy, the
    bundle that ships stands in. Raises UserError for anything else that is wrong with it.
    """
    source = named or pinned(environment.get(VARIABLE))
    try:
        return find_bundle(source), ""
    except HubUnreachable as error:
        shipped = find_bundle()
        return shipped, f"{source} could not be loaded; {shipped.config['name']}, which ships, " + (
            f"is served in its place. {error}"
        )


def pinned(value: str | None) -> str | None:
    """Return the variable's value if it is "owner/name@commit", None if it is empty."""
    if not value:
        return None
    name, _, commit = value.partition("@")
    if HUB_NAME.fullmatch(name) and COMMIT.fullmatch(commit):
        return value
    raise UserError(f"{VARIABLE} must be OWNER/NAME@ and the 40 digits of a commit, not {value!r}.")
