"""What the networks must do: use every parameter, the style and the noise, at any size."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from fancgan.datasets.fields import load_fields
from fancgan.networks.config import PRESETS, ModelConfig
from fancgan.networks.filters import dilate
from fancgan.networks.generator import StyleUNet
from fancgan.networks.noise import grain_kernel
from fancgan.networks.segmenter import AttentionUNet
from fancgan.networks.style import StyleDensity, StyleEncoder
from fancgan.training.augment import DRAWS
from fancgan.training.critics import ImageDiscriminator, critic_view
from fancgan.training.crops import crop_loader
from fancgan.training.cycle import Scene
from fancgan.training.loop import Training
from tests.support.trainings import TINY, tiny_config

SMALL = PRESETS["small"]


def inputs(config: ModelConfig, height: int = 64, width: int = 96, seed: int = 0):
    rng = torch.Generator().manual_seed(seed)
    mask = torch.zeros(1, 1, height, width)
    mask[:, :, 16:40, 20:60] = 1
    style = torch.randn(1, config.style_dim, generator=rng)
    return mask, style, torch.randn(1, config.noise_channels, height, width, generator=rng)


@pytest.fixture(scope="module")
def generator() -> StyleUNet:
    torch.manual_seed(0)
    return StyleUNet(SMALL).eval().requires_grad_(False)


@pytest.mark.parametrize(
    "model",
    [
        TINY,
        dataclasses.replace(TINY, modulation="adain", geometry=False),
        dataclasses.replace(TINY, attention_gates=False, upsampling="nearest"),
        dataclasses.replace(TINY, critic="projected"),
    ],
    ids=["demod", "adain", "no gates, nearest", "projected critic"],
)
def test_one_step_reaches_every_parameter(model, pair_folder, tmp_path, monkeypatch):
    """The dead style network of the authors' code would have been caught by this test."""
    fields = load_fields(pair_folder, "all")
    training = Training(
        model,
        tiny_config(perceptual="efficientnet", w_feature_matching=1.0),
        run_dir=tmp_path / "run",
        train_fields=fields,
        val_fields=[],
        data={},
    )
    training.step = training.config.steps - 1  # all terms are on
    gradients: dict[str, torch.Tensor] = {}
    minimise = training.take_step._minimise

    def record(loss, *names):
        terms = minimise(loss, *names)
        for name, network in training.players.bare.items():
            for key, parameter in network.named_parameters():
                if parameter.grad is not None:
                    gradients[f"{name}.{key}"] = parameter.grad.clone()
        return terms

    monkeypatch.setattr(training.take_step, "_minimise", record)
    batch = next(iter(crop_loader(training.dataset, 0, 1, rank=0, world_size=1)))
    training.train_step(batch)

    expected = {
        f"{name}.{key}"
        for name, net in training.players.bare.items()
        for key, _ in net.named_parameters()
    }
    assert set(gradients) == expected
    for key, gradient in gradients.items():
        assert torch.isfinite(gradient).all(), key
        assert gradient.abs().sum() > 0, key


def test_the_image_cycle_reaches_the_segmenter(pair_folder, tmp_path):
    """No argmax cuts the backward cycle: the rebuilt image alone moves the segmenter."""
    fields = load_fields(pair_folder, "all")
    training = Training(
        TINY,
        tiny_config(),
        run_dir=tmp_path / "run",
        train_fields=fields,
        val_fields=[],
        data={},
    )
    batch = next(iter(crop_loader(training.dataset, 0, 1, rank=0, world_size=1)))
    batch = {key: value[: training.config.batch_size] for key, value in batch.items()}
    logits = training.players.networks["segmenter"](batch["image"])
    fakes = training.take_step.cycle.paint(batch, logits[0], torch.Generator().manual_seed(0))
    rebuilt_from = batch["image"][: len(fakes.rebuilt)]
    (fakes.rebuilt - rebuilt_from).abs().mean().backward()
    assert training.players.bare["segmenter"].mask_head.weight.grad.abs().sum() > 0


def _far(mask):
    return 1 - dilate(mask, 8)


def _deep(mask):
    return 1 - dilate(1 - mask, 4)


@pytest.mark.parametrize(
    ("reach", "place", "free"),
    [
        ({}, _far, True),
        ({"near_px": 0}, _far, False),
        ({}, _deep, True),
        ({"inside_px": 0}, _deep, False),
    ],
)
def test_only_outlines_have_paired_losses(reach, place, free, pair_folder, tmp_path):
    """Where the mask does not say, a fake may differ from the one real image of its mask."""
    training = Training(
        TINY,
        tiny_config(**reach, perceptual="efficientnet"),
        run_dir=tmp_path / "run",
        train_fields=load_fields(pair_folder, "all"),
        val_fields=[],
        data={},
    )
    batch = next(iter(crop_loader(training.dataset, 0, 1, rank=0, world_size=1)))
    draws = torch.ones(2, len(batch["mask"]), DRAWS)
    elsewhere = place(batch["mask"])
    assert elsewhere.sum() > 500

    def paired(change: float) -> list[float]:
        cycle, rng = training.take_step.cycle, torch.Generator().manual_seed(0)
        with torch.no_grad():
            logits = training.players.networks["segmenter"](batch["image"])
            fakes = cycle.paint(batch, logits[0], rng)
            fakes.paired = fakes.paired + change * elsewhere
            views = cycle.views(batch, fakes, draws)
            scene = Scene(batch, batch, logits, batch["mask"], fakes, *views, rng)
            terms = training.take_step.terms.painter(scene, features=None)
        return [terms[name].item() for name in ("paired_l1", "paired_perceptual")]

    assert (paired(0.0) == pytest.approx(paired(0.5), rel=1e-6)) is free


