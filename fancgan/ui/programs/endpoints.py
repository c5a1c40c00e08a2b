"""The endpoints for programs: the same functions as the tabs, with files in and files out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
from gradio.processing_utils import save_bytes_to_cache
from PIL import Image

from fancgan.errors import UserError, check_stopped
from fancgan.measuring import overlay
from fancgan.measuring.analysis import Analysis, analyse, distribution_of
from fancgan.measuring.distribution import WEIGHTINGS
from fancgan.measuring.results import bundle_facts, overlay_png, zip_bytes
from fancgan.measuring.settings import Settings
from fancgan.microscopy import image_files
from fancgan.microscopy.micrograph import read_micrograph, to_grey8
from fancgan.microscopy.scale_bar import find_scale_bar
from fancgan.ui.dataset import making
from fancgan.ui.page import DATASETS, FILES, MODEL, shown_as_toast
from fancgan.ui.sketch.look import FIRST_SEED, Look, check_seed
from fancgan.ui.sketch.mask_sources import layout_mask, read_mask_file
from fancgan.ui.sketch.painted import Painted, Painter, read_back

if TYPE_CHECKING:
    from fancgan.datasets.synthetic import Plan
    from fancgan.pipeline import Pipeline
    from fancgan.ui.models import Models

MAX_FILES = 32
# What a list of the endpoints says of each.
WORDS = {
    "synthesize": "Paint a mask file (0 = background) as a synthetic SEM image, PNG; with "
    "the cycle check: Dice, particles drawn and read back.",
    "synthesize_look": "The same in a chosen look. look may hold seed, mix_seed and mix (0 to 1), "
    "levels (background, contrast, noise: grey levels), finish (brightness, contrast, gamma, "
    "shadows, highlights); micrograph: a file whose look is taken over, or nothing.",
    "layout": "Draw a particle layout by the name of an example; PNG, 255 = particle.",
    "segment": "Outline the particles of a micrograph: 16-bit label TIFF, PNG with "
    "outlines, count and size distribution. nm_per_px overrides the file's pixel size; model: a "
    "name, nothing for the default; diameter_px: of the typical particle, nothing lets the model "
    "find it; show_anyway: sizes even where the model doubts its outlines; threshold: of the "
    'foreground, 0 to 1; channel: of a picture in colour; filters, such as {"ecd_nm": [10, 50]}: '
    "what counts.",
    "scale_bar": "Read the scale bar in a micrograph: label, length_px, nm_per_px and ends (x, y); "
    "found is false where there is none, or where label or length are in doubt.",
    "measure": "Measure the particles of several micrographs: a zip with tables, labels, "
    "outlines, ImageJ regions, COCO and a report; and the size distribution of all. settings "
    "may hold model, by (number, area, volume, spheroid: what the distributions are by), "
    "nm_per_px, diameter_px, show_anyway, split (-1 to 1), min_area_px, bar_rows, top_rows, page, "
    "invert, rescale, regions, written, threshold, channel, filters, edits.",
    "dataset": "Make labelled synthetic pairs, one zip. settings may hold "
    f"{', '.join(making.DEFAULTS)}; style: a micrograph whose look all take, or nothing.",
    "dataset_preview": "The first pairs of such a data set: images with their outlines.",
}


def build(models: Models, visibility: str = "public") -> None:
    """Add the named endpoints: synthesize, synthesize_look, layout, segment, measure, dataset, ...

    The page shows none of them. Files are written straight into gradio's cache, so that its
    clean-up deletes them. visibility: "undocumented" leaves them out of the list of endpoints.
    """
    with gr.Group(visible=False):
        trigger = gr.Button()
        mask, micrograph = gr.File(label="mask"), gr.File(label="micrograph")
        micrographs = gr.File(label="micrographs", file_count="multiple")
        seed = gr.Number(FIRST_SEED, label="seed", precision=0)
        name = gr.Textbox(label="name")
        look = gr.JSON(None, label="look")
        nm_per_px = gr.Number(None, label="nm_per_px")
        model = gr.Textbox(None, label="model")
        diameter_px = gr.Number(None, label="diameter_px")
        show_anyway = gr.Checkbox(False, label="show_anyway")
        threshold = gr.Number(None, label="threshold")
        channel = gr.Textbox(None, label="channel")
        filters = gr.JSON(None, label="filters")
        settings, wishes = gr.JSON(None, label="settings"), gr.JSON({}, label="settings")
        style = gr.File(None, label="style")
        image, drawn = gr.File(label="synthetic image"), gr.File(label="mask image")
        labels, outlined = gr.File(label="label image"), gr.File(label="outlined image")
        results, made = gr.File(label="results"), gr.File(label="data set")
        figures = gr.JSON(label="figures")
        tiles = gr.Gallery(label="preview", format="png")
    cache, pipe = image.GRADIO_CACHE, models.painter
    chosen = [micrograph, nm_per_px, model, diameter_px, show_anyway, threshold, channel, filters]
    for handler, given, inputs, outputs, queue in (
        (_synthesize, (pipe, cache), [mask, seed], [image, figures], MODEL),
        (_synthesize_look, (models, cache), [mask, look, micrograph], [image, figures], MODEL),
        (_layout, (cache,), [name, seed], drawn, {}),
        (_segment, (models, cache), chosen, [labels, outlined, figures], FILES),
        (_scale_bar, (), [micrograph], figures, FILES),
        (_measure, (models, cache), [micrographs, settings], [results, figures], FILES),
        (_dataset, (models, cache), [wishes, style], [made, figures], DATASETS),
        (_dataset_preview, (models,), [wishes, style], [tiles, figures], FILES),
    ):
        api_name = handler.__name__[1:]
        trigger.click(
            partial(handler, *given),
            inputs,
            outputs,
            api_name=api_name,
            api_description=WORDS[api_name],
            api_visibility=visibility,
            **queue,
        )


@shown_as_toast
def _synthesize(
    pipe: Pipeline, cache: str, path: str | None, seed: float | None
) -> tuple[str, dict]:
    return painted_file(pipe, cache, path, Look(check_seed(seed)))


@shown_as_toast
def _synthesize_look(
    models: Models, cache: str, path: str | None, look: dict | None, style_path: str | None
) -> tuple[str, dict]:
    wish = dict(look or {})
    if style_path:
        wish["reference"] = measured_style(models.look_painter, style_path).tolist()
    asked = Look.of(wish)
    pipe = Painter(models.painter, models.look_painter).pipe_of(asked)
    return painted_file(pipe, cache, path, asked)


def measured_style(pipe: Pipeline, path: str | Path) -> np.ndarray:
    """Return the style [style_dim] of the micrograph at path."""
    return pipe.measure_style(read_micrograph(path).field)


def painted_file(
    pipe: Pipeline, cache: str, path: str | Path | None, look: Look, *, strip: bool = False
) -> tuple[str, dict]:
    """Paint the mask file at path; return the PNG's path in cache and the figures.

    strip: add rows below that say in words that the image is synthetic.
    """
    painted = Painted.of(pipe, read_mask_file(path), look)
    figures, _ = read_back(pipe, painted)
    name = image_files.synthetic_name(look.seed)
    png = painted.png(strip)
    return save_bytes_to_cache(png, name, cache), figures | {"levels": painted.levels}


@shown_as_toast
def _layout(cache: str, name: str, seed: float | None) -> str:
    seed = check_seed(seed)
    return layout_file(cache, layout_mask(name, seed), seed)


def layout_file(cache: str, mask: np.ndarray, seed: int) -> str:
    """Return the path in cache of mask [H, W] bool as PNG, 255 = particle."""
    png = image_files.png_bytes(Image.fromarray(mask.astype("uint8") * 255), {"Synthetic": "true"})
    return save_bytes_to_cache(png, f"fancgan_layout_seed{seed}.png", cache)


@shown_as_toast
def _segment(
    models: Models,
    cache: str,
    path: str | None,
    nm_per_px: float | None,
    model: str | None = None,
    diameter_px: float | None = None,
    show_anyway: bool = False,
    threshold: float | None = None,
    channel: str | None = None,
    filters: dict | None = None,
) -> tuple[str, str, dict]:
    if not path:
        raise UserError("No file arrived: give a micrograph.")
    settings = Settings(
        nm_per_px=nm_per_px or None,
        diameter_px=diameter_px or None,
        show_anyway=bool(show_anyway),
        threshold=threshold or None,
        channel=channel or None,
        filters=filters or {},
    )
    analysis = analyse(models.get(model), path, settings)
    field = analysis.field
    tiff = image_files.label_tiff(analysis.labels, field.nm_per_px)
    return (
        save_bytes_to_cache(tiff, f"{field.name}_labels.tif", cache),
        save_bytes_to_cache(overlay_png(analysis), f"{field.name}_overlay.png", cache),
        summary([analysis]) | reading(analysis),
    )


@shown_as_toast
def _measure(
    models: Models, cache: str, paths: list[str] | None, settings: dict | None
) -> tuple[str, dict]:
    wish = dict(settings or {})
    pipe, by = models.get(wish.pop("model", None)), wish.pop("by", "number")
    return measured_zip(pipe, cache, paths, Settings.from_dict(wish), by)


def measured_zip(
    pipe: Pipeline,
    cache: str,
    paths: Sequence[str | Path] | None,
    settings: Settings,
    by: str = "number",
) -> tuple[str, dict]:
    """Measure the files at paths; return the path of the zip in cache and the summary of all."""
    if not paths:
        raise UserError("No file arrived: give one or more micrographs.")
    if by not in WEIGHTINGS:
        raise UserError(f"by is one of {', '.join(WEIGHTINGS)}.")
    if len(paths) > MAX_FILES:
        raise UserError(
            f"These are {len(paths)} files: at most {MAX_FILES} at a time, or use 'python -m "
            "fancgan segment' for more."
        )
    stems = [Path(path).stem for path in paths]
    if len(set(stems)) < len(stems):
        raise UserError("Two files have the same name: their results would be mixed up.")
    analyses = []
    for path in paths:
        check_stopped()
        analyses.append(analyse(pipe, path, settings))
    content = zip_bytes(analyses, bundle_facts(pipe.config, pipe.revision), by=by)
    figures = summary(analyses, by)
    figures["files"] = {one.field.name: reading(one) for one in analyses}
    return save_bytes_to_cache(content, "fancgan_results.zip", cache), figures


@shown_as_toast
def _scale_bar(path: str | None) -> dict:
    if not path:
        raise UserError("No file arrived: give a micrograph.")
    bar = find_scale_bar(to_grey8(read_micrograph(path).pixels))
    if bar is None:
        return {"found": False}
    facts = {"found": True, "label": bar.label, "length_px": _digits(bar.length_px)}
    ends = [[_digits(x), bar.row] for x in (bar.left, bar.right)]
    return facts | {"nm_per_px": _digits(bar.nm_per_px), "ends": ends}


def summary(analyses: list[Analysis], by: str = "number") -> dict:
    """Return count and size distribution as plain numbers, lengths in the unit that is named.

    The distribution is of the files whose outlines the model trusts, or that are shown anyway;
    "statistics_withheld" says why others are left out.
    """
    measured = [analysis.measured for analysis in analyses]
    shown = [one for one in measured if not one.withheld]
    figures: dict = {"particles": sum(len(one.table) for one in measured)}
    if len(shown) < len(measured):
        words = [f"{one.name}: {one.doubt}" for one in measured if one.withheld]
        figures["statistics_withheld"] = " ".join(words) if measured[1:] else measured[0].doubt
    if not shown:
        return figures
    found = distribution_of(shown, by=by)
    figures |= {
        "whole_particles": found.n,
        "unit": shown[0].unit,
        "interval_over": found.over,
    }
    for name, estimate in found.estimates.items():
        values = (estimate.value, estimate.low, estimate.high)
        figures[f"ecd_{name}"] = [_digits(v) for v in values]
    return figures


def reading(analysis: Analysis) -> dict:
    """Return how the file was read, and what is to be said of its result."""
    field, measured = analysis.field, analysis.measured
    facts = {
        "nm_per_px": field.nm_per_px,
        "nm_source": field.nm_source,
        "info_bar_rows_cropped": field.bar_rows,
        "info_bar_rows_at_the_top": field.top_rows,
        "measured_area_px": measured.area_px,
        "cautions": list(measured.cautions),
    }
    if measured.confidence is not None:
        facts["confidence"] = _digits(measured.confidence)
    if measured.diameter_px is not None:
        facts["typical_diameter_px"] = _digits(measured.diameter_px)
        if field.nm_per_px:
            facts["typical_diameter_nm"] = _digits(measured.diameter_px * field.nm_per_px)
    return facts


def _digits(value: float) -> float | None:
    """Six digits of a number, None where it is not known."""
    return float(f"{value:.6g}") if value == value else None


def _wished(models: Models, settings: object, style_path: str | None) -> tuple[Pipeline, Plan]:
    """Return the plan of settings, and what paints it: looks of micrographs have their painter."""
    if not isinstance(settings, dict) or not set(settings) <= set(making.DEFAULTS):
        raise UserError(f"settings may hold {', '.join(making.DEFAULTS)}, and nothing else.")
    pipe = models.look_painter if style_path else models.painter
    style = measured_style(pipe, style_path) if style_path else None
    return pipe, making.make_plan(pipe, style, **settings)


@shown_as_toast
def _dataset(
    models: Models, cache: str, settings: dict | None, style_path: str | None
) -> tuple[str, dict]:
    pipe, plan = _wished(models, settings or {}, style_path)
    return dataset_zip(pipe, cache, plan)


def dataset_zip(pipe: Pipeline, cache: str, plan: Plan) -> tuple[str, dict]:
    """Make the data set of plan; return the path of the zip in cache and what is in it."""
    *_, last = making.make(pipe.path, plan)
    name = f"fancgan_synthetic_{plan.n}_seed{plan.seed}.zip"
    facts = {"pairs": plan.n, "licence": plan.licence, "bundle": plan.bundle}
    return save_bytes_to_cache(last.zip_bytes, name, cache), facts


@shown_as_toast
def _dataset_preview(models: Models, settings: dict | None, style_path: str | None) -> tuple:
    pipe, plan = _wished(models, settings or {}, style_path)
    pairs = making.preview(pipe, plan)
    layers = [overlay.composite(p.image, overlay.outline_layer(p.labels)) for p in pairs]
    found = [{k: p.line[k] for k in ("index", "particles", "coverage", "split")} for p in pairs]
    return [np.asarray(layer) for layer in layers], {"pairs": plan.n, "preview": found}
