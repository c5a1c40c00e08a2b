"""What the tabs share: the theme, the launch options, toasts for a user's mistakes."""

from __future__ import annotations

import contextlib
import functools
import html
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from fancgan.errors import Stopped, UserError
from fancgan.ui.leftovers import KEPT_SECONDS
from fancgan.ui.scripts import asset, mount, preloads, route
from fancgan.ui.turns import noted, wanted

# In the order of the page; what comes later wins.
STYLES = (
    "shared/page.css",
    "shared/panels.css",
    "sketch/sketch.css",
    "sketch/view.css",
    "sketch/look.css",
    "segment/segment.css",
    "segment/sizes.css",
    "dataset/dataset.css",
)

# One network at a time in each lane (turns.LANES): what answers within seconds, whole files, and
# data sets, so that nobody waits for work of a longer kind.
MODEL: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
FILES: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "files"}
DATASETS: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "datasets"}
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

SESSIONS = 128
UPLOAD_LIMIT = "64mb"
CACHE_SECONDS = (120, KEPT_SECONDS)

PLAIN: dict[str, Any] = {"apply_default_css": False, "padding": False, "container": False}


def component(
    name: str, value: Any = None, *, events: tuple[str, ...] = (), **props: Any
) -> gr.HTML:
    """Return a part of the page made by NAME.html and mount() of NAME.js in this room.

    events: those that the script triggers and gradio has no name for.
    props: elem_id and other options of gr.HTML; what is none of them reaches template and script.
    """
    return gr.HTML(
        value,
        html_template=asset(f"{name}.html"),
        js_on_load=mount(f"{name}.js", events),
        **PLAIN,
        **props,
    )


def downloader(elem_id: str) -> gr.HTML:
    """Return what hands a file to the browser: {"token", "name", "url"}, see `wire.data_url`."""
    return carrier("shared/download.js", elem_id)


def carrier(script: str, elem_id: str) -> gr.HTML:
    """Return what is not seen and hands its value to mount() of a script."""
    made = mount(script)
    return gr.HTML(None, html_template="<i></i>", js_on_load=made, elem_id=elem_id, **PLAIN)


def shown_as_toast(handler: Callable) -> Callable:
    """Show a UserError of the handler as a toast; any other exception stays a defect.

    It works while somebody waits for it (`turns.wanted`); one that works in steps then just ends.
    """

    @functools.wraps(handler)
    def wrapped(*args: Any) -> Any:
        with _toasts(), wanted():
            return handler(*args)

    @functools.wraps(handler)
    def wrapped_steps(*args: Any) -> Iterator[Any]:
        with noted(), contextlib.closing(handler(*args)) as steps:
            while True:
                with _toasts():
                    try:
                        with wanted():  # gradio runs each step in a context of its own
                            step = next(steps)
                    except (StopIteration, Stopped):
                        return
                yield step

    return wrapped_steps if inspect.isgeneratorfunction(handler) else wrapped


@contextmanager
def _toasts() -> Iterator[None]:
    try:
        yield
    except Stopped as stopped:
        raise gr.Error("Stopped.", print_exception=False) from stopped
    except UserError as error:  # gradio renders it as HTML, and it may name an uploaded file
        raise gr.Error(html.escape(str(error), quote=False), print_exception=False) from error


def theme() -> gr.themes.Base:
    """Return the theme: system fonts (nothing is fetched), slate and teal, small radii."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
    return gr.themes.Base(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        radius_size="sm",
        spacing_size="sm",
        font=sans,
        font_mono=mono,
    ).set(
        # The defaults are too pale to read: these reach a contrast of 4.5 to 1.
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        color_accent="*primary_600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_600",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_large_text_size="*text_md",
        button_large_text_weight="500",
        button_medium_text_weight="500",
        button_secondary_text_color="*neutral_800",
    )


def launch_options() -> dict[str, Any]:
    """Return the options of launch() for a public server that keeps and reports nothing."""
    return {
        "theme": theme(),
        "css": "\n".join(asset(name) for name in STYLES),
        "head": preloads(),
        "app_kwargs": {
            "routes": [route()],
            # An upload that was cut off is no defect: no traceback, and nobody to answer.
            "exception_handlers": {ClientDisconnect: lambda *_: Response(status_code=400)},
        },
        "max_file_size": UPLOAD_LIMIT,
        "state_session_capacity": SESSIONS,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "ssr_mode": False,
        "share": False,
        "quiet": True,
        "footer_links": ["api"],
    }
