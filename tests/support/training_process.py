"""One process of a small training, started by torchrun: PAIRS OUT JSON-OF-SETTINGS.

Leaves OUT/rank0.pt, OUT/rank1.pt, ... with what each process has learned and seen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from tests.support.paths import ROOT


def train_on(processes: int, pairs: Path, out: Path, **settings) -> list[dict]:
    """Train on so many gloo processes; return what each has left."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={processes}", __file__]
    command += [str(pairs), str(out), json.dumps(settings)]
    environment = {"PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(out / f"rank{r}.pt", weights_only=True) for r in range(processes)]


def main(pairs: str, out: str, settings: str) -> None:
    from fancgan.datasets.fields import load_fields
    from tests.support.trainings import tiny_training

    training = tiny_training(Path(out, "run"), load_fields(pairs, "all"), **json.loads(settings))
    start = {name: _copy(network) for name, network in training.players.bare.items()}
    seen, gradients = [], {}
    step = training.train_step

    def watched(batch: dict) -> dict:
        seen.append(batch["image"].clone())
        terms = step(batch)
        if training.step == 1:
            gradients.update({name: _gradient(net) for name, net in training.players.bare.items()})
        return terms

    training.train_step = watched
    training.run()
    bank = training.players.bank
    left = {
        "processes": training.accelerator.num_processes,
        "start": start,
        "gradients": gradients,
        "state": {name: _copy(network) for name, network in training.players.bare.items()},
        "ema": {name: _copy(ema.network) for name, ema in training.players.ema.items()},
        "remembered": bank.painted[: bank.count] if bank else None,
        "seen": torch.cat(seen),
    }
    torch.save(left, Path(out, f"rank{training.accelerator.process_index}.pt"))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _gradient(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def _copy(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in network.state_dict().items()}


if __name__ == "__main__":
    main(*sys.argv[1:])
