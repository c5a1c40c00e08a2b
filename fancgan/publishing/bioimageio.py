"""A segmenter as a model of bioimage.io, for ilastik, deepImageJ, BiaPy and others that read these.

The package is a zip (bioimage.io model description 0.5): the TorchScript module, a description,
which `bioimageio.spec` validates, and an input with the output that a reader must get from it.
"""

from __future__ import annotations

import io
import json

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import fancgan
from fancgan.files import zipped
from fancgan.microscopy.micrograph import MIN_SIDE_PX
from fancgan.networks.torchscript import quiet_torchscript
from fancgan.pretrained.bundle import CARD, SEGMENTER, Bundle
from fancgan.publishing.particle_card import PAPER

FORMAT_VERSION = "0.5.4"
DESCRIPTION = "bioimageio.yaml"  # JSON is YAML as well
SHAPE = (160, 192)  # of the input that is tried
COVER = "cover.png"
LOOKS_AT = 36  # px: the typical particle, as the particle network wants to see it


class ParticleMaps(nn.Module):
    """Grey levels -> probabilities of particle and outline, at the size of the picture."""

    def __init__(self, segmenter: nn.Module):
        super().__init__()
        self.segmenter = segmenter

    def forward(self, image: Tensor) -> Tensor:
        """Return [1, 2, H, W] in [0, 1]; image [1, 1, H, W] in 0..255."""
        maps = self.segmenter(image, image.shape[2], image.shape[3])
        return maps[:, :2]


def package(bundle: Bundle) -> bytes:
    """Return the zip of a bundle's segmenter."""
    content = bundle.read(SEGMENTER)
    module = torch.jit.load(io.BytesIO(content), map_location="cpu").eval()
    any_scale = "judgement" in bundle.config
    if any_scale:
        with quiet_torchscript():
            module = torch.jit.script(ParticleMaps(module)).eval()
        buffer = io.BytesIO()
        torch.jit.save(module, buffer)
        content = buffer.getvalue()
    image = drawn_picture()
    with torch.no_grad():
        maps = module(torch.from_numpy(image)).numpy()
    shown = np.hstack([image[0, 0], 255 * maps[0, 0], 255 * maps[0, 1]]).round().astype(np.uint8)
    files = {
        SEGMENTER: content,
        "test_input.npy": _npy(image),
        "test_output.npy": _npy(maps),
        COVER: _png(np.kron(shown, np.ones((2, 2), np.uint8))),
        CARD: bundle.read(CARD),
        DESCRIPTION: json.dumps(description(bundle, any_scale), indent=1).encode(),
    }
    return zipped(files.items())


def drawn_picture() -> NDArray[np.float32]:
    """Return a picture of three bright discs, 36 px across, grey levels [1, 1, H, W]."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.random.default_rng(0).normal(60, 6, SHAPE)
    for row, column in ((50, 45), (62, 110), (115, 130)):
        image += 90 * (np.hypot(y - row, x - column) < LOOKS_AT / 2)
    return image.clip(0, 255).astype(np.float32)[None, None]


def description(bundle: Bundle, any_scale: bool) -> dict:
    """Return the model description (bioimage.io, model 0.5).

    any_scale: whether the network is the one for particles of any kind.
    """
    config = bundle.config
    second = "outline" if any_scale else "core"
    batch = {"type": "batch"} | ({"size": 1} if any_scale else {})
    nm_per_px = config["nm_per_px"]
    scale = {"unit": "nanometer", "scale": nm_per_px} if nm_per_px else {}
    wants = f" Resize the picture to {nm_per_px} nm per pixel." if nm_per_px else ""
    if any_scale:
        wants = f" Resize the picture until a typical particle is {LOOKS_AT} px across."
    sides = [{"type": "space", "id": axis, **scale} for axis in "yx"]
    licence = config["data"].get("weights_licence")
    return {
        "format_version": FORMAT_VERSION,
        "type": "model",
        "name": f"F-ANcGAN segmenter {config['name']}"[:128],
        "description": f"Particles in electron micrographs.{wants}",
        "authors": [{"name": "F-ANcGAN"}],
        "cite": [{"text": "F-ANcGAN, arXiv:2505.18106", "url": PAPER}],
        **({"license": licence.upper()} if licence else {}),
        "documentation": CARD,
        "covers": [COVER],
        "tags": ["electron-microscopy", "nanoparticles", "segmentation", "pytorch", "2d"],
        "version": fancgan.__version__,
        "inputs": [
            {
                "id": "image",
                "description": "grey levels 0 to 255",
                "axes": [
                    batch,
                    {"type": "channel", "channel_names": ["grey"]},
                    *(side | {"size": {"min": MIN_SIDE_PX, "step": 1}} for side in sides),
                ],
                "test_tensor": {"source": "test_input.npy"},
                "data": {"type": "float32", "range": [0, 255]},
            }
        ],
        "outputs": [
            {
                "id": "probabilities",
                "description": f"of particle and of {second}, 0 to 1",
                "axes": [
                    batch,
                    {"type": "channel", "channel_names": ["particle", second]},
                    *(
                        side | {"size": {"tensor_id": "image", "axis_id": side["id"]}}
                        for side in sides
                    ),
                ],
                "test_tensor": {"source": "test_output.npy"},
                "data": {"type": "float32", "range": [0, 1]},
            }
        ],
        "weights": {
            "torchscript": {
                "source": SEGMENTER,
                "pytorch_version": torch.__version__.split("+")[0],
            }
        },
    }


def _npy(array: NDArray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _png(grey: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, format="PNG")
    return buffer.getvalue()
