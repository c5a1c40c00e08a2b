"""The page: header, tabs, footer."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import gradio as gr

from fancgan.ui.dataset import tab as dataset_tab
from fancgan.ui.models import Models
from fancgan.ui.page import CACHE_SECONDS
from fancgan.ui.programs import endpoints, tools
from fancgan.ui.segment import tab as segment_tab
from fancgan.ui.sketch import tab as sketch_tab
from fancgan.ui.turns import FairQueue

if TYPE_CHECKING:
    from fancgan.pipeline import Pipeline

TITLE = "F-ANcGAN: draw particles, get the micrograph"

HEADER = """
<div class="fa-head">
  <h1>F-ANcGAN</h1>
  <p>Draw nanoparticles, get the electron micrograph; drop a micrograph, get its particles.</p>
</div>
"""

FOOTER = """
<div class="fa-foot">
  <p>Images painted here are <b>synthetic</b>: they show no real sample, and their files say so.
  Model <code>{name}</code>, revision <code>{revision}</code>{origin}{scale}.{finder} {data}
  Method after
  <a href="https://arxiv.org/abs/2505.18106" target="_blank" rel="noreferrer">arXiv 2505.18106</a>.
  </p>
</div>
"""

TIO2_NOTE = """Weights for non-commercial use, trained on TiO₂ micrographs of
<a href="https://doi.org/10.1038/s41598-021-84287-6" target="_blank" rel="noreferrer">Ruehle,
Krumrey and Hodoroaba (2021)</a>, data
<a href="https://doi.org/10.5281/zenodo.4563942" target="_blank" rel="noreferrer">CC BY-NC-ND
4.0</a>."""


def build(pipe: Pipeline, stands_in: bool = False, mcp: bool = False) -> gr.Blocks:
    """Return the demo. pipe is shared by all visitors and only read; the rest is theirs alone.

    stands_in: pipe is not the one that was asked for; the page says so. mcp: offer the tools of
    `tools` in place of the endpoints for programs, which stay where they are, unlisted.
    """
    plain: dict[str, Any] = {"apply_default_css": False, "padding": False}
    models = Models(pipe)
    models.get()  # loaded before somebody waits for it
    painter = models.painter
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CACHE_SECONDS) as demo:
        gr.HTML(HEADER, **plain)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Sketch", id="sketch"):
                painted = sketch_tab.build(painter, models.look_painter)
            with gr.Tab("Segment", id="segment"):
                segment_tab.build(models, painted)
            with gr.Tab("Data set", id="dataset"):
                dataset_tab.build(painter, models.look_painter)
        gr.HTML(_footer(models, stands_in), **plain)
        endpoints.build(models, "undocumented" if mcp else "public")
        if mcp:
            tools.build(models)
    demo.queue(default_concurrency_limit=2)
    FairQueue.replace(demo)
    return demo


def _footer(models: Models, stands_in: bool) -> str:
    pipe, finder = models.painter, models.get()
    data = pipe.config.get("data") or {}
    if "4563942" in str(data.get("doi", data.get("source"))):
        note = TIO2_NOTE
    else:
        words = f"Trained on: {data.get('name', 'own images')}; licence of the data: "
        note = html.escape(words + f"{data.get('licence', 'not stated')}.")
    words = f" Particles are found by <code>{_name(finder)}</code>, trained on " + html.escape(
        str((finder.config.get("data") or {}).get("name", "own images"))
    )
    return FOOTER.format(
        name=_name(pipe),
        revision=html.escape(str(pipe.revision)),
        origin=_origin(pipe, stands_in),
        scale=f", {pipe.nm_per_px:.4g} nm per pixel" if pipe.nm_per_px else "",
        finder=f"{words}." if finder is not pipe else "",
        data=note,
    )


def _name(pipe: Pipeline) -> str:
    return html.escape(str(pipe.config.get("name", "own bundle")))


def _origin(pipe: Pipeline, stands_in: bool) -> str:
    if stands_in:
        return " (it ships with the program and stands in: the chosen one could not be loaded)"
    if not pipe.origin:
        return ""
    repo_id, _, commit = pipe.origin.partition("@")
    return f" (<code>{html.escape(repo_id)}@{html.escape(commit[:12])}</code>)"
