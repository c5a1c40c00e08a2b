"""What a training is built of: the players, what they look at, and what they start from."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn

from fancgan.hardware import auto_is_bf16
from fancgan.networks.config import GREY_PER_UNIT, ModelConfig
from fancgan.networks.generator import StyleUNet
from fancgan.networks.segmenter import AttentionUNet
from fancgan.networks.style import StyleDensity, StyleEncoder
from fancgan.training.config import TrainConfig
from fancgan.training.critics import ImageDiscriminator, MaskDiscriminator, Viewer, critic_view
from fancgan.training.crops import CropDataset
from fancgan.training.initial_weights import load_initial
from fancgan.training.losses.kernel import FeatureBank

AVERAGED = ("generator", "style_encoder", "segmenter")
CRITICS = ("disc_image", "disc_mask")
REAL_CROPS_PER_FIELD = 16
CONVOLUTIONS_TRIED = 4

Network = TypeVar("Network", bound=nn.Module)


class EMA(Generic[Network]):
    """Exponential moving average of a network's parameters, with warm-up; buffers are copied."""

    def __init__(self, network: Network, decay: float):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards `network`; early steps weigh more: decay <= (1 + step) / (10 + step)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        newest = [p.detach() for p in network.parameters()]
        torch._foreach_lerp_(list(self.network.parameters()), newest, 1 - decay)
        for mine, theirs in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(theirs)


@dataclass
class Players:
    """All that learns, and all that it is measured by.

    bare: the networks; networks: the same, as the accelerator wraps them for several processes;
    ema: averages of the AVERAGED; optimisers: "painter", "critic" and "segmenter". Nothing else
    learns. density: the looks of the training fields; field_stats [n, 10]: their statistics, for
    crops that show too little background or particle to tell; view: what the image critic sees
    (critics.py); bank: features of real and of painted crops (losses/kernel.py), None without
    that term. layout: memory format of the pictures.
    """

    bare: dict[str, nn.Module]
    networks: dict[str, nn.Module]
    ema: dict[str, EMA]
    optimisers: dict[str, torch.optim.Optimizer]
    density: StyleDensity
    field_stats: Tensor
    view: Viewer
    bank: FeatureBank | None
    layout: torch.memory_format

    @property
    def averaged(self) -> dict[str, nn.Module]:
        return {name: ema.network for name, ema in self.ema.items()}

    def with_state(self) -> dict[str, dict]:
        """All that has a state, as a checkpoint names it."""
        return {"networks": self.bare, "ema": self.averaged, "optimisers": self.optimisers}

    def remembered(self) -> dict[str, Tensor]:
        """The features of painted crops that a checkpoint keeps."""
        buffers = self.bank.named_buffers(recurse=False) if self.bank else ()
        return {name: value.detach() for name, value in buffers}


def start_accelerator(precision: str) -> Accelerator:
    """Devices, processes and the precision of a training: "auto", "bf16" or "float32"."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = precision == "bf16" or (precision == "auto" and auto_is_bf16(device))
    # Crops have one size: the fastest convolution on a GPU is worth looking for once, among
    # the first few that the heuristics offer.
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = CONVOLUTIONS_TRIED
    return Accelerator(
        mixed_precision="bf16" if half else "no",
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )


def build_players(
    model: ModelConfig,
    config: TrainConfig,
    accelerator: Accelerator,
    *,
    field_stats: Tensor,
    crops: CropDataset,
    initial: dict[str, Tensor] | None,
    source: str | None,
) -> Players:
    """Networks with their first weights, averages, optimisers, and what judges them.

    field_stats [n, 10]: of the fields of the crops. initial: published weights of the averaged
    networks to begin with, those of `source`; None starts anew.
    """
    device, fields = accelerator.device, crops.fields
    torch.manual_seed(config.seed)
    bare = build_networks(model)
    density = StyleDensity(model)
    density.fit(field_stats)
    images, labels = [f.image for f in fields], [f.labels for f in fields]
    density.particles.fit(images, labels, field_stats.numpy())
    density.to(device)
    if initial is None:
        # The untrained generator paints the mean grey level of the training images.
        mean = float(np.mean([f.image.mean() for f in fields])) / GREY_PER_UNIT - 1
        level = float(np.arctanh(np.clip(mean, -0.95, 0.95)))
        generator, encoder = bare["generator"], bare["style_encoder"]
        assert isinstance(generator, StyleUNet) and isinstance(encoder, StyleEncoder)
        assert generator.to_image.bias is not None
        nn.init.constant_(generator.to_image.bias, level)
        encoder.start_on(crops.centres())
    else:
        assert source is not None
        load_initial({name: bare[name] for name in AVERAGED}, initial, source)

    view = critic_view(model, density, crops.centres().to(device))
    bank = None
    if config.w_kernel:
        bank = FeatureBank(view, crops.reference(REAL_CROPS_PER_FIELD * len(fields)).to(device))

    # group_norm's backward pass on the CPU is many times slower in channels-last.
    slow = model.modulation == "adain" and device.type == "cpu"
    layout = torch.contiguous_format if slow else torch.channels_last
    bare.to(device).to(memory_format=layout)
    ema = {name: EMA(bare[name], config.ema) for name in AVERAGED}
    optimisers = build_optimisers(bare, config)
    prepared = accelerator.prepare(*bare.values(), *optimisers.values())
    return Players(
        bare=dict(bare.items()),
        networks=dict(zip(bare.keys(), prepared[: len(bare)], strict=True)),
        ema=ema,
        optimisers=dict(zip(optimisers, prepared[len(bare) :], strict=True)),
        density=density,
        field_stats=field_stats.to(device),
        view=view,
        bank=bank,
        layout=layout,
    )


def build_networks(config: ModelConfig) -> nn.ModuleDict:
    """All networks of a training; weights come from torch's global generator."""
    return nn.ModuleDict(
        {
            "generator": StyleUNet(config),
            "style_encoder": StyleEncoder(config),
            "segmenter": AttentionUNet(config),
            "disc_image": ImageDiscriminator(config),
            "disc_mask": MaskDiscriminator(config),
        }
    )


def build_optimisers(
    networks: nn.ModuleDict, config: TrainConfig
) -> dict[str, torch.optim.Optimizer]:
    """One for those who paint, one for the critics, one for the segmenter."""

    def adam(names: tuple[str, ...], rate: float, memory: float) -> torch.optim.Adam:
        parameters = [p for name in names for p in networks[name].parameters()]
        return torch.optim.Adam(parameters, lr=rate, betas=(memory, 0.99), fused=True)

    return {
        "painter": adam(("generator", "style_encoder"), config.lr_generator, 0.5),
        "critic": adam(CRITICS, config.lr_critic, 0.5),
        "segmenter": adam(("segmenter",), config.lr_segmenter, 0.9),
    }
