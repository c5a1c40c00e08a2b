"""Trained networks for people: masks in, micrographs out, and back again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fancgan.errors import UserError
from fancgan.hardware import auto_is_bf16
from fancgan.microscopy.overlays import find_overlays
from fancgan.networks.painter.architecture import read_architecture
from fancgan.networks.painter.config import PainterConfig
from fancgan.networks.painter.dials import LookScale, named_looks
from fancgan.networks.style_vector import StyleScale
from fancgan.networks.tiling import run_tiled
from fancgan.networks.torchscript import load_scripted, quiet_torchscript
from fancgan.particles.inputs import check_seed, image_array, mask_array, style_arrays
from fancgan.particles.instances import decode_instances
from fancgan.particles.labels import separate
from fancgan.pretrained.bundle import Bundle
from fancgan.pretrained.find import find_bundle, painters
from fancgan.segmentation.finding import Found, Judgement
from fancgan.segmentation.looking import look_closely, maps_of
from fancgan.segmentation.prediction import CorePrediction, LookPrediction, Prediction
from fancgan.segmentation.typical_diameter import MAX_DIAMETER_PX

WHOLE_PX = 2_000_000  # more pixels than this are worked on in tiles
TILE_SIDE_PX = 1024
STYLE_SIDE_PX = 2048  # a reference image's look is taken from its middle, if it is larger


class Pipeline:
    """A bundle ready to run; make one with `Pipeline.from_pretrained`.

    It holds no state between calls and may be shared between threads. A bundle that holds a
    segmenter alone does not paint: what needs a generator raises UserError.

    config: the bundle's config.json. path: its folder. revision: its short hash. origin:
    "owner/name@commit" of a bundle from the Hub, otherwise "". nm_per_px: size of a pixel of the
    training images, None if unknown. threshold: probability from which a pixel counts as particle.
    paints: whether there is a generator. any_scale: whether the segmenter finds scale and polarity
    by itself, with a confidence. any_look: whether the generator paints in the look of any
    micrograph; the others know one material.
    """

    def __init__(self, bundle: Bundle, *, device: str = "cpu", precision: str = "auto"):
        if precision not in ("auto", "float32", "bfloat16"):
            raise UserError(
                f"There is no precision {precision!r}; choose auto, float32 or bfloat16."
            )
        bundle.verify()
        self.config = bundle.config
        self.path = bundle.path
        self.revision = bundle.revision
        self.origin = bundle.origin
        self.device = torch.device(device)
        self.half = precision == "bfloat16" or (precision == "auto" and auto_is_bf16(self.device))
        self._segmenter = self._load(bundle, "segmenter.pt", [])
        judgement = bundle.config.get("judgement")
        self._judgement = Judgement.from_dict(judgement) if judgement else None
        self.paints, self.any_scale = bundle.paints, self._judgement is not None
        if self.paints:
            self.model_config = read_architecture(bundle.config["architecture"])
            attributes = ["sample_style", "style_dim", "noise_channels", "density", "draft"]
            attributes.append("draw_brightness")  # not in the first bundles
            self._generator = self._load(bundle, "generator.pt", attributes)
            self._style_encoder = self._load(bundle, "style_encoder.pt", [])

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        revision: str | None = None,
        *,
        device: str = "cpu",
        precision: str = "auto",
    ) -> Pipeline:
        """Load a bundle, its checksums verified first.

        source: None for the bundle that ships; the name of a packaged bundle; a folder; or
            "owner/name" on the Hub with revision = a commit (40 digits) or a tag. A tag is whatever
            its owner says it is today, a commit stays; `origin` names it. TorchScript runs code:
            never let a stranger choose the source.
        precision: "float32" is the reference; "bfloat16" is faster on processors made for it and
            off by about half a grey level; "auto" takes it there, or what the environment variable
            FANCGAN_PRECISION names.
        Raises UserError where the bundle is missing, damaged or of another version.
        """
        return cls(find_bundle(source, revision), device=device, precision=precision)

    @property
    def nm_per_px(self) -> float | None:
        return self.config.get("nm_per_px")

    @property
    def style_scale(self) -> StyleScale | LookScale:
        """What a unit of the first entries of a style vector is in grey levels."""
        self.need_generator()
        density = self._generator.density
        mean, sd = density.mean.cpu().numpy(), density.sd.cpu().numpy()
        if self.any_look:
            return LookScale(mean, sd, self._generator.draft.grain.mixing.cpu().numpy())
        return StyleScale(mean, sd)

    @property
    def any_look(self) -> bool:
        """Whether the generator paints in the look of any micrograph, not of one material."""
        return self.paints and isinstance(self.model_config, PainterConfig)

    @property
    def style_dim(self) -> int:
        """Length of a style vector; bundles differ in how many statistics they measure."""
        self.need_generator()
        return int(self._generator.style_dim)

    @property
    def threshold(self) -> float:
        """On the probability of particle, where nobody chooses another."""
        if self._judgement is not None:
            return self._judgement.threshold
        return self.config["operating_point"]["threshold"]

    def synthesize(
        self, mask: np.ndarray, seed: int = 0, style: np.ndarray | None = None
    ) -> np.ndarray:
        """Return a synthetic micrograph uint8 [H, W] of the particles in the mask.

        mask: [H, W] bool or integer, 0 = background, at least 32 x 32; a map of particle numbers
            is parted at contacts by a line of background one pixel wide.
        seed: the same mask, seed and style give the same image; it sets look and noise.
        style: None for a look drawn from the training images; [H, W] another micrograph, whose
            look is taken over; or [style_dim] a vector of `sample_style` or `measure_style`.
        Raises UserError for a mask of another shape or type, too small, or without a particle, and
        where the bundle holds no generator.
        """
        self.need_generator()
        particles = _as_tensor(mask_array(mask))
        draws = torch.Generator().manual_seed(check_seed(seed))
        # The style is drawn even where one is given, so that the noise of a seed stays the same.
        vector = self._draw_style(draws)
        if style is not None:
            vector = self._given_style(np.asarray(style))
        channels = self.model_config.noise_channels
        noise = torch.randn(1, channels, *particles.shape[2:], generator=draws)

        inputs = [particles, noise]
        if hasattr(self._generator, "draw_brightness"):
            # Drawn for the whole picture, so that no particle changes its brightness at a seam.
            inputs.append(self._draw_brightness(particles, vector, noise))

        def paint(mask_tile: Tensor, *tiles: Tensor) -> Tensor:
            return self._generator(mask_tile, vector, *tiles)

        grey = self._run(paint, inputs)
        return grey[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()

    def predict(self, image: np.ndarray, *, diameter_px: float | None = None) -> Prediction:
        """Return what the segmenter sees in an image, to be decoded into particles.

        image: [H, W] uint8, uint16 or float (see `micrograph.to_grey8`), at least 32 x 32.
        diameter_px: of the typical particle, for bundles whose segmenter looks at any scale
            (`any_scale`); None lets it find out.
        Raises UserError for anything else.
        """
        grey = image_array(image)
        if self._judgement is None:
            if diameter_px is not None:
                raise UserError(
                    f"The bundle {self.config.get('name')} looks at every picture as it is: it "
                    "takes no diameter; choose the bundle particles, or leave the diameter out."
                )
            particle, core = self._run(self._segmenter, [_as_tensor(grey)])[0].numpy()
            return CorePrediction(particle, core, self.config["operating_point"])
        if diameter_px is not None and not 1 <= diameter_px < MAX_DIAMETER_PX:
            raise UserError(
                f"A typical diameter lies between 1 and {MAX_DIAMETER_PX} pixels; give one, not "
                f"{diameter_px!r}, or leave it out."
            )
        look = look_closely(maps_of(self._seen_at, grey), grey.shape, diameter_px)
        return LookPrediction(look, grey.shape, self._judgement, find_overlays(grey))

    def segment(self, image: np.ndarray) -> np.ndarray:
        """Return the probability of "particle", float32 [H, W] in [0, 1]; see `predict`."""
        return self.predict(image).prob

    def segment_with_cores(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities of "particle" and of "particle core", each float32 [H, W].

        Raises UserError where the segmenter knows no cores (`any_scale`).
        """
        prediction = self.predict(image)
        if not isinstance(prediction, CorePrediction):
            raise UserError(f"The bundle {self.config['name']} knows no cores; use instances.")
        return prediction.prob, prediction.core

    def find(
        self,
        image: np.ndarray,
        *,
        diameter_px: float | None = None,
        split: float = 0.0,
        threshold: float | None = None,
        min_area_px: int | None = None,
    ) -> Found:
        """Return the particles of an image with, where the bundle has one, a confidence for each.

        image and diameter_px as `predict` takes them; the others: `Prediction.decode`.
        """
        prediction = self.predict(image, diameter_px=diameter_px)
        return prediction.decode(split=split, threshold=threshold, min_area_px=min_area_px)

    def instances(
        self,
        image: np.ndarray,
        *,
        diameter_px: float | None = None,
        threshold: float | None = None,
        core_threshold: float | None = None,
        min_area_px: int | None = None,
        min_core_px: int | None = None,
    ) -> np.ndarray:
        """Return particle labels int32 [H, W], 0 = background, touching particles parted.

        What is left out is taken from the bundle's operating point. diameter_px of the typical
        particle is for bundles with `any_scale`; core_threshold and min_core_px are for the others,
        where a higher and a lower one split more (`fancgan.particles.instances.core_seeds`).
        """
        if core_threshold is None and min_core_px is None:
            prediction = self.predict(image, diameter_px=diameter_px)
            return prediction.decode(threshold=threshold, min_area_px=min_area_px).labels
        chosen = {
            "threshold": threshold,
            "core_threshold": core_threshold,
            "min_area_px": min_area_px,
            "min_core_px": min_core_px,
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        particle, core = self.segment_with_cores(image)
        return decode_instances(particle, core, **(self.config["operating_point"] | given))

    def sample_style(self, seed: int = 0) -> np.ndarray:
        """Return the style float32 [style_dim] that `synthesize` draws for this seed."""
        self.need_generator()
        return self._draw_style(torch.Generator().manual_seed(check_seed(seed)))[0].cpu().numpy()

    def looks(self) -> list[tuple[str, np.ndarray]]:
        """Return the looks that come with a bundle of `any_look`, in words, and their styles.

        Made from statistics of training pictures; empty where the generator knows one material.
        """
        scale = self.style_scale if self.paints else None
        if not isinstance(scale, LookScale):
            return []
        return named_looks(scale, self._generator.density.centres.cpu().numpy())

    def measure_style(self, image: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Return the style float32 [style_dim] of a micrograph [H, W].

        mask: [H, W], its particles as `synthesize` takes them; None: the segmenter finds them. The
        first entries are measured (STAT_NAMES; with `any_look` painter.config.LookLayout), in
        standard deviations of the training images, the rest is the encoder's.
        """
        self.need_generator()
        grey, particle = style_arrays(image, mask, STYLE_SIDE_PX)
        if particle is None and self.any_scale:
            particle = separate(self.instances(grey)) > 0
        elif particle is None:
            particle = self.segment(grey) > 0.5
        inputs = [_as_tensor(grey).to(self.device), _as_tensor(particle).to(self.device)]
        with torch.inference_mode(), torch.jit.optimized_execution(False):
            style = self._style_encoder(*inputs)
        return style[0].cpu().numpy()

    def need_generator(self) -> None:
        """Raise UserError where the bundle cannot paint."""
        if not self.paints:
            raise UserError(
                f"The bundle {self.config.get('name')} holds a segmenter and no generator, so it "
                f"cannot paint; choose one that does: {', '.join(painters())}."
            )

    def _seen_at(self, image: Tensor, height: int, width: int) -> Tensor:
        """The maps of a segmenter for any scale, of an image at a size; on the CPU."""
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)
        with torch.inference_mode(), autocast, torch.jit.optimized_execution(False):
            return self._segmenter(image.to(self.device), height, width).cpu()

    def _load(self, bundle: Bundle, name: str, attributes: list[str]) -> torch.jit.ScriptModule:
        try:
            module = load_scripted(bundle.read(name))
        except RuntimeError as error:
            raise UserError(
                f"{bundle.path / name} cannot be loaded by torch {torch.__version__}; export the "
                "bundle again with this version."
            ) from error
        # Channels-last is the layout of the fast CPU kernels; freezing folds the weight norms.
        module = module.to(self.device).to(memory_format=torch.channels_last)
        with quiet_torchscript():
            kept = [name for name in attributes if hasattr(module, name)]
            return torch.jit.freeze(module, preserved_attrs=kept)

    def _run(self, function, inputs: list[Tensor]) -> Tensor:
        """Run function on inputs [1, C, H, W], in tiles if they are large; the result on the CPU.

        The profiling executor is off: it would compile, and change the last bits, during the
        first calls of a process.
        """

        def on_device(*tiles: Tensor) -> Tensor:
            moved = [x.to(self.device).contiguous(memory_format=torch.channels_last) for x in tiles]
            return function(*moved).cpu()

        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)
        height, width = inputs[0].shape[2:]
        # The statistics of AdaIN are those of the whole picture: tiles would differ in brightness.
        whole = height * width <= WHOLE_PX or not self.model_config.works_in_tiles
        with torch.inference_mode(), autocast, torch.jit.optimized_execution(False):
            if whole:
                return on_device(*inputs)
            multiple = self.model_config.multiple
            halo = max(64, 8 * multiple)  # beyond the networks' receptive radius
            return run_tiled(on_device, inputs, side=TILE_SIDE_PX, halo=halo, multiple=multiple)

    def _draw_style(self, draws: torch.Generator) -> Tensor:
        normal = torch.randn(1, self.style_dim, generator=draws)
        with torch.inference_mode():
            return self._generator.sample_style(normal.to(self.device))

    def _draw_brightness(self, particles: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        with torch.inference_mode(), torch.jit.optimized_execution(False):
            inputs = (x.to(self.device) for x in (particles, style, noise))
            return self._generator.draw_brightness(*inputs).cpu()

    def _given_style(self, style: np.ndarray) -> Tensor:
        if style.ndim == 2:
            style = self.measure_style(style)
        if style.shape != (self.style_dim,) or not np.isfinite(style).all():
            raise UserError(
                "The style must be a grey image or a vector of "
                f"{self.style_dim} numbers, not an array of shape {style.shape}."
            )
        return torch.from_numpy(style.astype(np.float32))[None].to(self.device)


def _as_tensor(array: np.ndarray) -> Tensor:
    """[H, W], flipped and sliced views too -> float32 [1, 1, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))[None, None]
