"""A painter's networks from their weights file."""

from __future__ import annotations

from pathlib import Path

from fancgan.errors import UserError
from fancgan.networks.painter.config import PainterConfig
from fancgan.networks.painter.networks import PainterNetworks

CENTRES = "looks.centres"


def load_painter(path: str | Path, config: PainterConfig) -> PainterNetworks:
    """Return the networks whose weights a safetensors file holds, in float32.

    What the file holds beside them, such as a segmenter's weights, is left out. Raises UserError
    for a file that is missing, no safetensors file, or of another architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    if not path.is_file():
        raise UserError(f"The weights {path} do not exist.")
    try:
        stored = load_file(path)
        networks = PainterNetworks(config, looks=len(stored[CENTRES]))
        wanted = networks.state_dict()
        networks.load_state_dict({key: stored[key].float() for key in wanted})
    except (SafetensorError, RuntimeError, KeyError) as error:
        raise UserError(f"{path} holds no weights of a painter of this architecture.") from error
    return networks.eval().requires_grad_(False)
