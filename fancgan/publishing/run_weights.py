"""The networks of a finished run, or the mean of several that began from the same weights.

Fine-tunings of one start, with other seeds or batches, end in one basin: the mean of their weights
is as good as the best of them or better (Wortsman et al. 2022, arXiv:2203.05482), and costs nothing
when it paints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from fancgan.errors import UserError
from fancgan.networks.config import ModelConfig
from fancgan.networks.deploy import Networks
from fancgan.networks.weights_file import checked_weights


def read_runs(runs: Sequence[Path]) -> tuple[Networks, dict]:
    """Return the mean networks of run folders and what is known of the training.

    That is the config.json of the first run, its "train" with `trained_steps`, `hardware` and
    `init`; of several runs, "averaged" lists what each of them has of its own.
    Raises UserError for a run that `read_run` refuses, and for several of different networks, data
    or initial weights.
    """
    read = [read_run(run) for run in runs]
    networks, first = read[0]
    facts = training_facts(runs[0], first)
    if len(runs) > 1:
        for run, (_, record) in zip(runs[1:], read[1:], strict=True):
            _check_kinship(runs[0], first, run, record)
        networks.load_state_dict(_mean([each.state_dict() for each, _ in read]))
        trained = [training_facts(run, record) for run, (_, record) in zip(runs, read, strict=True)]
        common = {k: v for k, v in facts.items() if all(t.get(k) == v for t in trained)}
        own = [{k: v for k, v in each.items() if k not in common} for each in trained]
        facts = common | {"averaged": own}
    return networks, first | {"train": facts}


def read_run(run: Path) -> tuple[Networks, dict]:
    """Return the networks of a run folder with its weights, and its config.json."""
    for name in ("config.json", "weights.safetensors"):
        if not (run / name).is_file():
            raise UserError(
                f"{run} has no {name}, so there is nothing to export; name the folder of a run "
                "that has saved its weights."
            )
    try:
        record = json.loads((run / "config.json").read_text(encoding="utf-8"))
        networks = Networks(ModelConfig.from_dict(record["model"]))
        record = {"data": {}, "train": {}} | record
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{run / 'config.json'} is not the record of a run.") from error
    weights = checked_weights(run / "weights.safetensors")
    wanted = networks.state_dict()
    strange = [k for k, v in wanted.items() if k not in weights or weights[k].shape != v.shape]
    if strange:
        raise UserError(
            f"{run / 'weights.safetensors'} does not fit {run / 'config.json'}: {strange[0]} and "
            f"{len(strange) - 1} others are missing or of another size. If another version of this "
            "program trained it, export it with that one."
        )
    networks.load_state_dict({key: weights[key] for key in wanted})
    return networks.eval().requires_grad_(False), record


def last_step(run: Path) -> dict:
    """Return {"trained_steps": n} from the last whole line of the run's log, {} without one."""
    log = run / "log.jsonl"
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    for line in reversed(text.splitlines()):
        try:
            return {"trained_steps": int(json.loads(line)["step"])}
        except (ValueError, KeyError, TypeError):
            continue  # a line cut short by a kill
    return {}


def training_facts(run: Path, record: dict) -> dict:
    """Return how a run was trained: its settings, and what became of them."""
    beside = {"hardware": record.get("hardware"), "init": record["data"].get("init")}
    return record["train"] | last_step(run) | beside


def _check_kinship(run: Path, record: dict, other: Path, its: dict) -> None:
    parts = {
        "networks": (record["model"], its["model"]),
        "data": [{k: v for k, v in r["data"].items() if k != "init"} for r in (record, its)],
        "initial weights": (record["data"].get("init"), its["data"].get("init")),
    }
    for what, (mine, theirs) in parts.items():
        if mine != theirs:
            raise UserError(
                f"{run} and {other} have different {what}: only runs that were fine-tuned from the "
                "same weights on the same data have a mean; export them one by one."
            )
    if not record["data"].get("init"):
        raise UserError(
            f"{run} and {other} began from random weights, and their mean would be noise; export "
            "them one by one, or fine-tune them from one bundle (train.py --init)."
        )


def _mean(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {
        key: torch.stack([state[key].double() for state in states]).mean(0).to(value.dtype)
        for key, value in states[0].items()
    }
