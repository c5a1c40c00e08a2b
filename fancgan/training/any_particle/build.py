"""What learns in a training of the particle network, and what it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from fancgan.errors import UserError
from fancgan.networks.particle_net.encoder import measure_statistics
from fancgan.networks.particle_net.network import ParticleNet
from fancgan.networks.weights_file import checked_weights
from fancgan.training.any_particle.config import ParticleTrainConfig
from fancgan.training.any_particle.pictures import ParticleCrops
from fancgan.training.build import EMA
from fancgan.training.run.folder import load_checkpoint

MEASURED_BATCHES = 16
ANCHOR = "encoder.stem.weight"  # what stands before it is no part of the network's own names
WEIGHTS_OF_RUN, JUDGEMENT_OF_RUN = "weights.safetensors", "judgement.json"


@dataclass
class Learner:
    """bare: the network; network: the same, as the accelerator wraps it; ema: its average."""

    bare: ParticleNet
    network: nn.Module
    ema: EMA[ParticleNet]
    optimiser: torch.optim.Optimizer

    def with_state(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """All that has a state, as a checkpoint names it."""
        return {"network": self.bare, "ema": self.ema.network, "optimiser": self.optimiser}


def build_learner(
    config: ParticleTrainConfig,
    accelerator: Accelerator,
    *,
    crops: ParticleCrops,
    initial: dict[str, Tensor] | None,
) -> Learner:
    """The network with its first weights, its average and its optimiser.

    initial: weights to begin with; None begins as --encoder says and measures the encoder's
    statistics on crops.
    """
    torch.manual_seed(config.seed)
    bare = ParticleNet()
    if initial is not None:
        bare.load_state_dict(initial)
    else:
        if config.encoder == "imagenet":
            _load_imagenet(bare)
        images = crops.images_to_measure(MEASURED_BATCHES)
        bare.rms.copy_(measure_statistics(bare.encoder, images))
    bare.to(accelerator.device).to(memory_format=torch.channels_last)
    ema = EMA(bare, config.ema)
    optimiser = build_optimiser(bare, config)
    network, optimiser = accelerator.prepare(bare, optimiser)
    return Learner(bare, network, ema, optimiser)


def _load_imagenet(network: ParticleNet) -> None:
    try:
        network.encoder.load_imagenet()
    except UserError as error:
        words = str(error).rstrip(".")
        raise UserError(f"{words}, or begin without them: --encoder random.") from error


def build_optimiser(network: ParticleNet, config: ParticleTrainConfig) -> torch.optim.AdamW:
    """Two groups of parameters, the encoder's and all others, at rates `learning_rates`."""
    encoder = list(network.encoder.parameters())
    known = {id(p) for p in encoder}
    others = [p for p in network.parameters() if id(p) not in known]
    groups = [
        {"params": parameters, "lr": rate}
        for parameters, rate in zip((encoder, others), learning_rates(config), strict=True)
    ]
    return torch.optim.AdamW(
        groups, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
    )


def learning_rates(config: ParticleTrainConfig) -> tuple[float, float]:
    return config.lr_encoder, config.lr


def read_initial(source: str) -> tuple[dict[str, Tensor], str]:
    """Return weights of ParticleNet to begin with, and what a run's record calls them.

    source: a weights file (.safetensors), a checkpoint (.pt, whose averaged weights are under
    "ema"), the folder of a run, or the folder or name of a bundle. Raises UserError where there are
    none, or where they are of another network.
    """
    tensors, name = read_weights(source)
    prefix = next((key.removesuffix(ANCHOR) for key in tensors if key.endswith(ANCHOR)), "")
    own = {
        key.removeprefix(prefix): value.float()
        for key, value in tensors.items()
        if key.startswith(prefix)
    }
    with torch.device("meta"):
        wanted = ParticleNet().state_dict()
    for key in sorted(wanted.keys() | own.keys()):
        if key not in own or key not in wanted or own[key].shape != wanted[key].shape:
            raise UserError(
                f"The weights of {source} are not those of a particle network ({key} does not "
                "fit); give --init a run, a checkpoint or a bundle of --preset particles."
            )
    return own, name


def read_weights(source: str) -> tuple[dict[str, Tensor], str]:
    """Return the tensors of a weights file, a checkpoint's average, a run or a bundle; its name."""
    from safetensors.torch import load

    path = Path(source)
    if path.suffix == ".pt" and path.is_file():
        state = load_checkpoint(path)
        averaged = state.get("ema") if isinstance(state, dict) else None
        return _tensors_only(averaged), f"{path.resolve().parent.name}/{path.name}"
    weights = path / WEIGHTS_OF_RUN if (path / WEIGHTS_OF_RUN).is_file() else path
    if weights.is_file():
        return checked_weights(weights), path.resolve().name
    from fancgan.pretrained.bundle import WEIGHTS
    from fancgan.pretrained.find import find_bundle

    bundle = find_bundle(source)
    return load(bundle.read(WEIGHTS)), f"{bundle.config['name']} {bundle.revision}"


def _tensors_only(state: object) -> dict[str, Tensor]:
    values = state if isinstance(state, dict) else {}
    return {key: value for key, value in values.items() if isinstance(value, Tensor)}
