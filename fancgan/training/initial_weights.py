"""Published weights to begin with, in networks as wide or wider, for styles as long or longer.

Wider ones compute the same at first (Net2Net, Chen et al. 2016, arXiv:1511.05641), here with zeros
in place of copies: new channels begin as in a new network, and no old one looks at them yet. The
first step changes that.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from fancgan.errors import UserError

# A decoder's first convolution sees what comes from below, then the skip connection, which has as
# many channels as it returns. `scale` has one row for each channel that it sees.
DECODER = re.compile(r"(\w+\.decoder\.\d+\.conv1\.(?:conv\.)*)(weight|scale\.weight|scale\.bias)")
# Means then root mean squares; scales then shifts.
HALVES = {"style_encoder.head.weight": 1}
MAPPING = "generator.mapping.layers.0.weight"  # sees the statistics, then the latent
AFFINE = re.compile(r".*\.affine\.(weight|bias)")


def load_initial(networks: dict[str, nn.Module], tensors: dict[str, Tensor], source: str) -> None:
    """Let a training begin with published weights, keys "name.parameter" as RunFolder.save writes.

    Filters that have more input channels than the published ones see nothing through these at
    first; those of the noise, which learn slowly, see them as a new network does. Raises UserError
    where a network is narrower than the published one, or differs otherwise.
    """
    state = {
        f"{name}.{key}": value
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    theirs = {key: value for key, value in tensors.items() if key.split(".")[0] in networks}
    for key in sorted(state.keys() | theirs.keys()):
        if key not in state or key not in theirs or not _fits(key, theirs, state):
            raise UserError(
                f"The weights of {source} are of another architecture ({key} is "
                f"{_shape(theirs.get(key))}, not {_shape(state.get(key))}); choose the "
                "--preset that they have, and --widths that are theirs or greater."
            )
    for key in state:
        _put(key, theirs, state)
    for name, network in networks.items():
        own = {key: value for key, value in state.items() if key.startswith(f"{name}.")}
        network.load_state_dict({key.removeprefix(f"{name}."): v for key, v in own.items()})


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else str(list(tensor.shape))


def _parts(key: str, axis: int, tensors: dict[str, Tensor]) -> list[int]:
    """Sizes of the parts that an axis of a tensor joins; mostly one, of its whole length."""
    size = tensors[key].shape[axis]
    match = DECODER.fullmatch(key)
    if match and axis == (match[2] == "weight"):
        across = tensors[match[1] + "weight"].shape[0]
        return [size - across, across]
    if key == MAPPING and axis == 1:
        latent = tensors["style_encoder.head.weight"].shape[0] // 2
        return [size - latent, latent]
    if HALVES.get(key) == axis or (axis == 0 and AFFINE.fullmatch(key)):
        return [size // 2, size // 2]
    return [size]


def _fits(key: str, given: dict[str, Tensor], state: dict[str, Tensor]) -> bool:
    small, large = given[key].shape, state[key].shape
    if len(small) != len(large) or small[2:] != large[2:]:
        return False
    return all(
        a <= b
        for axis in range(min(2, len(small)))
        for a, b in zip(_parts(key, axis, given), _parts(key, axis, state), strict=True)
    )


def _put(key: str, given: dict[str, Tensor], state: dict[str, Tensor]) -> None:
    """Copy a published tensor to where its channels are in a wider one, in place."""
    small, value = given[key].to(state[key].dtype), state[key]
    if not small.ndim:
        value.copy_(small)
        return
    rows, *columns = (
        _places(_parts(key, axis, given), _parts(key, axis, state))
        for axis in range(min(2, small.ndim))
    )
    if not columns:
        value[rows] = small
        return
    if not key.endswith(".noise.weight"):
        value[rows] = 0
    value[rows[:, None], columns[0]] = small


def _places(small: list[int], large: list[int]) -> Tensor:
    """Where the members of parts lie once each part has grown at its end."""
    starts = [sum(large[:k]) for k in range(len(large))]
    return torch.cat([s + torch.arange(n) for s, n in zip(starts, small, strict=True)])
