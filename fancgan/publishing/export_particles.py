"""From a run of the particle network, and of a painter, to a bundle: scripted, compared, sealed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

import fancgan
from fancgan.datasets.fields import Field, load_fields, read_papers
from fancgan.datasets.sources import parse_source
from fancgan.errors import UserError
from fancgan.evaluation.evaluate import evaluate_bundle
from fancgan.networks.particle_net.deployed import DeployedParticleNet
from fancgan.networks.particle_net.stored import PREFIX, load_particle_net
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import CARD, SEGMENTER, WEIGHTS, Bundle, replacing, seal
from fancgan.publishing.data_sources import data_facts_of_sets
from fancgan.publishing.model_card import write_card
from fancgan.publishing.painter_files import (
    PAINTER_PRESET,
    read_painter,
    run_record,
    write_module,
    write_painter,
)
from fancgan.publishing.run_weights import training_facts
from fancgan.segmentation.finding import MIN_AREA_PX, Judgement
from fancgan.training.any_particle.config import PRESET

CHECK_SIZES = ((32, 32), (250, 333))
JUDGEMENT = "judgement.json"


def export_particles(
    run: Path,
    record: dict,
    out: Path,
    *,
    name: str | None = None,
    data: Sequence[str] = (),
    painter: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Write the bundle of a run of `--preset particles` to the folder `out`, whole or not at all.

    record: the run's config.json. painter: folder of a run of `--preset painter`, whose networks
    the bundle paints with; None for a segmenter alone. data: data sets, DIR or DIR:MODALITY, whose
    `val` images the bundle is measured on for its card. Raises UserError for a run without weights
    or judgement, an `out` that is something else, and bad data.
    """
    fields = {source: _val_fields(source) for source in data}
    network = load_particle_net(run / "weights.safetensors")
    judgement = _read_judgement(run / JUDGEMENT)
    painting = read_painter(painter) if painter else None
    with replacing(out) as stage:
        say("writing the modules, and comparing them with the networks in eager mode")
        differences = {SEGMENTER: write_segmenter(stage / SEGMENTER, network)}
        weights = {PREFIX + key: value for key, value in network.network.state_dict().items()}
        if painting:
            differences |= write_painter(stage, painting.networks)
            weights |= painting.networks.state_dict()
        for file, difference in differences.items():
            say(f"    {file:18} largest difference {difference:.1e}")
        halves = {key: value.half().contiguous() for key, value in weights.items()}
        save_file(halves, stage / WEIGHTS, metadata={"format": "pt"})
        config = {
            "name": name or out.resolve().name,
            "formats": ["torchscript"],
            "software": {"fancgan": fancgan.__version__, "torch": torch.__version__},
            "architecture": record["model"] | (painting.architecture if painting else {}),
            "normalisation": {
                "image": "grey levels 0..255 in; inside the 1 % and 99 % quantiles at -1 and 1",
                "inside_the_modules": True,
            },
            "nm_per_px": None,
            "operating_point": {"threshold": judgement.threshold, "min_area_px": MIN_AREA_PX},
            "judgement": judgement.to_dict(),
            "data": data_facts_of_sets(record["data"]),
            "metrics": None,
            "training": training_facts(run, record),
            "largest_difference": differences,
        }
        if painting:
            config["painter"] = painting.facts
        sealed = _finish(stage, config)
        if fields:
            pipe = Pipeline(Bundle(stage, sealed), precision="float32")
            _finish(stage, config | {"metrics": _measure(pipe, fields, say)})
    say(f"wrote {out}")
    return out


def _finish(stage: Path, config: dict) -> dict:
    (stage / CARD).write_text(write_card(config), encoding="utf-8", newline="\n")
    return seal(stage, config)


def _val_fields(source: str) -> tuple[list[Field], dict[str, str]]:
    """The validation fields of a data set, and which of them are of one source."""
    named = parse_source(source)
    fields = load_fields(named.path, "val", named.modality)
    return fields, read_papers(named.path)


def _measure(pipe: Pipeline, fields: dict, say: Callable[[str], None]) -> dict:
    sets = {}
    for source, (pictures, papers) in fields.items():
        name = parse_source(source).name
        say(f"measuring on {len(pictures)} val images of {name}")
        report = evaluate_bundle(pipe, pictures, seeds=2 * pipe.any_look, sources=papers)
        sets[name] = {key: report[key] for key in ("images", "figures")}
    return {"split": "val", "sets": sets}


def particle_record(runs: Sequence[Path], formats: Sequence[str]) -> dict | None:
    """Return the record of a run of `--preset particles`, None where the first run is no such.

    Raises UserError for what cannot be exported with it, and for a format that their bundles do not
    come in.
    """
    record = run_record(runs[0])
    if not record or record["model"].get("preset") != PRESET:
        return None
    others = [run_record(run) for run in runs[1:]]
    painters = [r for r in others if r and r["model"].get("preset") == PAINTER_PRESET]
    if len(painters) != len(others) or len(others) > 1 or set(formats) != {"torchscript"}:
        raise UserError(
            f"A run of --preset {PRESET} is exported alone or with one of --preset "
            f"{PAINTER_PRESET} behind it, and as torchscript; leave out the other runs and "
            "--formats."
        )
    return record


def _read_judgement(path: Path) -> Judgement:
    try:
        return Judgement.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(
            f"{path.parent} has no {path.name}: the training ends with it, so run the same "
            "train.py command to the end first."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged; delete it and run train.py again.") from error


def write_segmenter(path: Path, network: DeployedParticleNet) -> float:
    """Write the segmenter of a bundle; see write_module."""

    def inputs(draws: torch.Generator) -> Iterator[tuple]:
        for height, width in CHECK_SIZES:
            yield 255 * torch.rand(1, 1, height + 10, width + 7, generator=draws), height, width

    return write_module(path, network, inputs)
