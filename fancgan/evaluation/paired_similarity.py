"""Each synthetic image against the one real image of its mask: SSIM, PSNR and, by wish, LPIPS.

No goal: noise that is right and new scores worse than none. They are here because others report
them, beside two trivial painters that show what they are worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from fancgan.datasets.fields import Field
from fancgan.errors import UserError
from fancgan.evaluation.report import Figure, over_images
from fancgan.networks.config import GREY_PER_UNIT

Score = Callable[[NDArray, NDArray], float]


def paired_scores(lpips: bool = False, device: str = "cpu") -> dict[str, Score]:
    """Return {name: score of (real, fake), both uint8 [H, W]}.

    Raises UserError where LPIPS is asked for and its weights cannot be had.
    """
    from skimage.metrics import structural_similarity

    ssim = partial(structural_similarity, data_range=255)
    scores: dict[str, Score] = {"ssim": ssim, "psnr": psnr}
    if lpips:
        scores["lpips"] = _lpips(device)
    return scores


def psnr(real: NDArray, fake: NDArray) -> float:
    """Return the peak signal-to-noise ratio in dB of pictures in 0..255; inf where they agree."""
    error = float(np.mean((real.astype(np.float64) - fake) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def _lpips(device: str) -> Score:
    """LPIPS with AlexNet (Zhang et al. 2018, arXiv:1801.03924), as the field reports it."""
    try:
        import lpips

        network = lpips.LPIPS(net="alex", verbose=False).eval().requires_grad_(False).to(device)
    except (ImportError, OSError) as error:
        raise UserError(
            "LPIPS needs the package lpips and torchvision's AlexNet weights, which are downloaded "
            "once: go online for the first run, or evaluate without --lpips."
        ) from error

    def distance(real: NDArray, fake: NDArray) -> float:
        both = np.stack([real, fake]).astype(np.float32) / GREY_PER_UNIT - 1
        pair = torch.from_numpy(both)[:, None, None].expand(-1, -1, 3, -1, -1).to(device)
        with torch.inference_mode():
            return float(network(*pair))

    return distance


def paired_figures(
    fields: Sequence[Field],
    fakes: list[list[NDArray]],
    painted: dict[str, list[NDArray]],
    scores: dict[str, Score],
) -> dict[str, Figure]:
    """Return one figure per score: fakes[field][seed], and painted[name][field] for reference."""

    def mean_scores(score: Score, rows: list[list[NDArray]]) -> list[float]:
        pairs = zip(fields, rows, strict=True)
        return [float(np.mean([score(f.image, image) for image in row])) for f, row in pairs]

    return {
        name: over_images(
            f"{name.upper()} to the one real image of the mask: no goal, trivial painters excel",
            mean_scores(score, fakes),
            lambda drawn: float(np.mean(drawn)),
            of="synthetic images",
            n=sum(len(row) for row in fakes),
            unit="dB" if name == "psnr" else "",
            references={
                key: float(np.mean(mean_scores(score, [[image] for image in images])))
                for key, images in painted.items()
            },
        )
        for name, score in scores.items()
    }
