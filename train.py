"""Train the cycle on a folder of image / mask pairs.

    accelerate launch train.py --data DIR --run runs/NAME [--preset small|paper] [--steps N]

Running the same command again resumes. Ctrl-C and SIGTERM save first.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from fancgan.errors import UserError
from fancgan.hardware import tune_allocator
from fancgan.networks.config import CRITIC_NAMES, PRESETS, ModelConfig
from fancgan.training.config import OBJECTIVES, TRAINING_PRESETS, TrainConfig


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of image / mask pairs")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--init",
        metavar="BUNDLE",
        help="fine-tune: folder or name of a bundle whose weights to begin with",
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--modality", choices=("sem", "tsem"), help="where the folder holds both")
    parser.add_argument("--modulation", choices=("demod", "adain"), help="default: the preset's")
    parser.add_argument("--upsampling", choices=("nearest", "bilinear"), help="of the generator")
    parser.add_argument("--critic", choices=CRITIC_NAMES, help="default: the preset's")
    parser.add_argument("--widths", type=int, nargs="+", help="channels per level, fine to coarse")
    parser.add_argument("--no-attention-gates", action="store_true", help="ablation")
    parser.add_argument(
        "--objective", choices=tuple(OBJECTIVES), default="full", help="the paper's baselines"
    )
    for f in dataclasses.fields(TrainConfig):
        parser.add_argument(
            "--" + f.name.replace("_", "-"),
            type=type(f.default),
            choices=f.metadata["choices"],
            help=f"{f.metadata['help']} [{f.default}]",
        )
    return parser.parse_args(argv)


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


def choose_training(args: argparse.Namespace) -> TrainConfig:
    """The preset's settings, less what the objective drops, changed by the given flags."""
    dropped = dict.fromkeys(OBJECTIVES[args.objective], 0.0)
    names = (f.name for f in dataclasses.fields(TrainConfig))
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    return dataclasses.replace(TRAINING_PRESETS[args.preset], **{**dropped, **given})


def check_data(data: Path, modality: str | None) -> None:
    """Say what is odd about the data set, and stop at what would spoil the training."""
    from fancgan.datasets.check import preflight

    findings = preflight(data, modality)
    errors = [f.sentence for f in findings if f.level == "error"]
    for finding in findings:
        if finding.level == "warning" and os.environ.get("RANK", "0") == "0":
            print(f"warning: {finding.sentence}", file=sys.stderr)
    if errors:
        more = f" ({len(errors) - 1} more: python -m fancgan check {data})" if errors[1:] else ""
        raise UserError(errors[0] + more)


def train(args: argparse.Namespace) -> bool:
    tune_allocator()
    from fancgan.datasets.fields import list_files, load_fields
    from fancgan.training.loop import Training

    config = choose_training(args)
    check_data(args.data, args.modality)
    train_fields = load_fields(args.data, "train", args.modality)
    val_fields = load_fields(args.data, "val", args.modality)
    data = {
        "name": args.data.resolve().name,
        "modality": list_files(args.data, args.modality).modality,
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
        initial = load(bundle.read(WEIGHTS))
        data["init"] = f"{bundle.config['name']} {bundle.revision}"
    training = Training(
        choose_model(args),
        config,
        run_dir=args.run,
        train_fields=train_fields,
        val_fields=val_fields,
        data=data,
        initial=initial,
    )
    try:
        done = training.run()
    finally:
        training.close()
    if training.accelerator.is_main_process:
        state = "done" if done else "stopped; the same command resumes it"
        print(f"{args.run}: step {training.step} of {config.all_steps}, {state}.")
    return done


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
