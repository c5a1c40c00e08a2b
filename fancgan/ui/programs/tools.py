"""The tools for MCP clients: plain arguments in; pictures, links and figures out.

The endpoints (endpoints.py) are for programs: they take settings as JSON and give calibrated TIFF
files, and a language model can neither guess the one nor look at the other.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from fancgan.layouts.config import AGGLOMERATIONS, SHAPES, LayoutConfig
from fancgan.layouts.layout import make_layout, to_mask
from fancgan.measuring.analysis import analyse
from fancgan.measuring.results import overlay_png
from fancgan.measuring.settings import Settings
from fancgan.ui import wire
from fancgan.ui.dataset import making
from fancgan.ui.limits import check_layout
from fancgan.ui.page import shown_as_toast
from fancgan.ui.programs import endpoints
from fancgan.ui.programs.links import opened
from fancgan.ui.sketch.look import FIRST_SEED, Look, check_seed
from fancgan.ui.turns import FairLock

if TYPE_CHECKING:
    import numpy as np

    from fancgan.ui.models import Models


SHAPE = next(iter(SHAPES))
UPLOADING = (
    "Files: POST one to /gradio_api/upload of this server (form field `files`) and give the path "
    "that it answers with, or give a data URL, or the link of an earlier answer."
)


class Tools:
    """What a client may call. A method's name, docstring and "Args" are what the client is shown.

    Each argument has one line there: gradio reads no more. Files arrive as text, see `links`;
    cache is gradio's folder, which its clean-up empties.
    """

    def __init__(self, models: Models, cache: str):
        self._models, self._cache = models, cache
        self._pipe, self._look_pipe = models.painter, models.look_painter
        self._model, self._datasets = FairLock(16, 16), FairLock(4, 4)

    @shown_as_toast
    def layout(
        self,
        width: float,
        height: float,
        seed: float,
        coverage: float | None = None,
        count: float | None = None,
        d50_nm: float | None = None,
        gsd: float | None = None,
        agglomeration: str = AGGLOMERATIONS[0],
        shape: str = SHAPE,
        aspect_ratio: float | None = None,
    ) -> tuple[str, str]:
        """Draw a particle mask: white particles on black, touching ones parted by a black line.

        The same arguments give the same mask. Its URL is what `synthesize` takes as mask.

        Args:
            width: Width in pixels, 32 to 4096.
            height: Height in pixels, 32 to 4096; at most 2 megapixels in all.
            seed: Whole number from 0; another one, another layout.
            coverage: Share of the area that particles cover, 0.001 to 0.6; not with count.
            count: Number of particles; without count and coverage, as in the training images.
            d50_nm: Median equal-area diameter in nanometres; by default as in the training images.
            gsd: Geometric standard deviation of the diameters, 1 to 4.
            agglomeration: How particles lie together; hexagonal and packed are monolayers.
            shape: Of the particles; d50_nm is then the length of rods, the edge of cubes.
            aspect_ratio: Length / width of rods, diameter / thickness of plates, from 1.

        Returns:
            the mask as PNG, and as JSON its particles and coverage
        """
        sides = {"width": making.whole(width, "width"), "height": making.whole(height, "height")}
        wire.check_sketch_size(sides["height"], sides["width"])
        given: dict[str, Any] = {
            **sides,
            "count": None if count is None else making.whole(count, "count"),
            "coverage": coverage,
            "d50_nm": d50_nm,
            "gsd": gsd,
            "nm_per_px": self._pipe.nm_per_px,
            "aspect_ratio": aspect_ratio,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        seed = check_seed(seed)
        config = LayoutConfig(**chosen, seed=seed, agglomeration=agglomeration, shape=shape)
        check_layout(config)
        labels = make_layout(config)
        mask = to_mask(labels)
        figures = {"particles": int(labels.max()), "coverage": round(float(mask.mean()), 4)}
        return endpoints.layout_file(self._cache, mask, seed), json.dumps(figures)

    @shown_as_toast
    def synthesize(
        self,
        mask: str,
        seed: float,
        style: str | None = None,
        background: float | None = None,
        contrast: float | None = None,
        noise: float | None = None,
        strip: bool = True,
    ) -> tuple[str, str]:
        """Paint a synthetic SEM image of a particle mask. It shows no real sample.

        The same arguments give the same image. The segmenter then reads the particles back from
        the image: Dice and counts tell how well the image shows the mask.

        Args:
            mask: Link or data URL of a grey image, 0 = background, all else = particle.
            seed: Whole number from 0; another one, another look and other noise.
            style: Link or data URL of a micrograph whose look is taken over.
            background: Mean grey level of the background; by default as the seed draws it.
            contrast: Mean of the particles minus mean of the background, in grey levels.
            noise: Standard deviation of the background's noise, in grey levels.
            strip: Add rows below the image that say in words that it is synthetic.

        Returns:
            the image as PNG, and as JSON Dice, particles drawn and read back, grey levels
        """
        levels = {"background": background, "contrast": contrast, "noise": noise}
        look = {"seed": seed, "levels": {k: v for k, v in levels.items() if v is not None}}
        with self._model.held(), opened(mask, self._cache) as path:
            if style:
                look["reference"] = self._style(style).tolist()
            pipe = self._look_pipe if style else self._pipe
            image, figures = endpoints.painted_file(
                pipe, self._cache, path, Look.of(look), strip=strip
            )
        return image, json.dumps({"synthetic": True} | figures)

    @shown_as_toast
    def segment(
        self,
        micrograph: str,
        nm_per_px: float | None = None,
        split: float = 0.0,
        model: str | None = None,
        diameter_px: float | None = None,
        show_anyway: bool = False,
    ) -> tuple[str, str]:
        """Find, count and measure the particles of an electron micrograph.

        The info bar is cut off and touching particles are parted. Diameters are equal-area
        diameters; ecd_d10, ecd_median, ecd_d90 and so on are [value, low, high] with a 95 %
        interval. Where the model doubts its outlines, statistics_withheld says why in place of
        these. `measure` gives tables and label images as files.

        Args:
            micrograph: Link or data URL of a TIFF, PNG, JPEG, BMP, DM, EMD, SER or MRC file.
            nm_per_px: Pixel size in nanometres; by default what the file says.
            split: From -1 (merge touching particles) to 1 (part them further).
            model: Name of a model; by default one for particles of any kind and size.
            diameter_px: Diameter of a typical particle in pixels; by default the model finds it.
            show_anyway: Give sizes even where the model doubts its outlines.

        Returns:
            the micrograph with outlined particles as PNG, and as JSON count, sizes and cautions
        """
        settings = Settings(
            nm_per_px=nm_per_px, split=split, diameter_px=diameter_px, show_anyway=show_anyway
        )
        with self._model.held(), opened(micrograph, self._cache) as path:
            analysis = analyse(self._models.get(model), path, settings)
        name = f"{analysis.field.name}_overlay.png"
        outlined = save_bytes_to_cache(overlay_png(analysis), name, self._cache)
        return outlined, json.dumps(endpoints.summary([analysis]) | endpoints.reading(analysis))

    @shown_as_toast
    def measure(
        self,
        micrographs: str,
        nm_per_px: float | None = None,
        split: float = 0.0,
        model: str | None = None,
        diameter_px: float | None = None,
        show_anyway: bool = False,
    ) -> tuple[str, str]:
        """Measure several micrographs together and pack everything into one zip.

        It holds tables (CSV, XLSX), calibrated label TIFFs, outlined PNGs, ImageJ regions, COCO, a
        PDF report and the settings.

        Args:
            micrographs: Links or data URLs of such files as segment takes, one a line.
            nm_per_px: Pixel size in nanometres; by default what each file says.
            split: From -1 (merge touching particles) to 1 (part them further).
            model: Name of a model; by default one for particles of any kind and size.
            diameter_px: Diameter of a typical particle in pixels; by default the model finds it.
            show_anyway: Give sizes even where the model doubts its outlines.

        Returns:
            the link to the zip, and as JSON count and size distribution of all
        """
        settings = Settings(
            nm_per_px=nm_per_px, split=split, diameter_px=diameter_px, show_anyway=show_anyway
        )
        pipe = self._models.get(model)
        with self._model.held(), ExitStack() as files:
            paths = [files.enter_context(opened(t, self._cache)) for t in micrographs.split()]
            results, figures = endpoints.measured_zip(pipe, self._cache, paths, settings)
        return results, json.dumps(figures)

    @shown_as_toast
    def dataset(
        self,
        n: float,
        size: str,
        seed: float,
        coverage: float | None = None,
        d50_nm: float | None = None,
        style: str | None = None,
        shape: str = SHAPE,
    ) -> tuple[str, str]:
        """Make a labelled data set of synthetic micrographs to train a network on, as one zip.

        Each pair is an image and its 16-bit instance labels; with COCO, YOLO segmentation, a split
        for training and validation, and a manifest from which any pair can be made again.

        Args:
            n: Number of pairs, 1 to 200.
            size: Size of each image in pixels.
            seed: Whole number from 0; another one, other pairs.
            coverage: Share of the area that particles cover, 0.001 to 0.6; as trained by default.
            d50_nm: Median equal-area diameter in nanometres; by default as in the training images.
            style: Link or data URL of a micrograph whose look all images take over.
            shape: Of the particles; d50_nm is then the length of rods, the edge of cubes.

        Returns:
            the link to the zip, and as JSON pairs, licence and bundle
        """
        wishes = {"n": n, "size": size, "seed": seed, "d50_nm": d50_nm or 0, "shape": shape}
        if coverage is not None:
            wishes |= {"amount": making.AMOUNTS[1], "value": 100 * coverage}
        with self._datasets.held():
            vector = self._style(style) if style else None
            pipe = self._look_pipe if style else self._pipe
            plan = making.make_plan(pipe, vector, **wishes)
            path, facts = endpoints.dataset_zip(pipe, self._cache, plan)
        return path, json.dumps(facts)

    def _style(self, text: str) -> np.ndarray:
        with opened(text, self._cache) as path:
            return endpoints.measured_style(self._look_pipe, path)


def build(models: Models) -> None:
    """Add the tools as endpoints /mcp_NAME; a tool's name is that of its method."""
    with gr.Group(visible=False):
        trigger = gr.Button()
        width, height = gr.Number(768, precision=0), gr.Number(512, precision=0)
        seed, count = gr.Number(FIRST_SEED, precision=0), gr.Number(None, precision=0)
        number, split = gr.Number(None), gr.Number(0.0)
        strip, anyway = gr.Checkbox(True), gr.Checkbox(False)
        agglomeration = gr.Dropdown(list(AGGLOMERATIONS), value=AGGLOMERATIONS[0])
        shape = gr.Dropdown(list(SHAPES), value=SHAPE)
        pairs = gr.Number(20, precision=0)
        size = gr.Dropdown(list(making.SIZES), value=making.DEFAULTS["size"])
        file, result, figures = gr.Textbox(), gr.File(), gr.Textbox()
    tools = Tools(models, result.GRADIO_CACHE)
    arrangement = [count, number, number, agglomeration, shape, number]
    for tool, inputs in (
        (tools.layout, [width, height, seed, number, *arrangement]),
        (tools.synthesize, [file, seed, file, number, number, number, strip]),
        (tools.segment, [file, number, split, file, number, anyway]),
        (tools.measure, [file, number, split, file, number, anyway]),
        (tools.dataset, [pairs, size, seed, number, number, file, shape]),
    ):
        # Past the queue: of what comes from there gradio's MCP server takes two parts for one.
        trigger.click(
            tool,
            inputs=inputs,
            outputs=[result, figures],
            api_name=f"mcp_{tool.__name__}",
            api_description=f"{_first_words(tool)} {UPLOADING}" if file in inputs else None,
            queue=False,
        )


def _first_words(tool: Callable) -> str:
    return " ".join((inspect.getdoc(tool) or "").split("Args:")[0].split())
