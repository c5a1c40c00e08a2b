"""The scripted modules: the same answer with torch alone, at any size, from crop and field."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from fancgan.networks.deploy import pad_to
from fancgan.networks.style import measure_style
from fancgan.networks.torchscript import load_scripted, quiet_torchscript, script_bytes
from fancgan.pipeline import Pipeline
from fancgan.pretrained.find import find_bundle, painters
from tests.support.bundles import TINY, tiny_networks

SIZES = ((32, 32), (75, 131), (160, 96))
WITH_TORCH_ALONE = """
import importlib.util, sys, warnings
import torch

warnings.simplefilter("ignore", FutureWarning)
assert importlib.util.find_spec("fancgan") is None, "the package must not be in reach"
folder, cases = sys.argv[1], torch.load(sys.argv[2])
modules = [torch.jit.load(f"{folder}/{n}.pt") for n in ("generator", "segmenter", "style_encoder")]
generator, segmenter, style_encoder = modules
answers = []
with torch.no_grad(), torch.jit.optimized_execution(False):
    for mask, seed in cases:
        draws = torch.Generator().manual_seed(seed)
        style = generator.sample_style(torch.randn(1, generator.style_dim, generator=draws))
        noise = torch.randn(1, generator.noise_channels, *mask.shape[2:], generator=draws)
        image = generator(mask, style, noise).round()
        prob = segmenter(image)
        answers.append((image, prob, style_encoder(image, prob[:, :1])))
torch.save(answers, sys.argv[3])
"""


def drawn_mask(height: int, width: int) -> torch.Tensor:
    """A mask with a disc, and a rectangle that the frame cuts."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    disc = (rows - height * 0.4) ** 2 + (columns - width * 0.4) ** 2 <= (
        min(height, width) / 4
    ) ** 2
    corner = (rows > height * 0.8) & (columns > width * 0.7)
    return (disc | corner).float()[None, None]


def test_torch_alone_gives_what_the_pipeline_gives(tiny_bundle: Path, tmp_path: Path) -> None:
    cases = [(drawn_mask(*size), seed) for seed, size in enumerate(SIZES)]
    torch.save(cases, tmp_path / "cases.pt")
    script = tmp_path / "alone.py"
    script.write_text(WITH_TORCH_ALONE)
    command = [sys.executable, "-I", str(script), str(tiny_bundle), "cases.pt", "answers.pt"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=300)
    pipe = Pipeline.from_pretrained(tiny_bundle, precision="float32")
    for (mask, seed), (image, prob, style) in zip(
        cases, torch.load(tmp_path / "answers.pt"), strict=True
    ):
        ours = pipe.synthesize(mask[0, 0].numpy().astype(bool), seed=seed)
        # A last bit of float32 may fall on the other side of a half.
        assert np.abs(ours.astype(int) - image[0, 0].numpy()).max() <= 1
        assert (ours == image[0, 0].numpy()).mean() > 0.999
        grey = image[0, 0].numpy().astype(np.uint8)
        particle, core = pipe.segment_with_cores(grey)
        assert np.abs(particle - prob[0, 0].numpy()).max() < 1e-4
        assert np.abs(core - prob[0, 1].numpy()).max() < 1e-4
        assert np.abs(pipe.measure_style(grey) - style[0].numpy()).max() < 1e-3


@pytest.mark.parametrize("modulation", ["demod", "adain"])
@pytest.mark.parametrize("gates", [True, False])
def test_scripted_equals_eager(modulation: str, gates: bool) -> None:
    config = dataclasses.replace(TINY, modulation=modulation, attention_gates=gates)
    networks = tiny_networks(config)
    mask = drawn_mask(45, 71)
    style, noise = torch.randn(1, config.style_dim), torch.randn(1, config.noise_channels, 45, 71)
    with torch.no_grad():
        for name, module in networks.deployed().items():
            scripted = load_scripted(script_bytes(module))
            inputs = {
                "generator.pt": (mask, style, noise),
                "segmenter.pt": (255 * mask,),
                "style_encoder.pt": (255 * mask, mask),
            }[name]
            assert torch.allclose(module(*inputs), scripted(*inputs), atol=1e-4), name
            parameters = (v for _, v in scripted.named_parameters())
            assert not any(p.requires_grad for p in parameters), name


def test_a_batch_is_its_members_one_by_one() -> None:
    generator = tiny_networks().deployed()["generator.pt"]
    masks = torch.cat([drawn_mask(48, 64), drawn_mask(48, 64).flip(3)])
    style, noise = torch.randn(2, TINY.style_dim), torch.randn(2, TINY.noise_channels, 48, 64)
    with torch.no_grad():
        together = generator(masks, style, noise)
        for i in range(2):
            alone = generator(masks[i : i + 1], style[i : i + 1], noise[i : i + 1])
            assert torch.allclose(together[i : i + 1], alone, atol=1e-3)


