"""The model card of a bundle that finds particles of any kind, and may paint them."""

from __future__ import annotations

from fancgan.publishing.data_sources import NON_COMMERCIAL

PAPER = "https://arxiv.org/abs/2505.18106"


def write_particle_card(config: dict, *, repo_id: str | None = None, tag: str | None = None) -> str:
    """Return the README.md of such a bundle; see model_card.write_card."""
    source = f'"{repo_id}", revision="{tag or "COMMIT"}"' if repo_id else '"PATH/OF/THIS/FOLDER"'
    parts = [
        _front_matter(config),
        _introduction(config),
        _use(source),
        *([PAINT] if config.get("painter") else []),
        _data(config),
        _numbers(config),
        LIMITS,
        _citation(config),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _front_matter(config: dict) -> str:
    licence = config["data"].get("weights_licence") or "other\nlicense_name: not-stated"
    return f"""---
license: {licence}
library_name: fancgan
pipeline_tag: image-segmentation
tags:
  - electron-microscopy
  - sem
  - tem
  - nanoparticles
  - instance-segmentation
---"""


def _introduction(config: dict) -> str:
    last = PAINTS if config.get("painter") else "**It holds no generator: it paints nothing.**"
    return f"""# {config["name"]}

One network of F-ANcGAN ([paper]({PAPER})) that finds the particles in an electron
micrograph without being told what they are: bright or dark, a few pixels across or as large as the
frame. It is an attention U-Net whose six maps say where particles are, where they end, how large
each is and where its middle lies. A first look at the reduced picture gives the typical diameter;
the next is at the scale at which that is 36 px. Pixel sizes in nm play no part. Small classifiers
in `config.json` ("judgement") join fragments and give each particle, and the picture, a confidence.

{last}"""


def _use(source: str) -> str:
    return f"""## Use

```python
from fancgan import Pipeline
pipe = Pipeline.from_pretrained({source})
labels = pipe.instances(image)                 # image [H, W] -> int32 [H, W], 0 = background
labels = pipe.instances(image, diameter_px=40) # where you know better
found = pipe.find(image)                       # labels, and:
found.confidence, found.picture_confidence, found.diameter_px
```

With torch alone, the maps. TorchScript files run code: load them only from a source that you trust,
and compare their sha256 with `config.json` first.

```python
import torch
segmenter = torch.jit.load("segmenter.pt")
image = torch.rand(1, 1, 600, 900) * 255       # grey levels of a micrograph
with torch.no_grad():
    maps = segmenter(image, 300, 450)[0]       # [6, 300, 450], looked at with half its pixels
particle, outline, depth, log_diameter, to_middle_x, to_middle_y = maps
```"""


def _data(config: dict) -> str:
    lines = ["## Training data and licence", ""]
    for each in config["data"]["sets"]:
        modality = f", {each['modality'].upper()}" if each.get("modality") else ""
        lines.append(
            f"- {each['name']}{modality}: {each['train']} images for training, {each['aside']} "
            f"kept aside to judge the maps by, {each['val']} for validation; weight "
            f"{each['weight']:g}. "
            f"Source: {each['source']}. Licence: {each['licence']}."
        )
    lines.append(
        "- Licence of these weights: CC BY-NC 4.0. Some of the data forbid commercial use, and so "
        "do the weights; no image of the data is contained in this folder."
        if config["data"].get("weights_licence") == NON_COMMERCIAL
        else "- Licence of these weights: not stated; ask whoever trained them."
    )
    lines += _trained("Training of the segmenter", config.get("training") or {})
    painter = config.get("painter") or {}
    lines += _trained("Training of the painter", painter.get("training") or {})
    return "\n".join(lines)


def _trained(what: str, training: dict) -> list[str]:
    facts = [f"seed {training['seed']}"] if "seed" in training else []
    steps = training.get("trained_steps", training.get("steps"))
    crops = f" of {training['batch_size']} crops" if "batch_size" in training else ""
    facts += [f"{steps} steps{crops}"] if steps else []
    facts += [f"begun from the weights of {training['init']}"] if training.get("init") else []
    hardware = training.get("hardware") or {}
    facts += [f"on {hardware['name']} ({hardware['device']})"] if "name" in hardware else []
    return [f"- {what}: {', '.join(facts)}; all settings are in `config.json`"] if facts else []


def _numbers(config: dict) -> str:
    measured = config.get("metrics")
    if config.get("taught"):
        return _taught(config["taught"])
    if not measured:
        return "## Measured\n\nNot measured: exported without a data set."
    words = "On `val`, which chose nothing but when to stop and the threshold of the confidence."
    lines = ["## Measured", "", words]
    for name, report in measured["sets"].items():
        references = list(next(iter(report["figures"].values())).get("references") or ())
        head = ["figure", "value", "95 % interval", *references, "n", "what"]
        lines += ["", f"### {name}", "", _row(head), _row(["---"] * len(head))]
        for key, figure in report["figures"].items():
            interval = " to ".join(f"{end:.3g}" for end in figure["interval"] or ()) or "-"
            beside = [_number((figure.get("references") or {}).get(name)) for name in references]
            n = f"{figure['n']} {figure['of']}"
            values = [key, _number(figure["value"]), interval, *beside, n, figure["meaning"]]
            lines.append(_row(values))
    return "\n".join(lines)


def _taught(taught: dict) -> str:
    look = ", and synthetic pairs painted in their look" if taught["synthetic"] else ""
    before, after = taught["before"], taught["after"]
    words = "Nothing was kept aside to judge it by: look at its outlines."
    if before:
        words = (
            f"A trial of the same length, on {after['n']} that it did not learn from: Dice "
            f"{before['dice']:.3f} before, {after['dice']:.3f} after; AP50 {before['ap50']:.3f} "
            f"before, {after['ap50']:.3f} after."
        )
    return f"""## Taught

The segmenter of {taught["base"]} learned {taught["pictures"]} pictures of its owner
({taught["particles"]} particles){look}. {words} What the base knew of other materials it may have
forgotten in part. Judgement and painter are those of the base."""


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


PAINTS = """A second pair of networks paints: a look encoder measures the look of any micrograph
(the profile of grey levels across outlines, texture by octaves in particles and ground, how
particles differ, and a code of each region), and a Style U-Net paints a mask in that look.

**What the generator paints is synthetic. It is no evidence of any real sample; keep it marked.**"""

PAINT = """```python
image = pipe.synthesize(mask, seed=7, style=micrograph)  # in the look of a micrograph [H, W]
image = pipe.synthesize(mask, seed=7)                    # in one of the looks it knows
```

With torch alone: `style_encoder.pt(image, mask)` gives the style [1, style_dim] of grey levels
[1, 1, H, W] and their particles, `generator.pt(mask, style, noise)` grey levels 0..255, with
standard normal noise [1, generator.noise_channels, H, W]."""

LIMITS = """## Limits

- A confidence is learned from a few dozen pictures: it ranks, it promises nothing. Look at the
  outlines.
- Outlines are as good as the hand-drawn ones it learned from.
- Rods that cross, dots of a few pixels, buried layers and rough films are where it fails first."""


def _citation(config: dict) -> str:
    data = dict.fromkeys(each.get("citation") for each in config["data"]["sets"])
    lines = [f"- Method: F-ANcGAN, {PAPER}", *(f"- Data: {words}" for words in data if words)]
    return "## Citation\n\n" + "\n".join(lines)