def test_style_and_noise_each_change_the_image(generator):
    mask, style, noise = inputs(SMALL)
    image = generator(mask, style, noise)
    other_z = style.clone()
    other_z[:, 5:] += 1
    other_stat = style.clone()
    other_stat[:, 0] += 1
    other_noise = inputs(SMALL, seed=1)[2]
    assert torch.equal(image, generator(mask, style, noise))
    for changed in (
        generator(mask, other_z, noise),
        generator(mask, other_stat, noise),
        generator(mask, style, other_noise),
    ):
        assert (changed - image).abs().mean() > 1e-4


def test_each_noise_channel_and_each_level_acts(generator):
    mask, style, noise = inputs(SMALL)
    image = generator(mask, style, noise)
    for channel in range(SMALL.noise_channels):
        silent = noise.clone()
        silent[:, channel] = 0
        assert not torch.equal(generator(mask, style, silent), image)


def test_a_crop_looks_like_the_field_it_is_cut_from(generator):
    """Without instance statistics only the border may differ, by what the frame hides."""
    torch.manual_seed(0)
    mask = (torch.rand(1, 1, 512, 512) > 0.999).float()
    mask = torch.nn.functional.max_pool2d(mask, 21, 1, 10)
    _, style, noise = inputs(SMALL, 512, 512)
    field = generator(mask, style, noise)
    crop = generator(mask[..., :256, :256], style, noise[..., :256, :256])
    inside = (slice(None), slice(None), slice(0, 128), slice(0, 128))
    assert (field[inside] - crop[inside]).abs().max() < 1e-3


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_map_sizes_as_documented(preset):
    config = PRESETS[preset]
    mask, style, noise = inputs(config, 64, 80)
    with torch.no_grad():
        image = StyleUNet(config)(mask, style, noise)
        logits, core = AttentionUNet(config)(image)
    assert image.shape == (1, 1, 64, 80)
    assert image.abs().max() <= 1
    assert logits.shape == (1, 2, 64, 80)
    assert core.shape == (1, 1, 64, 80)


@pytest.mark.parametrize(("critic", "scales"), [("projected", 4), ("patch", 2)])
def test_image_critic_sees_image_and_mask_at_each_scale(critic, scales):
    config = dataclasses.replace(SMALL, critic=critic)
    mask, _, noise = inputs(config)
    image = noise[:, :1].clamp(-1, 1).requires_grad_()
    mask.requires_grad_()
    view = critic_view(config, StyleDensity(config), noise[:, 1:2])(image, mask)
    outputs = ImageDiscriminator(config)(view.image, view.mask, view.features)
    assert len(outputs) == scales
    for scale in outputs:
        by_image, by_mask = torch.autograd.grad(scale[-1].sum(), (image, mask), retain_graph=True)
        assert by_image.abs().sum() > 0
        assert by_mask.abs().sum() > 0


def test_grain_keeps_the_variance_and_correlates_neighbours():
    """Blurred by (s, 1, s) / norm, noise correlates by (2 s) / (1 + 2 s^2) with its neighbour."""
    torch.manual_seed(0)
    noise = torch.nn.functional.conv2d(torch.randn(1, 1, 512, 512), grain_kernel(0.6), padding=1)
    noise = noise[0, 0, 2:-2, 2:-2]
    side = math.exp(-0.5 / 0.36)
    neighbours = (noise[:, 1:] * noise[:, :-1]).mean() / noise.var()
    assert noise.var().item() == pytest.approx(1, abs=0.02)
    assert neighbours.item() == pytest.approx(2 * side / (1 + 2 * side**2), abs=0.01)
    assert grain_kernel(0).flatten().tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_shapes_of_the_public_contract_hold_for_a_bundle_config(tmp_path: Path):
    """A configuration survives its own JSON form."""
    assert ModelConfig.from_dict(SMALL.to_dict()) == SMALL
    with pytest.raises(ValueError, match="modulation"):
        ModelConfig(modulation="none")


def test_the_latent_tells_images_apart_from_the_first_step():
    """From small weights the encoder gives all images one z, and the latent never comes alive."""
    rng = torch.Generator().manual_seed(0)
    levels = torch.rand(24, 1, 1, 1, generator=rng)
    images = 0.1 * torch.randn(24, 1, 64, 64, generator=rng) * levels - 0.7 + 0.1 * levels
    torch.manual_seed(0)
    encoder = StyleEncoder(SMALL)
    encoder.start_on(images)
    with torch.no_grad():
        mean, log_var = encoder(images)
    assert mean.mean(0).abs().max() < 0.01
    assert (mean.std(0) - 1).abs().max() < 0.01
    assert log_var.abs().max() == 0
    encoder.start_on(images[:1])  # one image has nothing to be told apart from
    with torch.no_grad():
        assert torch.equal(encoder(images)[0], mean)
