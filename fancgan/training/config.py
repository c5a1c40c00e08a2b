"""How a model is trained: what travels with its run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fancgan.errors import UserError
from fancgan.training.flags import check_flags, flag

ADVERSARIAL_NAMES = ("hinge", "least_squares")
MASK_LOSS_NAMES = ("ce_dice", "focal_ce_tversky", "ce", "tversky", "focal_tversky")
PERCEPTUAL_NAMES = ("efficientnet", "vgg19", "lpips", "none")
FULL_DISK_ADVICE = "; free some space or choose another --run"  # where a file cannot be written
TRACKER_NAMES = ("tensorboard", "trackio", "wandb", "none")
SPECTRUM_FROM, SYNTHETIC_FROM, CYCLE_IMAGE_FROM = 0.05, 0.2, 0.05  # shares of the training


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. Weights multiply the named terms of `terms.py`; 0 drops a term."""

    steps: int = flag(
        3000, "steps of the cycle; the learning rates decay towards the end; 0: the segmenter alone"
    )
    segmenter_steps: int = flag(
        1000, "further steps at the end for the segmenter alone, which cost a quarter of the others"
    )
    seed: int = flag(0, "seed of weights, crops, styles and noise")
    accumulate: int = flag(
        1, "micro-batches per step and process, which have the gradients averaged", least=1
    )
    batch_size: int = flag(3, "real crops per micro-batch", least=1)
    segmenter_batch: int = flag(6, "further real crops per micro-batch for the segmenter alone")
    random_batch: int = flag(2, "crops per micro-batch painted in a random style", least=1)
    cycle_batch: int = flag(1, "real crops per micro-batch through the backward cycle", least=1)
    crop_px: int = flag(192, "side of a native-resolution crop, a multiple of 16", least=128)
    quarter_turns: float = flag(
        0.0, "share of the painted crops turned by 90 degrees; 0 keeps the direction of the scan"
    )
    procedural_share: float = flag(0.25, "share of drawn layouts among the random-style masks")
    precision: str = flag(
        "auto", "auto is bf16 where the hardware has it", choices=("auto", "bf16", "float32")
    )
    workers: int = flag(0, "processes that prepare crops, per training process")

    lr_generator: float = flag(3e-4, "learning rate of generator and style encoder (Adam)")
    lr_critic: float = flag(3e-4, "learning rate of the critics (Adam)")
    lr_segmenter: float = flag(1e-3, "learning rate of the segmenter (Adam)")
    warmup_steps: int = flag(50, "steps over which the learning rates rise", least=1)
    decay_share: float = flag(0.35, "last share of the steps over which they fall to zero")
    ema: float = flag(0.998, "decay of the exponential moving average of the weights")
    augment: float = flag(0.3, "probability of translation and of cutout before the critics")

    jitter: float = flag(0.2, "probability of blur, and of other contrast, before the segmenter")

    adversarial: str = flag(
        "hinge", "loss of the critics; the paper's is least_squares", choices=ADVERSARIAL_NAMES
    )
    mask_loss: str = flag(
        "ce_dice", "loss of masks; the paper's is focal_ce_tversky", choices=MASK_LOSS_NAMES
    )
    perceptual: str = flag(
        "efficientnet", "features; the paper's are vgg19's", choices=PERCEPTUAL_NAMES
    )

    near_px: int = flag(8, "paired losses count this far outside outlines; 0 is everywhere")
    inside_px: int = flag(4, "and this far inside them; 0 is everywhere")
    l1_blur_px: float = flag(1.0, "sigma of the blur before L1; 0 is the plain L1 of the paper")

    w_adv_image: float = flag(1.0, "weight: image critic")
    w_feature_matching: float = flag(0.0, "weight: features of the image critic, paired")
    w_paired_l1: float = flag(5.0, "weight: L1 of blurred paired images, near outlines")
    w_paired_perceptual: float = flag(2.0, "weight: perceptual distance of paired images")
    w_style_statistics: float = flag(4.0, "weight: measured against asked style statistics")
    w_spectrum: float = flag(3.0, "weight: log radial power spectra")
    w_grey_levels: float = flag(5.0, "weight: W1 distance of grey levels")
    w_profile: float = flag(5.0, "weight: mean levels by distance from the outline")
    w_grain: float = flag(3.0, "weight: autocorrelation of the noise")
    w_texture: float = flag(4.0, "weight: distributions of the responses of line filters")
    w_kernel: float = flag(1.0, "weight: kernel distance of painted and real crops as sets")
    w_kl: float = flag(0.02, "weight: KL divergence of the style encoder")
    w_latent: float = flag(0.5, "weight: latent read back from a random-style image")
    w_paired_mask: float = flag(1.0, "weight: segmenter on real pairs")
    w_core: float = flag(1.0, "weight: core head on real pairs")
    w_synthetic_mask: float = flag(0.1, "weight: segmenter on synthetic pairs, from a fifth")
    w_cycle_mask: float = flag(0.2, "weight: mask read back from a random-style image")
    w_cycle_l1: float = flag(1.0, "weight: L1 of blurred images painted from read-back masks")
    w_cycle_perceptual: float = flag(0.5, "weight: perceptual distance of those")
    w_adv_mask: float = flag(0.05, "weight: mask critic")

    tracker: str = flag(
        "tensorboard", "where the curves go besides log.jsonl and val.jsonl", choices=TRACKER_NAMES
    )
    log_every_steps: int = flag(10, "steps between two lines of log.jsonl", least=1)
    eval_every_steps: int = flag(300, "steps between two validations and sample sheets", least=1)
    save_every_steps: int = flag(50, "steps between two checkpoints", least=1)

    def __post_init__(self) -> None:
        check_flags(self)
        if not self.all_steps:
            raise UserError("--steps and --segmenter-steps are both 0; give one of them.")
        if self.crop_px % 16:
            raise UserError(f"--crop-px {self.crop_px} is no multiple of 16; give one that is.")

    @property
    def all_steps(self) -> int:
        return self.steps + self.segmenter_steps

    def term_weights(self, progress: float) -> dict[str, float]:
        """What each term of painters and segmenter weighs when this share of the steps is done.

        In the order in which they are summed and logged.
        """
        rebuilt = min(1.0, progress / CYCLE_IMAGE_FROM)
        synthetic = self.w_synthetic_mask * (progress >= SYNTHETIC_FROM)
        return {
            "adv_image": self.w_adv_image,
            "adv_mask": self.w_adv_mask,
            "feature_matching": self.w_feature_matching,
            "paired_l1": self.w_paired_l1,
            "paired_perceptual": self.w_paired_perceptual,
            "style_statistics": self.w_style_statistics,
            "spectrum": self.w_spectrum * (progress >= SPECTRUM_FROM),
            "grey_levels": self.w_grey_levels,
            "profile": self.w_profile,
            "grain": self.w_grain,
            "texture": self.w_texture,
            "kernel": self.w_kernel,
            "kl": self.w_kl,
            "latent": self.w_latent,
            "cycle_l1": self.w_cycle_l1 * rebuilt,
            "cycle_perceptual": self.w_cycle_perceptual * rebuilt,
            "cycle_mask": self.w_cycle_mask,
            "cycle_core": self.w_core * self.w_cycle_mask,
            "paired_mask": self.w_paired_mask,
            "paired_core": self.w_core,
            "synthetic_mask": synthetic,
            "synthetic_core": self.w_core * synthetic,
        }

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)


