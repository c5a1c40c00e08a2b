"""The arms of the study: each is a set of flags of train.py and a choice of data, never code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALL = 0  # of the annotated fields
FEW = (1, 2, 4, 8, 16)
# The segmenter alone: nothing is painted, so nothing needs the bank of painted features.
SEGMENTER = ("--steps", "0", "--w-kernel", "0")
CYCLE = ("--segmenter-steps", "0")
NO_CYCLE = ("--w-cycle-mask", "0", "--w-cycle-l1", "0", "--w-cycle-perceptual", "0")
# VGG-19's weights are downloaded; these features are at hand everywhere, and those of all arms. So
# are the widths: what is compared is the method, not its size.
PAPER = ("--preset", "paper", "--perceptual", "efficientnet", "--widths", "16", "32", "64", "128")
PAPER += ("256",)


@dataclass(frozen=True)
class Arm:
    """A row of the study.

    group: the question it belongs to, a table of its own. data: "real", "synthetic" or "both", or
    "sparse" or "dense", which are the real fields with few and with many particles. bundle: is
    judged as it is, instead of a training. empty: why nobody can run it; such a row says that.
    """

    group: str
    name: str
    words: str
    flags: tuple[str, ...] = ()
    data: str = "real"
    bundle: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Cell:
    """One training and its judgement: an arm, how many fields (ALL = 0), and a seed."""

    arm: Arm
    fields: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.arm.group}-{self.arm.name}-k{self.fields or 'all'}-s{self.seed}"


def loss(name: str, words: str) -> Arm:
    return Arm("segmenter", name, words, (*SEGMENTER, "--mask-loss", name))


def cycle(name: str, words: str, *flags: str, empty: str = "") -> Arm:
    return Arm("cycle", name, words, (*CYCLE, *flags), empty=empty)


HELP = (
    Arm("help", "real", "real pairs alone", SEGMENTER),
    Arm("help", "synthetic", "synthetic pairs alone", SEGMENTER, data="synthetic"),
    Arm("help", "both", "both, half of the crops each", SEGMENTER, data="both"),
    Arm(
        "help",
        "generalist",
        "the generalist, fine-tuned on real pairs",
        empty="it is trained by another preset with steps of its own, which are not equal terms; "
        "as it ships it stands below",
    ),
)
READY = (
    Arm("ready", "tio2-sem", "the bundle tio2-sem as it ships", bundle="tio2-sem"),
    Arm("ready", "particles", "the bundle particles as it ships", bundle="particles"),
)
# Beside HELP's real pairs, which have cross-entropy + Dice and attention gates.
PARTS = (
    Arm("segmenter", "no-gates", "no attention gates", (*SEGMENTER, "--no-attention-gates")),
    loss("ce", "cross-entropy"),
    loss("tversky", "Tversky"),
    loss("focal_tversky", "Focal Tversky"),
    loss("focal_ce_tversky", "Focal CE + Tversky (the paper's)"),
)
CYCLES = (
    cycle("ours", "ours"),
    cycle("paper", "the paper's configuration, at these widths", *PAPER),
    cycle("gan", "GAN alone: no cycle, no paired image losses", "--objective", "gan"),
    cycle(
        "cyclegan",
        "CycleGAN: no paired losses, the core head neither",
        *("--objective", "cyclegan", "--w-core", "0"),
    ),
    cycle("no-cycle", "no cycle", *NO_CYCLE),
    cycle("no-mask-critic", "no mask critic", "--w-adv-mask", "0"),
    cycle("no-style-statistics", "no style statistics", "--w-style-statistics", "0"),
    cycle(
        "as-published",
        "the authors' code: dead style, argmax cycle, resized and eroded masks",
        empty="no flag resizes or erodes masks, cuts the style off, or stops the gradient of the "
        "cycle at an argmax, and none is meant to",
    ),
    cycle(
        "no-noise",
        "noise off",
        empty="no flag: the generator's noise is part of its scripted interface",
    ),
)
EXTRAPOLATION = (
    Arm("extrapolation", "sparse", "trained on sparse fields", SEGMENTER, data="sparse"),
    Arm("extrapolation", "dense", "trained on dense fields", SEGMENTER, data="dense"),
)


def study(seeds: Sequence[int]) -> list[Cell]:
    """All cells, the most telling first; one seed of all arms of a question before the next."""
    cells = [Cell(arm, ALL, seed) for seed in seeds for arm in HELP]
    cells += [Cell(arm, ALL, 0) for arm in (*READY, *PARTS, *EXTRAPOLATION, *CYCLES)]
    cells += [Cell(arm, k, 0) for k in FEW for arm in HELP]
    for seed in seeds[1:]:
        cells += [Cell(arm, ALL, seed) for arm in (*PARTS, *EXTRAPOLATION, *CYCLES)]
        cells += [Cell(arm, k, seed) for k in FEW for arm in HELP]
    return cells
