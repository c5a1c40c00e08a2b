"""The panel "Teach the model": corrected pictures in, a model of one's own out."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from fancgan.errors import UserError
from fancgan.files import zipped
from fancgan.pipeline import Pipeline
from fancgan.pretrained.find import find_bundle
from fancgan.ui.page import PLAIN, QUIET, shown_as_toast
from fancgan.ui.segment.answers import shown
from fancgan.ui.segment.teaching import END_SECONDS, MAX_STEPS, Stand, teach
from fancgan.ui.turns import giving_up, wait_for_end

if TYPE_CHECKING:
    from fancgan.ui.models import Models
    from fancgan.ui.segment.open_files import OpenFiles

TEACHING: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "teaching"}
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,39}")
STEPS = 60
WORDS = """<p class='fa-note'>Correct the outlines of one to ten pictures above; the model then
learns them, and where they are one or two, synthetic pairs painted in their look. Minutes on two
cores. Pictures and model are deleted when the server ends: save the model's zip to keep it. In the
shell: <code>python -m fancgan teach results.zip --out bundles/mine</code></p>"""
NOT_HERE = """<p class='fa-note'>Not on this public page: minutes of its two cores belong to all
visitors. On a computer of your own it takes minutes: save the zip of your corrected pictures, then
<code>python -m fancgan teach results.zip --out bundles/mine</code></p>"""
PARTS = {
    "": "getting ready",
    "trial": "trial, with a part kept aside",
    "whole": "learning from all",
}


def build(models: Models, open_files: gr.State, shows: dict[str, Any]) -> None:
    """Add the panel; shows: outputs and options of what changes the open files."""
    with gr.Accordion("Teach the model", open=False, elem_id="teach"):
        if os.environ.get("SPACE_ID"):
            gr.HTML(NOT_HERE, **PLAIN)
            return
        gr.HTML(WORDS, **PLAIN)
        with gr.Row(elem_classes="fa-controls"):
            name = gr.Textbox("mine", label="Its name", elem_id="teach-name", min_width=120)
            steps = gr.Number(
                STEPS,
                label="Steps",
                precision=0,
                minimum=1,
                maximum=MAX_STEPS,
                elem_id="teach-steps",
                min_width=90,
            )
            start = gr.Button("Teach", variant="primary", elem_id="teach-start", min_width=90)
            stop = gr.Button("Stop", elem_id="teach-stop", min_width=90)
        status = gr.HTML("", elem_id="teach-status", **PLAIN)
        with gr.Row(elem_classes="fa-controls"):
            use = gr.Button(
                "Use the new model", visible=False, variant="primary", elem_id="teach-use"
            )
            saved = gr.DownloadButton("Save its zip", visible=False, elem_id="teach-save")
        place, made = gr.State(None), gr.State("")
    started = start.click(
        partial(_teach, models, saved.GRADIO_CACHE),
        [open_files, name, steps, place],
        [status, place, made, use, saved],
        **TEACHING,
        **QUIET,
    )
    started.failure(lambda: _status("not taught: see the message"), outputs=status, **QUIET)
    said = "stopped: Teach goes on from there"
    stopping = stop.click(giving_up(TEACHING["concurrency_id"]), queue=False, **QUIET)
    ended = stopping.then(_wait_until_ended, **QUIET)
    ended.then(lambda: _status(said), outputs=status, **QUIET)
    use.click(partial(_use, models), [open_files, made], **shows)


def _wait_until_ended(request: gr.Request) -> None:
    wait_for_end(request.session_hash, TEACHING["concurrency_id"], END_SECONDS)


@shown_as_toast
def _teach(
    models: Models,
    cache: str,
    open_files: OpenFiles,
    name: str,
    steps: float | None,
    place: str | None,
) -> Iterator[tuple]:
    """Yield status, this visitor's folder, the name of the model, and its two buttons."""
    if not NAME.fullmatch(name):
        raise UserError("A model's name has up to 40 letters, digits, - and _, such as mine.")
    if name in models.names:
        raise UserError(f"There is a model {name} already; choose another name.")
    if not steps or not 1 <= steps <= MAX_STEPS:
        raise UserError(f"Steps are a number from 1 to {MAX_STEPS}.")
    place = place or tempfile.mkdtemp(prefix="teaching-")
    hidden = gr.Button(visible=False), gr.DownloadButton(visible=False)
    with closing(teach(models, open_files, name, int(steps), Path(place))) as stands:
        for stand in stands:
            if stand.out is None:
                yield _progress(stand), place, "", *hidden
                continue
            models.add(Pipeline(find_bundle(stand.out)))
            files = ((f"{name}/{f.name}", f.read_bytes()) for f in sorted(stand.out.iterdir()))
            path = save_bytes_to_cache(zipped(files), f"{name}.zip", cache)
            button = gr.DownloadButton(value=path, visible=True)
            yield _done(stand), place, name, gr.Button(visible=True), button


@shown_as_toast
def _use(models: Models, open_files: OpenFiles, name: str) -> tuple:
    open_files.act(models, {"do": "taught", "name": name})
    return open_files, *shown(models, open_files)


def _progress(stand: Stand) -> str:
    words = PARTS[stand.part]
    if stand.seconds_left is not None:
        left = stand.seconds_left
        words += f", {left:.0f} s left" if left < 90 else f", {left / 60:.0f} min left"
    return _status(words, f"<progress max={stand.of} value={stand.done}></progress> ")


def _done(stand: Stand) -> str:
    if not stand.scores:
        return _status("done; nothing could be kept aside, so look at its outlines", state="done")
    before, after = stand.scores
    words = (
        f"done. On {after['n']} kept aside: Dice {before['dice']:.2f} before, {after['dice']:.2f} "
        f"after; AP50 {before['ap50']:.2f} before, {after['ap50']:.2f} after"
    )
    return _status(words, state="done")


def _status(words: str, bar: str = "", state: str = "") -> str:
    return f"<p class='fa-note' role='status' data-state='{state}'>{bar}{words}</p>"
