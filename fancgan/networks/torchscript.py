"""TorchScript files: equal bytes for equal modules; loading needs no source of a network."""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
from collections.abc import Iterator

import torch
from torch import nn

# All that torch.jit.* says since torch 2.11; anything else it warns of stays visible.
DEPRECATION = r"`torch\.jit\.[a-z_]+` is (deprecated|not supported in Python 3\.14\+)"


@contextlib.contextmanager
def quiet_torchscript() -> Iterator[None]:
    """Silence TorchScript's deprecation notice, and nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEPRECATION, FutureWarning)
        warnings.filterwarnings("ignore", DEPRECATION, DeprecationWarning)
        yield


def script_bytes(module: nn.Module) -> bytes:
    """Return the TorchScript file of a module in evaluation mode, on the CPU, without gradients."""
    module = module.eval().cpu().requires_grad_(False)
    buffer = io.BytesIO()
    with quiet_torchscript():
        torch.jit.save(torch.jit.script(module), buffer)
    return without_debug_records(buffer.getvalue())


def without_debug_records(archive: bytes) -> bytes:
    """Return a TorchScript archive without the records that map its code to source files.

    They hold the full paths of the machine that exported, which are nobody's business, and are
    read for error messages alone. Entries have one fixed date.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(entry.filename), source.read(entry))
    return buffer.getvalue()


def load_scripted(content: bytes) -> torch.jit.ScriptModule:
    """Return the module of a TorchScript file's bytes. It runs code: only for verified bytes."""
    with quiet_torchscript():
        return torch.jit.load(io.BytesIO(content), map_location="cpu").eval()
