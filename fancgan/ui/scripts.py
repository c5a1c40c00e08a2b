"""The page's scripts: native ES modules beside their tabs, served by the app itself.

All are read once. Their address holds a hash of them, so that browsers may keep them for good, and
a page never mixes two versions. A script names others relative to itself.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

ROOM = Path(__file__).parent
KEEP = "public, max-age=31536000, immutable"
# A page behind a proxy has another root than the server; gradio tells the page which.
ROOT = "window.gradio_config.root"


def asset(name: str) -> str:
    """Return the text of a file of this room, by its path within it."""
    return (ROOM / name).read_text(encoding="utf-8")


@functools.cache
def scripts() -> dict[str, str]:
    """Return the text of each script by its path within this room."""
    names = sorted(path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*.js"))
    return {name: asset(name) for name in names}


@functools.cache
def address() -> str:
    """Return the path under the page's root at which the scripts of this version lie."""
    parts = (f"{name}\0{text}\0" for name, text in scripts().items())
    return f"/scripts/{hashlib.sha256(''.join(parts).encode()).hexdigest()[:16]}"


def _import(name: str) -> str:
    if name not in scripts():
        raise FileNotFoundError(f"there is no script {name}")
    return f"import(`${{{ROOT}.replace(/\\/$/, '')}}{address()}/{name}`)"


def mount(name: str, events: tuple[str, ...] = ()) -> str:
    """Return what a gr.HTML does when it is loaded: hand itself to mount() of a script.

    events: those of its own that it triggers; gradio looks for their names, in quotes, here.
    """
    given = "{ element, props, trigger, watch, upload, server }"
    said = f"const events = {json.dumps(events)};\n" if events else ""
    return f"{said}{_import(name)}.then((script) => script.mount({given}));"


def call(name: str, function: str) -> str:
    """Return an event's js: an exported function of a script, which gradio awaits."""
    if f"function {function}(" not in scripts()[name]:
        raise AttributeError(f"{name} exports no function {function}")
    return f"async (...inputs) => (await {_import(name)}).{function}(...inputs)"


def preloads() -> str:
    """Return links by which a browser fetches all scripts at once, not one import at a time."""
    paths = (f".{address()}/{name}" for name in scripts())
    return "\n".join(f'<link rel="modulepreload" href="{path}">' for path in paths)


def route() -> Route:
    """Return the route that serves the scripts; anything else under it is not found."""
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    def serve(request: Request) -> Response:
        text = scripts().get(request.path_params["name"])
        if text is None:
            return PlainTextResponse("There is no such script.", 404)
        return Response(text, media_type="text/javascript", headers={"Cache-Control": KEEP})

    return Route(f"{address()}/{{name:path}}", serve, methods=["GET"])
