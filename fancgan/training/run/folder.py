"""The folder of a run: what it was started with, where it stands, what it has learned."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from fancgan.errors import UserError
from fancgan.files import write_whole
from fancgan.networks.weights_file import weights_bytes
from fancgan.training.config import FULL_DISK_ADVICE

# What may differ when a run is resumed: it changes how the run is watched, not what it learns.
FREE_ON_RESUME = (
    "steps",
    "segmenter_steps",
    "workers",
    "accumulate",  # RunFolder.check counts the micro-batches of all processes
    "tracker",
    "log_every_steps",
    "eval_every_steps",
    "val_crops",
    "val_pictures",
    "judge_pictures",
    "looks",
    "looks_crops",
    "save_every_steps",
)

PARTS = ("model", "train", "data")  # of a run's identity
END_OF_ZIP = b"PK\5\6"  # 22 bytes with the length of the comment as the last two
SEAL_BYTES = 71  # "sha256 " and 64 hexadecimal digits


def seal(content: memoryview) -> bytes:
    return b"sha256 " + hashlib.sha256(content).hexdigest().encode()


def checkpoint_bytes(state: dict) -> memoryview:
    """Return torch's zip archive of a state; its comment is the SHA-256 of all that precedes it."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(-2, io.SEEK_END)
    buffer.write(SEAL_BYTES.to_bytes(2, "little"))
    buffer.write(seal(buffer.getbuffer()))
    return buffer.getbuffer()


def load_checkpoint(path: Path) -> dict:
    """Read a checkpoint: plain tensors and numbers, nothing in it is executed.

    An archive without a comment is of a version that wrote no checksum. Raises UserError where the
    checksum does not fit, or where the file is no checkpoint.
    """
    try:
        content = memoryview(path.read_bytes())
        unsealed = content[-22:-18] == END_OF_ZIP
        if not unsealed and content[-SEAL_BYTES:] != seal(content[:-SEAL_BYTES]):
            raise _unreadable(path, "its checksum does not fit")
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:
        raise _unreadable(path, type(error).__name__) from error


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(
        f"The checkpoint {path} cannot be read ({reason}); delete it to start the run anew, or "
        "restore it from a copy."
    )


class RunFolder:
    """config.json, checkpoint.pt, weights.safetensors and samples/, each whole or not at all."""

    def __init__(self, path: Path):
        self.path = path
        self.described, self.checkpoint = path / "config.json", path / "checkpoint.pt"

    def check(self, identity: dict, micro_batches: int) -> None:
        """Refuse to go on with another model, other settings or data, or steps of another size.

        identity: "model", "train" and "data" of the training. micro_batches: of a step, over all
        processes; how they are dealt to processes may change.
        """
        if not self.described.exists():
            return
        then, now = self._described(), json.loads(json.dumps(identity))
        for part in PARTS:
            for key, value in now[part].items():
                before = then.get(part, {}).get(key, value)
                if before != value and key not in FREE_ON_RESUME:
                    raise UserError(
                        f"The run {self.path} was started with {key} = {before}, not {value}; give "
                        "the same settings to resume it, or another --run to start anew."
                    )
        processes = then.get("hardware", {}).get("processes", micro_batches)
        before = processes * then.get("train", {}).get("accumulate", 1)
        if before != micro_batches:
            raise UserError(
                f"The run {self.path} was started with {before} micro-batches a step (processes "
                f"times --accumulate), not {micro_batches}; choose --accumulate so that it is as "
                "many again, or another --run to start anew."
            )

    def _described(self) -> dict:
        """What `describe` wrote; UserError where that is damaged."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            record = json.loads(self.described.read_text(encoding="utf-8"))
            if all(isinstance(record.get(part, {}), dict) for part in (*PARTS, "hardware")):
                return record
        raise UserError(
            f"{self.described} is damaged; restore it from a copy, or delete it and give exactly "
            "the settings that the run was started with."
        )

    def load(self) -> dict | None:
        """The checkpoint, None where there is none yet."""
        return load_checkpoint(self.checkpoint) if self.checkpoint.exists() else None

    def found(self) -> dict:
        """What the record holds beside what the run was started with: `describe`'s `found`."""
        record = self._described() if self.described.exists() else {}
        return {key: value for key, value in record.items() if key not in (*PARTS, "hardware")}

    def describe(self, identity: dict, hardware: dict, **found) -> None:
        """Write the record. found: what has come of the run; what came before stays."""
        record = {**identity, "hardware": hardware, **self.found(), **found}
        content = json.dumps(record, indent=1) + "\n"
        write_whole(self.described, content.encode(), advice=FULL_DISK_ADVICE)

    def save(self, state: dict, networks: dict[str, nn.Module]) -> None:
        """state: what a checkpoint holds. networks: those to export, as `publish` has them."""
        self.publish(networks)
        # Last, so that a run that ends between the two goes on from before both.
        write_whole(self.checkpoint, checkpoint_bytes(state), advice=FULL_DISK_ADVICE)

    def publish(self, networks: dict[str, nn.Module]) -> None:
        """Write weights.safetensors: the averaged networks to export.

        Their parameters and buffers are safetensors, keys "name.parameter"; one of the name ""
        keeps its own keys.
        """
        tensors = {
            (f"{name}.{key}" if name else key): value.detach().cpu().contiguous()
            for name, network in networks.items()
            for key, value in network.state_dict().items()
        }
        content = weights_bytes(tensors)
        write_whole(self.path / "weights.safetensors", content, advice=FULL_DISK_ADVICE)

    def add_sample(self, step: int, sheet: Image.Image) -> None:
        path = self.path / "samples" / f"{step:07d}_synthetic.png"
        png = io.BytesIO()
        sheet.save(png, format="PNG")
        write_whole(path, png.getbuffer(), advice=FULL_DISK_ADVICE)
