"""Train on folders of image / mask pairs: the cycle on one, particle network or painter on several.

    accelerate launch train.py --data DIR --run runs/NAME [--preset small|paper] [--steps N]
    accelerate launch train.py --preset particles|painter --data DIR DIR:tsem DIR=2 --run runs/NAME

Running the same command again resumes. Ctrl-C and SIGTERM save first.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fancgan.errors import UserError
from fancgan.hardware import tune_allocator
from fancgan.networks.config import CRITIC_NAMES, PRESETS, ModelConfig
from fancgan.training.any_look.config import PRESET as PAINTER
from fancgan.training.any_look.config import PainterTrainConfig
from fancgan.training.any_particle.config import PRESET as PARTICLES
from fancgan.training.any_particle.config import ParticleTrainConfig
from fancgan.training.config import OBJECTIVES, TRAINING_PRESETS, TrainConfig
from fancgan.training.flags import flag_name

if TYPE_CHECKING:
    from fancgan.datasets.sources import DataSource
    from fancgan.training.run.training_run import TrainingRun

CYCLE_ONLY = ("modulation", "upsampling", "critic", "no_attention_gates", "objective")
# The presets that learn from several folders, and their settings; all others train the cycle.
Settings = TrainConfig | ParticleTrainConfig | PainterTrainConfig
OF_SEVERAL: dict[str, type[ParticleTrainConfig] | type[PainterTrainConfig]] = {
    PARTICLES: ParticleTrainConfig,
    PAINTER: PainterTrainConfig,
}


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        nargs="+",
        metavar="DIR[:MODALITY][=WEIGHT]",
        required=True,
        help="folder of image / mask pairs; several for --preset particles or painter, where an "
        "image of WEIGHT 2 is drawn twice as often as one of WEIGHT 1 [1]",
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--init",
        metavar="BUNDLE",
        help="fine-tune: folder or name of a bundle whose weights to begin with; "
        "particles, painter: also a run or a weights file",
    )
    parser.add_argument("--preset", choices=sorted([*PRESETS, *OF_SEVERAL]), default="small")
    parser.add_argument("--modality", choices=("sem", "tsem"), help="where the folder holds both")
    parser.add_argument("--modulation", choices=("demod", "adain"), help="default: the preset's")
    parser.add_argument("--upsampling", choices=("nearest", "bilinear"), help="of the generator")
    parser.add_argument("--critic", choices=CRITIC_NAMES, help="default: the preset's")
    parser.add_argument("--widths", type=int, nargs="+", help="channels per level, fine to coarse")
    parser.add_argument("--no-attention-gates", action="store_true", help="ablation")
    parser.add_argument(
        "--objective", choices=tuple(OBJECTIVES), default="full", help="the paper's baselines"
    )
    _add_settings(parser)
    return parser.parse_args(argv)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """The fields of all kinds of settings as flags; None where one is not given."""
    shown: set[str] = set()
    for preset, kind in (("small", TrainConfig), *OF_SEVERAL.items()):
        group = (
            parser if kind is TrainConfig else parser.add_argument_group(f"of --preset {preset}")
        )
        for f in dataclasses.fields(kind):
            if f.name not in shown:
                shown.add(f.name)
                group.add_argument(
                    flag_name(f.name),
                    type=type(f.default),
                    choices=f.metadata["choices"],
                    help=f"{f.metadata['help']} [{_defaults(f)}]",
                )


def _defaults(setting: dataclasses.Field) -> str:
    """The default of a setting, and those of further presets where they differ."""
    said = str(setting.default)
    for preset, kind in OF_SEVERAL.items():
        theirs = {f.name: f.default for f in dataclasses.fields(kind)}
        if theirs.get(setting.name, setting.default) != setting.default:
            said += f"; {preset}: {theirs[setting.name]}"
    return said


def choose_model(args: argparse.Namespace) -> ModelConfig:
    """The preset with the asked changes."""
    changes: dict = {}
    for name in ("modulation", "upsampling", "critic"):
        if getattr(args, name):
            changes[name] = getattr(args, name)
    if args.widths:
        changes["widths"] = tuple(args.widths)
    if args.no_attention_gates:
        changes["attention_gates"] = False
    return dataclasses.replace(PRESETS[args.preset], **changes)


def choose_training(args: argparse.Namespace) -> Settings:
    """The preset's settings, less what the objective drops, changed by the given flags."""
    kind = OF_SEVERAL.get(args.preset, TrainConfig)
    _refuse_foreign_flags(args, kind)
    names = (f.name for f in dataclasses.fields(kind))
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if kind is not TrainConfig:
        return kind(**given)
    dropped = dict.fromkeys(OBJECTIVES[args.objective], 0.0)
    return dataclasses.replace(TRAINING_PRESETS[args.preset], **{**dropped, **given})


def _refuse_foreign_flags(args: argparse.Namespace, kind: type) -> None:
    """Raise UserError for a flag that is given and that the preset does not have."""
    own = {f.name for f in dataclasses.fields(kind)}
    kinds = (TrainConfig, *OF_SEVERAL.values())
    every = dict.fromkeys(f.name for k in kinds for f in dataclasses.fields(k))
    foreign = [name for name in every if name not in own]
    foreign += CYCLE_ONLY if kind is not TrainConfig else ()
    foreign += ["widths"] if kind is ParticleTrainConfig else []
    for name in foreign:
        value = getattr(args, name)
        if not (value is None or value is False or value == "full"):
            raise UserError(
                f"{flag_name(name)} does not go with --preset {args.preset}; leave it out, or "
                "choose another --preset."
            )