# The paper's losses and weights (section 3). What it does not name stays as it is here, above all
# the measured style statistics: without them z is as dead as in the authors' code.
PAPER_TRAINING = TrainConfig(
    adversarial="least_squares",
    mask_loss="focal_ce_tversky",
    perceptual="vgg19",
    near_px=0,
    inside_px=0,
    l1_blur_px=0.0,
    lr_generator=1e-4,
    lr_critic=1e-4,
    lr_segmenter=1e-4,
    batch_size=2,
    segmenter_batch=0,
    segmenter_steps=0,
    crop_px=256,
    augment=0.2,
    jitter=0.2,
    procedural_share=0.0,
    w_feature_matching=0.0,
    w_spectrum=0.0,
    w_grey_levels=0.0,
    w_profile=0.0,
    w_grain=0.0,
    w_texture=0.0,
    w_kernel=0.0,
    w_paired_mask=50.0,
    w_core=0.02,
    w_synthetic_mask=0.0,
    w_cycle_mask=100.0,
    w_paired_l1=25.0,
    w_paired_perceptual=50.0,
    w_cycle_l1=50.0,
    w_cycle_perceptual=100.0,
    w_adv_mask=1.0,
)
TRAINING_PRESETS = {"small": TrainConfig(), "paper": PAPER_TRAINING}
_PAIRED = (
    "feature_matching",
    "paired_l1",
    "paired_perceptual",
    "spectrum",
    "grey_levels",
    "profile",
    "grain",
    "texture",
    "kernel",
)
_CYCLE = ("cycle_mask", "cycle_l1", "cycle_perceptual")
# Baselines of the paper's comparison: which weights are dropped.
OBJECTIVES = {
    "full": (),
    "gan": tuple(f"w_{name}" for name in (*_PAIRED, *_CYCLE)),
    "cyclegan": tuple(f"w_{name}" for name in (*_PAIRED, "paired_mask")),
}
