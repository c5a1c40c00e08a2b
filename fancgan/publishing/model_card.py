"""The model card: what a bundle is, how to use it, what it learned from and how well."""

from __future__ import annotations

from fancgan.networks.config import BRIGHTNESS_UNIT_GREY
from fancgan.publishing.particle_card import PAPER, write_particle_card

SHEET = "samples.png"
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


def write_card(config: dict, *, repo_id: str | None = None, tag: str | None = None) -> str:
    """Return the README.md of a bundle, with the front matter that the Hub reads.

    repo_id, tag: where the bundle is published; then the card says how to get it from there, and
    shows the sample sheet that lies beside it. Without a tag the reader looks up the commit.
    """
    if "judgement" in config:
        return write_particle_card(config, repo_id=repo_id, tag=tag)
    formats = [name for name in config.get("formats", ()) if name in OTHER_FORMATS]
    parts = [
        _front_matter(config),
        _introduction(config),
        *([f"![Particle masks, and synthetic images painted from them]({SHEET})"] * bool(repo_id)),
        _with_torch(repo_id, tag),
        *([_portable(config, formats)] * bool(formats)),
        _data(config),
        _numbers(config),
        _limits(config),
        _citation(config),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _front_matter(config: dict) -> str:
    """YAML between --- lines; strings are plain ASCII or quoted."""
    licence = config["data"].get("weights_licence") or "other\nlicense_name: not-stated"
    return f"""---
license: {licence}
library_name: fancgan
pipeline_tag: image-to-image
tags:
  - electron-microscopy
  - sem
  - nanoparticles
  - gan
  - image-segmentation
  - synthetic-data
{_model_index(config)}---"""


def _model_index(config: dict) -> str:
    measured = config.get("metrics") or {}
    figures = measured.get("figures", {})
    rows = [
        f"""          - type: {_quoted(name)}
            name: {_quoted(f"{figure['meaning']} (n = {figure['n']} {figure['of']})")}
            value: {_yaml_number(figure["value"])}
"""
        for name, figure in figures.items()
        if figure["value"] is not None
    ]
    if not rows:
        return ""
    data = _quoted(config["data"]["name"])
    return f"""model-index:
  - name: {_quoted(config["name"])}
    results:
      - task:
          type: image-segmentation
        dataset:
          name: {data}
          type: {data}
          split: {_quoted(f"{measured['split']} ({len(measured['images'])} images)")}
        metrics:
{"".join(rows)}"""


def _quoted(text: str) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _yaml_number(value: float) -> str:
    """The number in full; YAML takes an exponent only after a decimal point."""
    text = repr(float(value))
    return text if "." in text else text.replace("e", ".0e")


def _introduction(config: dict) -> str:
    data = config["data"]
    kinds = {"sem": "an SEM", "tsem": "a transmission (TSEM)"}
    kind = kinds.get(data.get("modality") or "", "an electron-microscope")
    scale = config.get("nm_per_px")
    return f"""# {config["name"]}

Two networks of F-ANcGAN ([paper]({PAPER})), trained together: one paints {kind} image from a
particle mask, in a look and with a noise that a seed chooses; the other finds the particles in
an image and parts those that touch. Trained on {data["name"]}, {data["train"]} images
{f"at {scale:.4g} nm per pixel" if scale else "of unknown pixel size"}.

**What the generator paints is synthetic. It is no evidence of any real sample; keep it marked.**"""


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
        + (f" {BRIGHTNESS}" if told else ""),
        *(OTHER_FORMATS[name].format(**values) for name in formats),
    ]
    return "\n\n".join(parts)


def _data(config: dict) -> str:
    data = config["data"]
    lines = [
        "## Training data and licence",
        "",
        f"- {data['name']}: {data['train']} images for training, {data['val']} for validation"
        + (f" ({data['modality'].upper()})" if data.get("modality") else ""),
        f"- Source: {data['source']}",
        f"- Licence of the data: {data['licence']}",
    ]
    lines.append(
        "- Licence of these weights: CC BY-NC 4.0. The data forbid commercial use, and so do "
        "the weights; no image of the data is contained in this folder."
        if data.get("weights_licence")
        else "- Licence of these weights: not stated; ask whoever trained them."
    )
    training = config.get("training") or {}
    runs = training.get("averaged") or []
    facts = [f"mean of the weights of {len(runs)} runs"] if runs else []
    for run in runs or [training]:
        run = training | run
        facts += [f"seed {run['seed']}"] if "seed" in run else []
        steps = run.get("trained_steps", run.get("steps"))
        facts += [f"{steps} steps"] if steps else []
    # Otherwise the steps would read as all that the weights have seen.
    facts += [f"begun from the weights of {training['init']}"] if training.get("init") else []
    hardware = training.get("hardware") or {}
    facts += [f"on {hardware['name']} ({hardware['device']})"] if "name" in hardware else []
    if facts:
        lines.append(f"- Training: {', '.join(facts)}; all settings are in `config.json`")
    return "\n".join(lines)


def _numbers(config: dict) -> str:
    point = config["operating_point"]
    chosen = (
        f"Operating point: particle above {point['threshold']}, seed above "
        f"{point['core_threshold']} and of {point.get('min_core_px', 0)} px where one comes apart, "
        f"particles of at least {point['min_area_px']} px."
    )
    measured = config.get("metrics")
    if not measured:
        return f"## Measured\n\nNot measured: exported without a data set. {chosen}"
    lines = [
        "## Measured",
        "",
        f"On {measured['split']}, {len(measured['images'])} images at native resolution, "
        f"{measured['seeds_per_image']} seeds from {measured['seed']} on. {chosen} It was chosen "
        "on the same images, so the numbers of segmentation lean to the bright side.",
        "",
        "| figure | value | 95 % interval | n | what |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, figure in measured["figures"].items():
        value = f"{_number(figure['value'])} {figure['unit']}"
        interval = " to ".join(_number(end) for end in figure["interval"] or ()) or "-"
        n = f"{figure['n']} {figure['of']}"
        lines.append(f"| {name} | {value} | {interval} | {n} | {figure['meaning']} |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _limits(config: dict) -> str:
    return f"""## Limits

- It knows one material, one instrument and one magnification: {config["data"]["name"]}. Images of
  another kind, or pixels of another size, have to be tried before the result is believed.
- Sizes are as good as the manual masks it learned from.
- The style is drawn from few images: it does not reach beyond their looks."""


def _citation(config: dict) -> str:
    citation = config["data"].get("citation")
    data = f"\n- Data: {citation}" if citation else ""
    return f"## Citation\n\n- Method: F-ANcGAN, {PAPER}{data}"
