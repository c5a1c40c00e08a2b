"""The Data set tab: labelled synthetic pairs, previewed, made and taken away as one zip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from PIL import Image

from fancgan.layouts.config import AGGLOMERATIONS, SHAPES
from fancgan.measuring import overlay
from fancgan.microscopy import image_files
from fancgan.microscopy.micrograph import read_micrograph
from fancgan.ui import layout_settings, wire
from fancgan.ui.dataset import making
from fancgan.ui.page import CACHE_SECONDS, DATASETS, FILES, PLAIN, QUIET, component, shown_as_toast
from fancgan.ui.scripts import call
from fancgan.ui.turns import giving_up, wait_for_end

if TYPE_CHECKING:
    from fancgan.datasets.synthetic import Pair, Plan
    from fancgan.pipeline import Pipeline

WORDS = f"""<p class='fa-note'>Each pair is an image and its 16-bit instance labels; with COCO,
YOLO-seg, split and manifest in one zip. Every file says that it is synthetic. The page makes up to
<b>{making.MAX_PAIRS} pairs</b> ({making.MAX_PX // 10**6} megapixels) and deletes them after
{CACHE_SECONDS[1] // 60} minutes; for any number, on all cores, resumable:
<code>python -m fancgan make-dataset --n 10000 --out DIR</code></p>"""
NAMES = (
    *("n", "size", "amount", "value", "d50_nm", "gsd", "agglomeration", "val_share", "seed"),
    *("shape", *layout_settings.NAMES),
)
MESSAGES = "dataset/messages.js"
FIRST = (next(iter(SHAPES)), AGGLOMERATIONS[0])


def build(pipe: Pipeline, look_pipe: Pipeline) -> None:
    """Add the tab's components and events.

    look_pipe paints in the look of a visitor's micrograph, pipe without one.
    """
    painters = pipe, look_pipe
    with gr.Row(elem_classes="fa-bench fa-order"):
        with gr.Column(min_width=300, scale=2, elem_classes="fa-left fa-form"):
            wishes = _form()
            strip = gr.Checkbox(
                True, label="a strip under each picture that says synthetic", elem_id="set-strip"
            )
            style = gr.File(label="Look of a micrograph (optional)", elem_id="set-style", height=92)
            with gr.Row(elem_classes="fa-controls"):
                look = gr.Button("Preview", elem_id="set-preview", min_width=90)
                start = gr.Button(
                    "Make the data set", variant="primary", elem_id="set-make", min_width=150
                )
        with gr.Column(min_width=320, scale=3, elem_classes="fa-left"):
            panel = component("dataset/dataset", _state("none"), elem_id="set", events=("stop",))
            saved = gr.DownloadButton(
                "Save the zip", visible=False, variant="primary", elem_id="set-save"
            )
            gr.HTML(WORDS, **PLAIN)

    inputs = [*wishes, strip, style]
    previewing = look.click(
        partial(_preview, painters),
        inputs,
        panel,
        js=call(MESSAGES, "previewing"),
        **FILES,
        **QUIET,
    )
    started = start.click(
        partial(_make, painters, saved.GRADIO_CACHE),
        inputs,
        [panel, saved],
        js=call(MESSAGES, "waiting"),
        **DATASETS,
        **QUIET,
    )
    for event in (previewing, started):
        event.failure(None, js=call(MESSAGES, "failed"))
    stopping = panel.stop(giving_up(DATASETS["concurrency_id"]), queue=False, **QUIET)
    ended = stopping.then(_wait_until_ended, **QUIET)
    ended.then(None, js=call(MESSAGES, "stopped"))


def _form() -> list[gr.components.Component]:
    """The settings, in the order of NAMES."""
    given = making.DEFAULTS
    with gr.Row():
        n = gr.Number(
            given["n"],
            label=f"Pairs (up to {making.MAX_PAIRS})",
            precision=0,
            elem_id="set-n",
            min_width=90,
        )
        size = gr.Dropdown(
            list(making.SIZES), value=given["size"], label="Size, px", elem_id="set-size"
        )
    with gr.Row():
        amount = gr.Dropdown(
            [("as trained", making.AMOUNTS[0]), *making.AMOUNTS[1:]],
            value=given["amount"],
            label="Amount",
            elem_id="set-amount",
        )
        value = gr.Number(
            given["value"],
            label=given["amount"],
            visible=False,
            elem_id="set-value",
            min_width=80,
        )
        amount.change(_value_for, amount, value, queue=False, **QUIET)
    shape = gr.Dropdown(list(SHAPES), value=given["shape"], label="Shape", elem_id="set-shape")
    with gr.Row():
        d50 = gr.Number(0, label="D50, nm (0: as trained)", elem_id="set-d50", min_width=80)
        gsd = gr.Number(0, label="GSD (0: as trained)", elem_id="set-gsd", min_width=80)
    with gr.Row():
        kind = gr.Dropdown(
            list(AGGLOMERATIONS), value="mix", label="Agglomerates", elem_id="set-kind"
        )
        share = gr.Number(
            given["val_share"], label="Validation share", elem_id="set-share", min_width=80
        )
        seed = gr.Number(given["seed"], label="Seed", precision=0, elem_id="set-seed", min_width=80)
    with gr.Row():
        belonging = [_field(setting) for setting in layout_settings.SETTINGS]
        overlap = _field(layout_settings.OVERLAP_SHOWN)
    for choice in (shape, kind):
        choice.change(_fields_for, [shape, kind], belonging, queue=False, **QUIET)
    return [n, size, amount, value, d50, gsd, kind, share, seed, shape, *belonging, overlap]


def _field(setting: layout_settings.Setting) -> gr.components.Component:
    """A field for a setting, seen while the first shape and arrangement are chosen."""
    place: dict[str, Any] = {"elem_id": f"set-{setting.name}", "min_width": 80}
    place["visible"] = _belongs(setting, *FIRST)
    value = making.DEFAULTS[setting.name]
    if setting.choices:
        return gr.Dropdown(list(setting.choices), value=value, label=setting.label, **place)
    return gr.Number(value, label=setting.label, info=setting.hint, **place)


def _belongs(setting: layout_settings.Setting, *chosen: str) -> bool:
    owners = layout_settings.owners(setting.name)
    return not owners or any(one in owners for one in chosen)


def _fields_for(shape: str, kind: str) -> list[dict]:
    return [gr.update(visible=_belongs(one, shape, kind)) for one in layout_settings.SETTINGS]


def _value_for(amount: str) -> gr.Number:
    return gr.Number(label=amount, visible=amount != making.AMOUNTS[0])


def _plan(painters: tuple[Pipeline, Pipeline], *values: object) -> tuple[Pipeline, Plan]:
    *wishes, strip, style_path = values
    pipe = painters[bool(style_path)]
    style = pipe.measure_style(read_micrograph(str(style_path)).field) if style_path else None
    wished = dict(zip(NAMES, wishes, strict=True))
    return pipe, making.make_plan(pipe, style, strip=strip, **wished)


def _wait_until_ended(request: gr.Request) -> None:
    wait_for_end(request.session_hash, DATASETS["concurrency_id"])


def _state(state: str, **facts: object) -> dict:
    return {"token": wire.token(), "state": state, **facts}


@shown_as_toast
def _preview(painters: tuple[Pipeline, Pipeline], *values: object) -> dict:
    pipe, plan = _plan(painters, *values)
    return _state("previewed", n=plan.n, tiles=[_tile(p) for p in making.preview(pipe, plan)])


def _tile(pair: Pair) -> dict:
    grey = Image.fromarray(pair.image)
    outlined = overlay.composite(pair.image, overlay.outline_layer(pair.labels))
    return {
        "image": wire.data_url(image_files.png_bytes(grey)),
        "outlined": wire.data_url(image_files.png_bytes(outlined)),
        "particles": pair.line["particles"],
        "coverage": pair.line["coverage"],
        "split": pair.line["split"],
    }


@shown_as_toast
def _make(painters: tuple[Pipeline, Pipeline], cache: str, *values: object) -> Iterator[tuple]:
    """Yield the panel's state and the button that saves the zip, pair by pair."""
    pipe, plan = _plan(painters, *values)
    hidden = gr.DownloadButton(value=None, visible=False)
    with closing(making.make(pipe.path, plan)) as steps:
        for step in steps:
            if step.zip_bytes is None:
                yield _progress(step), hidden
                continue
            name = f"fancgan_synthetic_{plan.n}_seed{plan.seed}.zip"
            path = save_bytes_to_cache(step.zip_bytes, name, cache)
            words = f"Save {name} ({len(step.zip_bytes) / 1e6:.1f} MB)"
            yield _progress(step, "done"), gr.DownloadButton(words, value=path, visible=True)


def _progress(step: making.Progress, state: str = "making") -> dict:
    left = None if step.seconds_left is None else round(step.seconds_left)
    return _state(state, done=step.done, n=step.n, seconds_left=left)
