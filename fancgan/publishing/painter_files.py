"""A painter's modules in a bundle, each written only if it gives what its network gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from fancgan.errors import UserError
from fancgan.networks.painter.config import PainterConfig
from fancgan.networks.painter.networks import PainterNetworks
from fancgan.networks.painter.stored import load_painter
from fancgan.networks.torchscript import load_scripted, script_bytes
from fancgan.publishing.data_sources import data_facts_of_sets
from fancgan.publishing.module_files import TOLERANCE
from fancgan.publishing.run_weights import training_facts

PAINTER_PRESET = "painter"
CHECK_SIZES = ((32, 32), (250, 333))


@dataclass(frozen=True, eq=False)
class PainterRun:
    """Networks of a run of `--preset painter`, and what a bundle's config.json says of them."""

    networks: PainterNetworks
    architecture: dict
    facts: dict


def read_painter(run: Path) -> PainterRun:
    """Return the painter of a run's folder; UserError where it has none that is whole."""
    record = run_record(run)
    if not record or record["model"].get("preset") != PAINTER_PRESET:
        raise UserError(f"{run} is no run of --preset {PAINTER_PRESET}.")
    config = PainterConfig.from_dict(record["model"])
    facts = {
        "data": data_facts_of_sets(record["data"]),
        "training": training_facts(run, record),
        "looks": record.get("looks", []),
    }
    networks = load_painter(run / "weights.safetensors", config)
    return PainterRun(networks, {"painter": config.to_dict()}, facts)


def run_record(run: Path) -> dict | None:
    """Return the config.json of a run on several data sets, None where it is none."""
    try:
        record = json.loads((run / "config.json").read_text(encoding="utf-8"))
        return record if record["data"]["sets"] and record["model"]["preset"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # what is wrong with it says whoever reads runs of the cycle


def write_painter(stage: Path, networks: PainterNetworks) -> dict[str, float]:
    """Write the modules of a painter; return by file how far each is from eager mode."""
    modules = networks.deployed()
    config, styles = networks.config, networks.looks.centres

    def masks(draws: torch.Generator) -> Iterator[tuple]:
        for h, w in CHECK_SIZES:
            coarse = torch.rand(1, 1, -(-h // 16), -(-w // 16), generator=draws) > 0.6
            mask = coarse.float().repeat_interleave(16, 2).repeat_interleave(16, 3)[..., :h, :w]
            yield mask, torch.randn(1, config.noise_channels, h, w, generator=draws)

    def painted(draws: torch.Generator) -> Iterator[tuple]:
        for mask, noise in masks(draws):
            yield mask, styles[:1], noise

    def read(draws: torch.Generator) -> Iterator[tuple]:
        for mask, noise in masks(draws):
            yield (128 + 20 * noise[:, :1] + 60 * mask).clamp(0, 255), mask

    inputs = {"generator.pt": painted, "style_encoder.pt": read}
    return {
        name: write_module(stage / name, module, inputs[name]) for name, module in modules.items()
    }


def write_module(
    path: Path, module: nn.Module, inputs: Callable[[torch.Generator], Iterable[tuple]]
) -> float:
    """Write TorchScript; return how far it is from eager mode. RuntimeError beyond TOLERANCE."""
    content = script_bytes(module)
    loaded, draws, worst = load_scripted(content), torch.Generator().manual_seed(0), 0.0
    with torch.inference_mode(), torch.jit.optimized_execution(False):
        for given in inputs(draws):
            worst = max(worst, (module(*given) - loaded(*given)).abs().max().item())
    if not worst <= TOLERANCE:
        raise RuntimeError(f"{path.name} and eager mode differ by {worst:.2e}")
    path.write_bytes(content)
    return worst
