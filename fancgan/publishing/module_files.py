"""The files of a bundle's networks, each written only if it gives what its network gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from fancgan.networks.config import ModelConfig
from fancgan.networks.deploy import DeployedGenerator, DeployedStyleEncoder, Networks
from fancgan.networks.torchscript import load_scripted, script_bytes
from fancgan.pretrained.bundle import PORTABLE
from fancgan.publishing.portable import LOADERS, Run, convert

CHECK_SIZES = ((32, 32), (250, 333), (256, 256))
Inputs = Callable[..., list[Tensor]]
TOLERANCE = 1e-3  # of grey levels, probabilities and standard deviations: float32's last bits


def write_modules(stage: Path, networks: Networks, formats: Sequence[str]) -> dict[str, float]:
    """Write the networks in the formats; return by file how far it is from eager mode.

    Raises RuntimeError where that is more than TOLERANCE.
    """
    differences = {}

    def write(name: str, content: bytes, module: nn.Module, loaded: Run, inputs: Inputs) -> None:
        differences[name] = largest_difference(module, loaded, networks.config, inputs)
        if not differences[name] <= TOLERANCE:
            raise RuntimeError(f"{name} and eager mode differ by {differences[name]:.2e}")
        (stage / name).write_bytes(content)

    deployed = networks.deployed()
    for name, module in deployed.items():
        content = script_bytes(module)
        write(name, content, module, load_scripted(content), example_inputs)
    for form in PORTABLE.keys() & set(formats):
        for name in PORTABLE[form]:
            network = name.split(".")[0]
            module = deployed[f"{network}.pt"]
            content = convert(network, module, example_batch(module, networks.config), form)
            write(name, content, module, LOADERS[form](content), portable_inputs)
    return differences


def example_batch(
    module: nn.Module, config: ModelConfig, size: tuple[int, int] = CHECK_SIZES[1], count: int = 2
) -> list[Tensor]:
    """Random inputs of a height and width for one of the two portable modules."""
    draws = torch.Generator().manual_seed(0)
    examples = [portable_inputs(module, config, *size, draws) for _ in range(count)]
    return [torch.cat(parts) for parts in zip(*examples, strict=True)]


def largest_difference(
    module: nn.Module, loaded: Run, config: ModelConfig, inputs: Inputs
) -> float:
    """Return the largest absolute difference of outputs over CHECK_SIZES, eager and as loaded."""
    draws = torch.Generator().manual_seed(0)
    worst = 0.0
    with torch.inference_mode(), torch.jit.optimized_execution(False):
        for height, width in CHECK_SIZES:
            given = inputs(module, config, height, width, draws)
            worst = max(worst, (module(*given) - loaded(*given)).abs().max().item())
    return worst


def example_inputs(
    module: nn.Module, config: ModelConfig, height: int, width: int, draws: torch.Generator
) -> list[Tensor]:
    """Random inputs of the size for one of the three modules."""
    coarse = torch.rand(1, 1, -(-height // 16), -(-width // 16), generator=draws) > 0.6
    mask = coarse.float().repeat_interleave(16, 2).repeat_interleave(16, 3)[..., :height, :width]
    image = 255 * torch.rand(1, 1, height, width, generator=draws)
    if isinstance(module, DeployedGenerator):
        style = module.sample_style(torch.randn(1, config.style_dim, generator=draws))
        channels = config.noise_channels
        return [mask, style, torch.randn(1, channels, height, width, generator=draws)]
    return [image, mask] if isinstance(module, DeployedStyleEncoder) else [image]


def portable_inputs(
    module: nn.Module, config: ModelConfig, height: int, width: int, draws: torch.Generator
) -> list[Tensor]:
    """The same, with what a generator is told of its particles."""
    inputs = example_inputs(module, config, height, width, draws)
    if isinstance(module, DeployedGenerator) and module.draws_brightness:
        inputs.append(module.draw_brightness(*inputs))
    return inputs
