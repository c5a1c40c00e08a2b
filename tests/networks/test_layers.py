"""Building blocks against closed forms and brute force."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import distance_transform_cdt
from torch.nn import functional as F

from fancgan.networks.layers import (
    AdaINConv2d,
    DemodConv2d,
    LinearAttention,
    MaskGeometry,
    NormConv2d,
    act,
)


def test_activation_and_unit_norm_filters_keep_unit_variance():
    torch.manual_seed(0)
    x = torch.randn(4, 32, 64, 64)
    y = act(NormConv2d(32, 32)(x))
    assert y.square().mean().item() == pytest.approx(1.0, abs=0.05)


def test_demodulation_undoes_the_scale_of_the_style():
    """d * conv(s * x) keeps its variance when the style scales all channels alike."""
    torch.manual_seed(0)
    conv = DemodConv2d(16, 24, w_dim=8)
    x = torch.randn(2, 16, 48, 48)
    outputs = []
    for scale in (1.0, 7.0):
        with torch.no_grad():
            conv.scale.weight.zero_()
            conv.scale.bias.fill_(scale)
        outputs.append(conv(x, torch.randn(2, 8)))
    assert torch.allclose(*outputs, atol=1e-4)
    assert outputs[0].var().item() == pytest.approx(1.0, abs=0.1)


def test_adain_gives_each_channel_the_mean_and_deviation_of_the_style():
    torch.manual_seed(0)
    conv = AdaINConv2d(3, 5, w_dim=4)
    w = torch.randn(2, 4)
    y = conv(torch.randn(2, 3, 32, 32), w)
    scale, shift = conv.affine(w).chunk(2, dim=1)
    assert torch.allclose(y.mean([2, 3]), shift, atol=1e-4)
    assert torch.allclose(y.std([2, 3], correction=0), (1 + scale).abs(), atol=1e-2)


@pytest.mark.parametrize("kind", [NormConv2d, DemodConv2d, AdaINConv2d])
def test_a_level_picture_stays_level_up_to_its_frame_where_it_is_replicated(kind):
    torch.manual_seed(0)
    x, w = torch.ones(1, 3, 12, 16), torch.randn(1, 4)

    def spread(replicate: bool) -> float:
        of_style = {} if kind is NormConv2d else {"w_dim": 4}
        conv = kind(3, 5, replicate=replicate, **of_style)
        return conv(x, *[w] * len(of_style)).std([2, 3]).max().item()

    assert spread(replicate=True) < 1e-5 < spread(replicate=False)


def test_mask_geometry_is_the_chessboard_distance(draw_discs):
    mask = torch.from_numpy(draw_discs(96, 128, radii=(20, 9, 5)).mask)
    reach = 8
    depth_and_distance = MaskGeometry(reach)(mask[None, None].float())[0, 1:3]
    for channel, region in zip(depth_and_distance, (mask, ~mask), strict=True):
        brute = distance_transform_cdt(region.numpy(), metric="chessboard").clip(0, reach)
        # Channels hold the number of poolings survived: 1 for the pixel row at the edge.
        expected = torch.from_numpy(brute) / reach
        assert torch.allclose(channel, expected.float(), atol=1e-6)


def test_mask_geometry_knows_the_depth_of_large_particles():
    mask = torch.zeros(1, 1, 128, 128)
    mask[:, :, 16:112, 16:112] = 1
    fine, coarse = MaskGeometry(reach=8, coarse=4)(mask)[0, [1, 4], 64]
    columns = torch.arange(16, 64)
    depth = columns - 15.0
    assert torch.allclose(fine[16:64], (depth / 8).clamp(max=1))
    # A grid of 4 px knows it to 2 px, to its reach of 32 px.
    assert torch.allclose(coarse[16:64] * 32, depth.clamp(max=32), atol=2.01)
    assert coarse[:12].eq(0).all()


def test_separators_are_the_lines_between_touching_particles():
    mask = torch.zeros(1, 1, 32, 32)
    mask[:, :, 8:24, 4:28] = 1
    mask[:, :, 8:24, 16] = 0
    separator = MaskGeometry()(mask)[0, 3]
    assert separator[12:20, 16].eq(1).all()
    assert separator[:, :12].eq(0).all()
    assert separator[:, 20:].eq(0).all()


def test_linear_attention_equals_its_quadratic_form():
    torch.manual_seed(0)
    layer = LinearAttention(8, heads=2)
    x = torch.randn(1, 8, 5, 7)
    q, k, v = layer.to_qkv(x).reshape(1, 3, 2, 4, 35).unbind(1)
    weights = torch.einsum("nhdi,nhdj->nhij", q.softmax(-2), k.softmax(-1))
    attended = torch.einsum("nhij,nhej->nhei", weights, v).reshape(1, 8, 5, 7)
    assert torch.allclose(layer(x), x + layer.to_out(attended), atol=1e-5)


def test_group_norm_of_single_channels_is_instance_norm():
    x = torch.randn(2, 6, 9, 11)
    assert torch.allclose(F.group_norm(x, 6), F.instance_norm(x), atol=1e-5)
