"""A painter's styles in words: grey levels of ground, contrast and noise, asked for and read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fancgan.networks.painter.config import DEPTH_KNOTS, FAR_KNOTS, FLOOR_GREY, LOOK

GREY = 127.5
RANGES = {"background": (0.0, 255.0), "contrast": (-255.0, 255.0), "noise": (0.0, 40.0)}
DARK_GREY, BRIGHT_GREY = 85, 160
WEAK_GREY, STRONG_GREY = 60, 120
EDGE_SHARE, NOISY, ROUGH = 0.15, 0.08, 0.15  # of the contrast
TEXTURE_OCTAVES = 4
DRAWN_GRAINS = 4  # that a draft is given; coarser ones are structure rather than noise
BESIDE = np.array(FAR_KNOTS) >= 6  # beyond halo and blur of the outline
WITHIN = np.array(DEPTH_KNOTS) >= 4


@dataclass(frozen=True, eq=False)
class LookScale:
    """What a painter's styles are in grey levels.

    mean, sd [LOOK.count]: by which its looks are standardised. mixing [OCTAVES, grains]: what noise
    of deviation 1 has in each octave (octaves.Grain).
    """

    mean: NDArray[np.float32]
    sd: NDArray[np.float32]
    mixing: NDArray[np.float32]

    def levels(self, vector: NDArray) -> dict[str, float]:
        """Return what a style [style_dim] asks for: background, contrast, noise, in grey levels.

        The background's mean beyond the halo of an outline, how much brighter particles are within
        theirs, and the standard deviation of the background's noise, which is its fine grain.
        """
        from scipy.optimize import nnls  # as slow to import as a start can do without

        look = self._look(vector)
        ground = look[LOOK.far][BESIDE].mean()
        particle = look[LOOK.depth][:-1][WITHIN].mean() + look[LOOK.depth][-1]
        power, _ = nnls(self.mixing.astype(float), np.exp(2 * look[LOOK.common_ground]))
        noise = float(np.sqrt(power[:DRAWN_GRAINS].sum())) * GREY
        return {
            "background": float((ground + 1) * GREY),
            "contrast": float((particle - ground) * GREY),
            "noise": noise,
        }

    def with_levels(
        self,
        vector: NDArray,
        background: float | None = None,
        contrast: float | None = None,
        noise: float | None = None,
    ) -> NDArray[np.float32]:
        """Return the style [style_dim] with these levels; None leaves what the vector says.

        Another background moves the particles along; another contrast moves all of them alike;
        another noise makes all texture so much stronger, of particles too.
        """
        found, look = self.levels(vector), self._look(vector)
        if background is not None:
            look[LOOK.far] += (background - found["background"]) / GREY
            look[LOOK.depth][:-1] += (background - found["background"]) / GREY
        if contrast is not None:
            look[LOOK.depth][:-1] += (contrast - found["contrast"]) / GREY
        if noise is not None:
            louder = np.log(max(noise, FLOOR_GREY) / max(found["noise"], FLOOR_GREY))
            for part in (LOOK.ground, LOOK.particle, LOOK.common_ground, LOOK.common_particle):
                look[part] += louder
        changed = np.array(vector, np.float32)
        changed[: LOOK.count] = (look - self.mean) / self.sd
        return changed

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the grey levels (from, to) that each level may be asked for."""
        return dict(RANGES)

    def words(self, vector: NDArray) -> str:
        """Return what a style [style_dim] looks like: polarity, edges, grain of both regions."""
        found, look = self.levels(vector), self._look(vector)
        contrast, ground = found["contrast"], found["background"]
        side = "Bright" if contrast > 0 else "Dark"
        tone = "dark" if ground < DARK_GREY else "bright" if ground > BRIGHT_GREY else "grey"
        parts = [f"{side} particles on a {tone} ground"]
        if abs(contrast) < WEAK_GREY:
            parts.append("weak contrast")
        elif abs(contrast) > STRONG_GREY:
            parts.append("strong contrast")
        rim = (look[LOOK.depth][:2].max() + 1) * GREY
        if rim - max(ground, ground + contrast) > EDGE_SHARE * abs(contrast):
            parts.append("bright edges")
        texture = np.exp(2 * look[LOOK.particle][:TEXTURE_OCTAVES]).sum()
        noise, rough = (x / max(abs(contrast), 20.0) for x in (found["noise"], texture**0.5 * GREY))
        parts.append("noisy" if noise > NOISY else "rough particles" if rough > ROUGH else "smooth")
        return ", ".join(parts)

    def _look(self, vector: NDArray) -> NDArray[np.float64]:
        return (self.mean + self.sd * np.asarray(vector)[: LOOK.count]).astype(np.float64)


def named_looks(scale: LookScale, styles: NDArray) -> list[tuple[str, NDArray]]:
    """Return styles [K, style_dim] with what they look like, numbered where words are the same."""
    words = [scale.words(style) for style in styles]
    counts = [words[: k + 1].count(name) for k, name in enumerate(words)]
    names = [f"{name} ({n})" if n > 1 else name for name, n in zip(words, counts, strict=True)]
    return list(zip(names, styles, strict=True))