def choose_data(args: argparse.Namespace) -> list[DataSource]:
    """The named data sets: one, unless the preset learns from several."""
    from fancgan.datasets.sources import parse_source

    sources = [parse_source(words) for words in args.data]
    several = args.preset in OF_SEVERAL
    if not several and len(sources) > 1:
        raise UserError(
            f"--preset {args.preset} learns from one folder, and --data names {len(sources)}; "
            f"give one, or --preset {PARTICLES} or {PAINTER}."
        )
    if not several and sources[0].weight != 1:
        raise UserError(f"--preset {args.preset} learns from one folder, which takes no weight.")
    if args.modality and (len(sources) > 1 or sources[0].modality):
        raise UserError("--modality is for one folder; write --data DIR:sem DIR:tsem.")
    if args.modality:
        sources = [dataclasses.replace(sources[0], modality=args.modality)]
    return sources


def check_data(data: Path, modality: str | None, crop_px: int, paints: bool) -> None:
    """Say what is odd about the data set, and stop at what would spoil the training.

    Pictures of many sources, for presets that learn from several, have many oddities: only their
    number.
    """
    from fancgan.datasets.check import preflight

    findings = preflight(data, modality, crop_px=crop_px, paints=paints)
    errors = [f.sentence for f in findings if f.level == "error"]
    odd = [f.sentence for f in findings if f.level == "warning"]
    if odd and not paints:
        odd = [f"{data} has {len(odd)} oddities: python -m fancgan check {data} lists them."]
    for sentence in odd if os.environ.get("RANK", "0") == "0" else ():
        print(f"warning: {sentence}", file=sys.stderr)
    if errors:
        more = f" ({len(errors) - 1} more: python -m fancgan check {data})" if errors[1:] else ""
        raise UserError(errors[0] + more)


def train(args: argparse.Namespace) -> bool:
    tune_allocator()
    config, sources = choose_training(args), choose_data(args)
    for source in sources:
        paints = args.preset not in OF_SEVERAL
        check_data(source.path, source.modality, config.crop_px, paints=paints)
    begin: Callable = BEGINNINGS.get(args.preset, begin_cycle)
    training: TrainingRun = begin(args, config, sources)
    try:
        done = training.run()
    finally:
        training.close()
    if training.accelerator.is_main_process:
        state = "done" if done else "stopped; the same command resumes it"
        print(f"{args.run}: step {training.step} of {config.all_steps}, {state}.")
    return done


def begin_particles(
    args: argparse.Namespace, config: ParticleTrainConfig, sources: list[DataSource]
) -> TrainingRun:
    from fancgan.training.any_particle.build import read_initial
    from fancgan.training.any_particle.loop import ParticleTraining
    from fancgan.training.any_particle.pictures import load_sets

    initial, source = read_initial(args.init) if args.init else (None, None)
    sets = load_sets(sources, config.aside_every)
    return ParticleTraining(config, run_dir=args.run, sets=sets, initial=initial, source=source)


def begin_painter(
    args: argparse.Namespace, config: PainterTrainConfig, sources: list[DataSource]
) -> TrainingRun:
    from fancgan.networks.painter.config import PainterConfig
    from fancgan.training.any_look.build import read_painter
    from fancgan.training.any_look.loop import PainterTraining
    from fancgan.training.any_particle.pictures import load_sets

    model = PainterConfig(widths=tuple(args.widths)) if args.widths else PainterConfig()
    initial, source = read_painter(args.init, model) if args.init else (None, None)
    sets = load_sets(sources, aside_every=0)
    return PainterTraining(
        model, config, run_dir=args.run, sets=sets, initial=initial, source=source
    )


def begin_cycle(
    args: argparse.Namespace, config: TrainConfig, sources: list[DataSource]
) -> TrainingRun:
    from fancgan.datasets.fields import list_files, load_fields
    from fancgan.training.loop import Training

    folder, modality = sources[0].path, sources[0].modality
    train_fields = load_fields(folder, "train", modality)
    val_fields = load_fields(folder, "val", modality)
    data = {
        "name": folder.resolve().name,
        "modality": list_files(folder, modality).modality,
        "nm_per_px": next((f.nm_per_px for f in train_fields if f.nm_per_px), None),
        "train_stems": [f.stem for f in train_fields],
        "val_stems": [f.stem for f in val_fields],
    }
    initial = None
    if args.init:
        from safetensors.torch import load

        from fancgan.pretrained.bundle import WEIGHTS
        from fancgan.pretrained.find import find_bundle

        bundle = find_bundle(args.init)
        if not bundle.paints:
            raise UserError(
                f"The bundle {args.init} holds a segmenter and no generator; give --init one with "
                f"both, or train a segmenter alone: --preset {PARTICLES}."
            )
        initial = load(bundle.read(WEIGHTS))
        data["init"] = f"{bundle.config['name']} {bundle.revision}"
    return Training(
        choose_model(args),
        config,
        run_dir=args.run,
        train_fields=train_fields,
        val_fields=val_fields,
        data=data,
        initial=initial,
    )


BEGINNINGS: dict[str, Callable] = {PARTICLES: begin_particles, PAINTER: begin_painter}


def main() -> int:
    args = parse_arguments()
    try:
        train(args)
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":
            print(f"train.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