def test_style_and_noise_each_change_the_image() -> None:
    generator = tiny_networks().deployed()["generator.pt"]
    mask = drawn_mask(64, 64)
    style = torch.zeros(1, TINY.style_dim)
    noise = torch.randn(1, TINY.noise_channels, 64, 64)
    with torch.no_grad():
        image = generator(mask, style, noise)
        for entry in range(TINY.style_dim):
            other = style.clone()
            other[0, entry] = 2.0
            change = (generator(mask, other, noise) - image).abs().mean()
            assert change > 0.01, f"style entry {entry} is dead"
        for channel in range(TINY.noise_channels):
            other = noise.clone()
            other[:, channel] = torch.randn(64, 64)
            change = (generator(mask, style, other) - image).abs().mean()
            assert change > 0.01, f"noise channel {channel} is dead"


def test_a_crop_is_as_bright_as_the_field() -> None:
    generator = tiny_networks().deployed()["generator.pt"]
    check_crops(generator, TINY.style_dim, TINY.noise_channels, side=192, margin=32)


def test_a_crop_of_the_shipped_bundle_is_as_bright_as_the_field() -> None:
    generator = load_scripted(find_bundle().read("generator.pt"))
    check_crops(generator, generator.style_dim, generator.noise_channels, side=512, margin=64)


def test_a_substrate_without_noise_is_level_up_to_the_frame() -> None:
    check_frame(tiny_networks().deployed()["generator.pt"])


@pytest.mark.parametrize("name", painters())
def test_the_substrate_of_a_shipped_bundle_is_level_up_to_the_frame(name) -> None:
    check_frame(load_scripted(find_bundle(name).read("generator.pt")))


def check_frame(generator) -> None:
    """The grey levels at the frame are those far from it, where nothing is drawn near."""
    mask = torch.zeros(1, 1, 384, 384)
    mask[:, :, 176:208, 176:208] = 1
    style = generator.sample_style(torch.zeros(1, generator.style_dim))
    with torch.no_grad(), torch.jit.optimized_execution(False):
        image = generator(mask, style, torch.zeros(1, generator.noise_channels, 384, 384))[0, 0]
    edges = (image[0], image[-1], image[:, 0], image[:, -1])
    assert max((edge - image[96, 96]).abs().max().item() for edge in edges) < 0.5


def check_crops(generator, style_dim: int, noise_channels: int, side: int, margin: int) -> None:
    """The interior of a quarter painted alone is that of the quarter in the field."""
    draws = torch.Generator().manual_seed(0)
    mask = drawn_mask(side, side)
    style = generator.sample_style(torch.randn(1, style_dim, generator=draws))
    noise = torch.randn(1, noise_channels, side, side, generator=draws)
    half = side // 2
    with torch.no_grad(), torch.jit.optimized_execution(False):
        # Drawn for the whole, as for a picture in tiles: it depends on particles out of sight.
        brightness = generator.draw_brightness(mask, style, noise)
        field = generator(mask, style, noise, brightness)
        for top in (0, half):
            for left in (0, half):
                part = (..., slice(top, top + half), slice(left, left + half))
                crop = generator(mask[part], style, noise[part], brightness[part])
                inner = (..., slice(margin, half - margin), slice(margin, half - margin))
                shift = (crop[inner] - field[part][inner]).mean()
                assert abs(shift) < 1, f"{shift:.2f} grey levels at {top}, {left}"


def test_padding_only_grows_right_and_bottom() -> None:
    x = torch.arange(35.0).reshape(1, 1, 5, 7)
    padded = pad_to(x, 4)
    assert padded.shape == (1, 1, 8, 8)
    assert torch.equal(padded[..., :5, :7], x)
    assert torch.equal(pad_to(padded, 4), padded)


def test_the_traced_statistics_are_those_of_the_source_at_other_sizes() -> None:
    encoder = tiny_networks().deployed()["style_encoder.pt"]
    for height, width in SIZES:
        mask = drawn_mask(height, width)
        image = mask + 0.1 * torch.randn(1, 1, height, width) - 0.5
        for traced, direct in zip(
            encoder.measure(image, mask), measure_style(image, mask), strict=True
        ):
            assert torch.allclose(traced.float(), direct.float(), atol=1e-4)


def test_what_an_image_cannot_tell_is_the_mean() -> None:
    encoder = tiny_networks().deployed()["style_encoder.pt"]
    image = torch.full((1, 1, 64, 64), 45.0)
    with torch.no_grad():
        style = encoder(image, torch.zeros(1, 1, 64, 64))
    assert style[0, 2:4].tolist() == [0, 0]  # no particle: its two statistics
    assert style[0, 0] == pytest.approx((45 - 31) / 6.6, abs=0.01)
    assert style.abs().max() <= 3


def test_too_small_says_so() -> None:
    segmenter = tiny_networks().deployed()["segmenter.pt"]
    with pytest.raises(AssertionError, match="32 x 32"):
        segmenter(torch.zeros(1, 1, 31, 64))


def test_only_torchscripts_own_notice_is_silenced() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet_torchscript():
            warnings.warn("`torch.jit.script` is deprecated. Use ...", FutureWarning, stacklevel=1)
            warnings.warn("something else of torch.jit", FutureWarning, stacklevel=1)
            load_scripted(script_bytes(torch.nn.Identity()))
    assert [str(w.message) for w in seen] == ["something else of torch.jit"]
