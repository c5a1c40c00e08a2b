"""Runs as a training leaves them, without a training."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from tests.support.bundles import TINY, tiny_networks

FIGURE = {
    "meaning": 'Dice of "the" real images',
    "value": 0.9531,
    "n": 4,
    "of": "images",
    "unit": "",
    "interval": [0.94, 0.96],
    "references": {},
}


def make_run(folder: Path, seed: int = 0) -> Path:
    """A run folder as a training leaves it."""
    folder.mkdir(parents=True)
    save_file(tiny_networks(seed=seed).state_dict(), folder / "weights.safetensors")
    data = {"name": "discs", "nm_per_px": 5.0, "train_stems": ["a", "b", "c"], "val_stems": ["d"]}
    record = {
        "model": TINY.to_dict(),
        "train": {"steps": 9, "seed": 3},
        "data": data | {"modality": None},
        "hardware": {"device": "cpu", "name": "a processor"},
    }
    (folder / "config.json").write_text(json.dumps(record))
    (folder / "log.jsonl").write_text('{"step": 6}\n{"step": 7}\n{"st')
    return folder
