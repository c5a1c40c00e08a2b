"""How to use a bundle, as its model card says it."""

from __future__ import annotations

from fancgan.networks.config import BRIGHTNESS_UNIT_GREY

BRIGHTNESS = (
    f"Brightness is one number for each particle, by how many times {BRIGHTNESS_UNIT_GREY:g} grey "
    "levels it is brighter than the others; 0 paints particles alike. TorchScript draws it from "
    "the noise."
)
# The files of these are listed in bundle.PORTABLE.
OTHER_FORMATS = {
    "export": """As programs of `torch.export`. They are unpacked by torch: load them only from a \
source that you trust.

```python
import torch
generator = torch.export.load("generator.pt2").module()
segmenter = torch.export.load("segmenter.pt2").module()
mask = torch.zeros(1, 1, 256, 384)
mask[:, :, 60:140, 80:190] = 1                                       # 1 = particle
style = torch.randn(1, {style_dim}).clamp(-2, 2)
noise = torch.randn(1, {noise_channels}, 256, 384)
{torch_brightness}with torch.no_grad():
    image = generator({arguments})
    particle, core = segmenter(image)[0]                             # probabilities
```""",
    "onnx": """As ONNX files, here run by onnxruntime.

```python
import numpy as np
import onnxruntime
generator = onnxruntime.InferenceSession("generator.onnx")
segmenter = onnxruntime.InferenceSession("segmenter.onnx")
draws = np.random.default_rng(0)
mask = np.zeros((1, 1, 256, 384), np.float32)
mask[:, :, 60:140, 80:190] = 1                                       # 1 = particle
style = draws.standard_normal((1, {style_dim}), np.float32).clip(-2, 2)
noise = draws.standard_normal((1, {noise_channels}, 256, 384), np.float32)
{numpy_brightness}(image,) = generator.run(None, {{{named}}})
(maps,) = segmenter.run(None, {{"image": image}})
particle, core = maps[0]                                             # probabilities
```""",
}


def usage(config: dict, repo_id: str | None, tag: str | None) -> str:
    """Return the sections that say how to use a bundle, each example ready to run.

    repo_id, tag: where it is published, if it is.
    """
    formats = [name for name in config.get("formats", ()) if name in OTHER_FORMATS]
    return "\n\n".join([_with_torch(repo_id, tag), *([_portable(config, formats)] * bool(formats))])


def _with_torch(repo_id: str | None, tag: str | None) -> str:
    if repo_id:
        where = "from this repository"
        source = f'"{repo_id}", revision="{tag or "COMMIT"}"'
        alone = "With torch alone, the files of this repository in the working folder."
    else:
        where = "from this folder"
        source, alone = '"PATH/OF/THIS/FOLDER"', "With torch alone."
    return f"""## Use

With the package, {where}:

```python
from fancgan import Pipeline
pipe = Pipeline.from_pretrained({source})
image = pipe.synthesize(mask, seed=7)     # mask [H, W] bool -> uint8 [H, W]
labels = pipe.instances(image)            # int32 [H, W], 0 = background
```

{alone} TorchScript files run code: load them only from a source that you trust, and compare
their sha256 with `config.json` first. Any height and width from 32 pixels up.

```python
import torch
generator = torch.jit.load("generator.pt")
segmenter = torch.jit.load("segmenter.pt")
mask = torch.zeros(1, 1, 256, 384)
mask[:, :, 60:140, 80:190] = 1                                       # 1 = particle
style = generator.sample_style(torch.randn(1, generator.style_dim))
noise = torch.randn(1, generator.noise_channels, 256, 384)
with torch.no_grad():
    image = generator(mask, style, noise)                            # [1, 1, 256, 384], 0..255
    particle, core = segmenter(image)[0]                             # probabilities
```"""


def _portable(config: dict, formats: list[str]) -> str:
    architecture = config["architecture"]
    names = ["mask", "style", "noise"] + ["brightness"] * bool(architecture.get("brightness"))
    told = "brightness = {}.zeros_like(mask)\n" * (len(names) == 4)
    values = {
        "style_dim": len(config["style"]["mean"]) + architecture["z_dim"],
        "noise_channels": architecture["noise_channels"],
        "torch_brightness": told.format("torch"),
        "numpy_brightness": told.format("np"),
        "arguments": ", ".join(names),
        "named": ", ".join(f'"{name}": {name}' for name in names),
    }
    parts = [
        "## Use without TorchScript",
        "The same two networks for other programs; any batch, height and width from 32 pixels up. "
        "A style is in standard deviations: 0 is the mean look of the training images."
        + f" {BRIGHTNESS}"
        * bool(told),
        *(OTHER_FORMATS[name].format(**values) for name in formats),
    ]
    return "\n\n".join(parts)
