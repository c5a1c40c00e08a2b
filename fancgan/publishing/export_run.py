"""From a run's weights to a bundle: scripted, checked, measured, sealed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

import fancgan
from fancgan.datasets.fields import Field, list_files, load_fields
from fancgan.errors import UserError
from fancgan.evaluation import metrics
from fancgan.evaluation.evaluate import evaluate_bundle
from fancgan.evaluation.segmentation import pooled_ap50, score_segmentation, size_errors
from fancgan.networks.config import STAT_NAMES
from fancgan.networks.deploy import FRAME_MARGIN_PX, Networks
from fancgan.particles.instances import decode_instances
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import CARD, WEIGHTS, Bundle, replacing, seal
from fancgan.publishing.data_sources import data_facts
from fancgan.publishing.export_particles import export_particles, particle_record
from fancgan.publishing.model_card import write_card
from fancgan.publishing.module_files import write_modules
from fancgan.publishing.portable import FORMATS, check_formats
from fancgan.publishing.run_weights import read_runs

DEFAULT_POINT = {"threshold": 0.5, "core_threshold": 0.5, "min_area_px": 20, "min_core_px": 40}
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
CORE_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
MIN_CORES_PX = (20, 40, 80, 110, 140, 170, 200, 240, 280, 330, 400)


def export_run(
    runs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | Sequence[str] | None = None,
    name: str | None = None,
    formats: Sequence[str] = ("torchscript",),
    say: Callable[[str], None] = print,
) -> Path:
    """Write the bundle of a training run to the folder `out`, whole or not at all; return it.

    runs: folder of the run, or of several whose weights are averaged (run_weights.py); of
    `--preset particles` its folder, and that of the painter that goes with it.
    data: the data set of the run; its `val` images choose the operating point and give the
    numbers of the model card, otherwise "not measured"; several for a particle network. name: the
    bundle's, default the folder's.
    formats: of portable.FORMATS; TorchScript is always there.
    Raises UserError for a run without weights, an `out` that is something else, bad data, a format
    whose packages are missing.
    """
    out = Path(out)
    check_formats(formats)
    several = [Path(run) for run in ([runs] if isinstance(runs, str | Path) else runs)]
    sets = [str(data)] if isinstance(data, str | Path) else list(data or ())
    particles = particle_record(several, formats)
    if particles is not None:
        painter = several[1] if len(several) > 1 else None
        return export_particles(
            several[0], particles, out, name=name, data=sets, painter=painter, say=say
        )
    if len(sets) > 1:
        raise UserError("A run of the cycle learned from one data set; give --data that one.")
    data = next(iter(sets), None)
    networks, record = read_runs(several)
    modality = record["data"].get("modality") or (list_files(data).modality if data else None)
    fields = load_fields(data, "val", modality) if data else []
    train_fields = load_fields(data, "train", modality) if data else []
    facts = {
        "name": name or out.resolve().name,
        "nm_per_px": record["data"].get("nm_per_px"),
        "data": data_facts(record["data"] | {"modality": modality}),
        "training": record["train"],
    }
    with replacing(out) as stage:
        say("writing the modules, and comparing them with the networks in eager mode")
        config = write_bundle(stage, networks, facts, formats)
        for file, difference in config["largest_difference"].items():
            say(f"    {file:18} largest difference {difference:.1e}")
        if fields:
            say(f"choosing the operating point on {len(fields)} val images")
            pipe = Pipeline(Bundle(stage, config), precision="float32")
            facts["operating_point"] = choose_operating_point(pipe, fields)
            say("    " + ", ".join(f"{k} {v}" for k, v in facts["operating_point"].items()))
            pipe.config["operating_point"] = facts["operating_point"]
            report = evaluate_bundle(pipe, fields, train_fields, progress=say)
            facts["metrics"] = {"split": "val"} | {
                key: report[key] for key in ("images", "seeds_per_image", "seed", "figures")
            }
        finish(stage, config | facts)
    say(f"wrote {out}")
    return out


def write_bundle(
    stage: Path, networks: Networks, facts: dict, formats: Sequence[str] = ("torchscript",)
) -> dict:
    """Write modules, weights, card and configuration to the folder; return the configuration.

    facts: name, nm_per_px, data, and what else is known (operating_point, metrics, training).
    Raises RuntimeError where a written module differs from its network by more than TOLERANCE.
    """
    networks = networks.eval().cpu()
    formats = [name for name in FORMATS if name in ("torchscript", *formats)]
    differences = write_modules(stage, networks, formats)
    save_file(compact_weights(networks), stage / WEIGHTS, metadata={"format": "pt"})
    density = networks.style_density
    config = {
        "name": facts["name"],
        "formats": formats,
        "software": {"fancgan": fancgan.__version__, "torch": torch.__version__},
        "architecture": networks.config.to_dict(),
        "normalisation": {
            "image": "grey levels 0..255 in and out; inside x / 127.5 - 1, clamped",
            "mask": "0 = background, 1 = particle",
            "padding": f"to multiples of {networks.config.multiple} px, cut off again; images and "
            f"noise by reflection, masks by replication and {FRAME_MARGIN_PX} px on every side",
            "inside_the_modules": True,
        },
        "nm_per_px": None,
        "style": {
            "names": list(STAT_NAMES),
            "unit": "grey levels; of the grain, per cent",
            "mean": density.mean.tolist(),
            "sd": density.sd.tolist(),
        },
        "operating_point": DEFAULT_POINT,
        "metrics": None,
        "training": None,
        "largest_difference": differences,
    }
    return finish(stage, config | facts)


def compact_weights(networks: Networks) -> dict[str, Tensor]:
    """Return the weights to fine-tune from, in half precision: a third of the bundle's size less.

    The style density stays as it is: its means are grey levels, and it is a few numbers.
    """
    return {
        key: (value if key.startswith("style_density") else value.half()).contiguous()
        for key, value in networks.state_dict().items()
    }


def finish(stage: Path, config: dict) -> dict:
    """Write the model card that says what the configuration says, then seal the folder."""
    (stage / CARD).write_text(write_card(config), encoding="utf-8", newline="\n")
    return seal(stage, config)


def choose_operating_point(pipe: Pipeline, fields: Sequence[Field]) -> dict:
    """Return the operating point of a bundle on annotated fields.

    The threshold of the mask with the best mean Dice; then, at that threshold, the seeds of
    particles with the best AP50 less the mean relative error of D10, D50 and D90.
    """
    pairs = [(field, *pipe.segment_with_cores(field.image)) for field in fields]

    def mean_dice(threshold: float) -> float:
        return float(np.nanmean([metrics.dice(f.mask, prob > threshold) for f, prob, _ in pairs]))

    threshold = max(THRESHOLDS, key=mean_dice)

    def quality(point: dict) -> float:
        scores = []
        for field, prob, core in pairs:
            labels = decode_instances(prob, core, **point)
            scores.append([score_segmentation(field.mask, field.labels, prob > threshold, labels)])
        return pooled_ap50(scores) - np.nan_to_num(np.abs(size_errors(scores)).mean(), nan=1.0)

    base = DEFAULT_POINT | {"threshold": threshold}
    tried = itertools.product(CORE_THRESHOLDS, MIN_CORES_PX)
    points = [base | {"core_threshold": core, "min_core_px": px} for core, px in tried]
    return max(points, key=quality)
