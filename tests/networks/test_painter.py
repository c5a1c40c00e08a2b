"""The painter of any look: what is measured of drawn pictures, and what is painted of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fancgan.networks.painter.config import LOOK, PainterConfig
from fancgan.networks.painter.dials import LookScale
from fancgan.networks.painter.look import LookMeter, look_weights
from fancgan.networks.painter.networks import PainterNetworks
from fancgan.networks.painter.octaves import Grain, octave_variances

GREY = 127.5
SIDE = 256
TINY = PainterConfig(widths=(4, 6, 8, 8, 8), encoder_widths=(4, 4, 4, 4), mapping_dim=16, w_dim=12)


def mixing() -> np.ndarray:
    grain = Grain()
    grain.calibrate(size=256, rounds=3)
    return grain.mixing.numpy()


MIXING = mixing()


def discs(radius: int = 16, step: int = 64) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    off = [(k % step - step / 2 + 0.5).square() for k in (y, x)]
    return (off[0] + off[1] <= radius**2).float()[None, None]


def picture(mask: torch.Tensor, ground: float, particle: float, noise: float) -> torch.Tensor:
    """Grey levels, as the networks have them."""
    draws = torch.Generator().manual_seed(0)
    grey = ground + (particle - ground) * mask + noise * torch.randn(mask.shape, generator=draws)
    return grey / GREY - 1


def networks(config: PainterConfig = TINY) -> PainterNetworks:
    torch.manual_seed(0)
    made = PainterNetworks(config, looks=2)
    made.grain.calibrate(size=128, rounds=2)
    return made.eval()


def standard_scale(made: PainterNetworks) -> LookScale:
    mean, sd = made.looks.mean.numpy(), made.looks.sd.numpy()
    return LookScale(mean, sd, made.grain.mixing.numpy())


@pytest.mark.parametrize(("ground", "particle"), [(60, 160), (200, 90)])
def test_levels_and_noise_of_a_drawn_picture_are_measured(ground: float, particle: float) -> None:
    mask = discs()
    look, known, brightness, profile = LookMeter()(picture(mask, ground, particle, 5.0), mask)
    assert ((look[0, LOOK.far] + 1) * GREY - ground).abs().max() < 2.0
    levels = LookScale(np.zeros(LOOK.count), np.ones(LOOK.count), MIXING).levels(look[0].numpy())
    assert levels["background"] == pytest.approx(ground, abs=1)
    assert levels["contrast"] == pytest.approx(particle - ground, abs=3)
    assert levels["noise"] == pytest.approx(5.0, rel=0.05)
    assert known.all()
    assert brightness.abs().max() * GREY < 1.5
    assert (profile - picture(mask, ground, particle, 0.0)).abs().mean() * GREY < 0.5


def test_rare_structure_is_no_common_texture() -> None:
    mask = discs()
    image = picture(mask, 100, 180, 3.0)
    image[..., 5:10, :] = 1.0  # a burnt-in line
    look = LookMeter()(image, mask)[0][0]
    seen, common = (look[part][:3].exp().max() * GREY for part in (LOOK.ground, LOOK.common_ground))
    assert common < 5 < seen


def test_a_region_that_is_not_there_is_not_known() -> None:
    nothing = torch.zeros(1, 1, SIDE, SIDE)
    look, known, _, _ = LookMeter()(picture(nothing, 100, 0, 3.0), nothing)
    assert known.tolist() == [[True, False]]
    assert look.isfinite().all()
    assert look_weights(known)[0, LOOK.depth].sum() == 0
    assert look_weights(known)[0, LOOK.far].all()


def test_grain_has_the_octaves_that_it_is_asked_for() -> None:
    grain = Grain()
    grain.calibrate(size=256, rounds=3)
    wanted = torch.tensor([[0.06, 0.05, 0.04, 0.03, 0.02, 0.02]])
    noise = torch.randn(1, 7, 512, 512, generator=torch.Generator().manual_seed(1))
    texture = (grain.fields(noise) * grain.strengths(wanted.log())[..., None, None]).sum(1, True)
    found = octave_variances(texture, torch.ones_like(texture), False).sqrt()
    assert (found[:, :4] / wanted[:, :4] - 1).abs().max() < 0.15


def test_what_lies_next_to_an_outline_is_softened_and_nothing_else() -> None:
    modules, mask = networks().deployed(), discs()
    painter = modules["generator.pt"].eval()
    with torch.no_grad():
        style = modules["style_encoder.pt"].eval()((picture(mask, 60, 160, 6.0) + 1) * GREY, mask)
        noise = torch.randn(1, TINY.noise_channels, SIDE, SIDE)
        soft = painter(mask, style, noise)
        painter.edge_share = painter.edge_slope = 0.0
        steep = painter(mask, style, noise)
    beside = F.max_pool2d(mask, 3, 1, 1) > -F.max_pool2d(-mask, 3, 1, 1)
    assert torch.equal(soft[~beside], steep[~beside])
    across = [image.diff(dim=-1)[beside[..., 1:]].square().mean() for image in (soft, steep)]
    assert across[0] < 0.95 * across[1]


@pytest.mark.parametrize(("ground", "particle"), [(60, 160), (200, 90)])
def test_the_draft_alone_has_the_levels_and_noise_of_its_reference(
    ground: float, particle: float
) -> None:
    made, mask = networks(), discs()
    with torch.no_grad():
        made.painter.to_image.gain.zero_()
    modules = made.deployed()
    reference = (picture(mask, ground, particle, 6.0) + 1) * GREY
    with torch.no_grad():
        style = modules["style_encoder.pt"].eval()(reference, mask)
        noise = torch.randn(1, TINY.noise_channels, SIDE, SIDE)
        image = modules["generator.pt"].eval()(discs(20), style, noise)
    core, outside = discs(14) > 0, discs(28) == 0
    assert image[core].mean() == pytest.approx(particle, abs=6)
    assert image[outside].mean() == pytest.approx(ground, abs=3)
    assert image[outside].std() == pytest.approx(6.0, rel=0.25)


def test_gradients_reach_every_parameter() -> None:
    made = networks().train()
    modules, mask = made.deployed(), discs()
    image = (picture(mask, 90, 150, 4.0) + 1) * GREY
    style = modules["style_encoder.pt"](image, mask)
    noise = torch.randn(1, TINY.noise_channels, SIDE, SIDE)
    painted = modules["generator.pt"](mask, style, noise)
    (painted * torch.randn_like(painted)).sum().backward()
    without = [name for name, p in made.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_noise_changes_the_image_and_nothing_else_does() -> None:
    generator = networks().deployed()["generator.pt"].eval()
    style = torch.zeros(1, TINY.style_dim)
    draws = [torch.randn(1, TINY.noise_channels, 96, 130) for _ in range(2)]
    mask = discs()[..., :96, :130]
    with torch.no_grad():
        first, again, other = (
            generator(mask, style, noise) for noise in (*draws[:1] * 2, draws[1])
        )
    assert first.shape == (1, 1, 96, 130)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_particle_has_one_brightness_wherever_it_is_asked() -> None:
    generator = networks().deployed()["generator.pt"].eval()
    style = torch.zeros(1, TINY.style_dim)
    mask = discs()
    noise = torch.randn(1, TINY.noise_channels, SIDE, SIDE)
    drawn = generator.draw_brightness(mask, style, noise)
    for top in (0, 64):
        one = drawn[0, :, top : top + 64, :64][:, mask[0, 0, top : top + 64, :64] > 0]
        assert (one.amax(1) == one.amin(1)).all()
    assert drawn[:, :1].std() > 0
    assert (drawn[:, :1][mask == 0] == 0).all()


@pytest.mark.parametrize("asked", [{"background": 180.0}, {"contrast": -60.0}, {"noise": 12.0}])
def test_a_level_that_is_asked_for_is_read_again(asked: dict[str, float]) -> None:
    made, mask = networks(), discs()
    with torch.no_grad():
        encoder = made.deployed()["style_encoder.pt"].eval()
        style = encoder((picture(mask, 60, 160, 5.0) + 1) * GREY, mask)[0].numpy()
    scale = standard_scale(made)
    before, after = scale.levels(style), scale.levels(scale.with_levels(style, **asked))
    for name, value in before.items():
        assert after[name] == pytest.approx(asked.get(name, value), abs=0.1)


@pytest.mark.parametrize(("particle", "words"), [(200, "Bright particles"), (20, "Dark particles")])
def test_a_look_is_named_by_its_polarity(particle: float, words: str) -> None:
    made, mask = networks(), discs()
    with torch.no_grad():
        encoder = made.deployed()["style_encoder.pt"].eval()
        style = encoder((picture(mask, 120, particle, 2.0) + 1) * GREY, mask)[0].numpy()
    named = standard_scale(made).words(style)
    assert named.startswith(f"{words} on a grey ground")
    assert "smooth" in named


def test_styles_are_drawn_from_the_looks_of_the_library() -> None:
    made = networks()
    made.looks.centres[0], made.looks.centres[1] = -1.0, 2.0
    generator = made.deployed()["generator.pt"]
    drawn = generator.sample_style(torch.randn(32, TINY.style_dim))
    assert set(drawn.flatten().tolist()) == {-1.0, 2.0}
    assert np.isfinite(drawn).all()
