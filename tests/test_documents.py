"""The pages keep what they promise: links lead somewhere, commands parse, snippets run."""

from __future__ import annotations

import argparse
import ast
import contextlib
import dataclasses
import importlib
import io
import re
import shlex
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import app
import export
import train
from fancgan.__main__ import build_parser
from fancgan.networks.config import PRESETS
from fancgan.training.any_look.config import PainterTrainConfig
from fancgan.training.config import TrainConfig
from tests.support.documents import Page, page, pages
from tests.support.paths import ROOT

PAGES = pytest.mark.parametrize("document", pages(), ids=lambda document: document.name)
PLACEHOLDERS = {"RANK": "0"}
# What is no program of this repository: the words that such a command begins with.
FOREIGN = ("pip install", "hf auth login", "python3.11 -m venv", "bash tests/run", "sbatch")
SCRIPTS: dict[str, Callable] = {"app.py": app.parse_args, "export.py": export.parse_args}


@PAGES
def test_links_lead_somewhere(document: Page) -> None:
    for link in document.links():
        target, _, anchor = link.partition("#")
        path = (document.path.parent / target).resolve() if target else document.path
        assert path.exists(), f"{document.name}: {link}"
        assert path.is_relative_to(ROOT), f"{document.name}: {link}"
        assert not anchor or anchor in Page(path).anchors(), f"{document.name}: {link}"


def test_every_page_and_picture_is_reached() -> None:
    """The README's index names all pages; no picture lies about unused."""
    linked = {
        (p.path.parent / link.partition("#")[0]).resolve() for p in pages() for link in p.links()
    }
    there = {path for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".png", ".svg")}
    assert there <= linked
    index = {link.partition("#")[0] for link in page("README.md").links()}
    assert index >= {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}


@PAGES
def test_files_that_are_named_are_there(document: Page) -> None:
    names = {
        path.name
        for folder in ("fancgan", "tests", "tools")
        for path in ROOT.glob(f"{folder}/**/*")
    }
    names |= {path.name for path in ROOT.iterdir()}
    for words in document.code():
        if re.fullmatch(r"(fancgan|tests|tools|docs|benchmarks|space)/[\w./-]*", words):
            assert (ROOT / words).exists(), f"{document.name}: {words}"
        elif re.fullmatch(r"[\w/]+\.(py|js|css|html)", words):
            assert Path(words).name in names, f"{document.name}: {words}"


@PAGES
def test_modules_that_are_named_are_there(document: Page) -> None:
    for name in set(re.findall(r"\bfancgan(?:\.[A-Za-z_]\w*)+", document.text)):
        assert resolved(name), f"{document.name}: {name}"


def resolved(name: str) -> bool:
    """Whether a dotted name is a module of the package, or something in one."""
    module, _, last = name.rpartition(".")
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module(name)
        return True
    with contextlib.suppress(ModuleNotFoundError):
        return hasattr(importlib.import_module(module), last)
    return False


def all_commands() -> list:
    found = [(document.name, command) for document in pages() for command in document.commands()]
    return [
        pytest.param(command, id=f"{name}: {command}") for name, command in dict.fromkeys(found)
    ]


@pytest.mark.parametrize("command", all_commands())
def test_commands_are_accepted(command: str) -> None:
    command = command.removeprefix(".venv/bin/")
    if command.startswith(FOREIGN) or "VERB" in command:
        return
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(command, comments=True)]
    while re.match(r"[A-Z_]+=", words[0]) or words[0] == "srun":
        words = words[1:]
    if words[0] in ("bash", "ruff"):
        return
    launcher, *rest = words
    if launcher == "python":
        accept(rest)
    elif launcher == "fancgan":
        accept(["-m", *words])
    elif launcher == "accelerate" and rest[0] == "launch":
        from accelerate.commands.launch import launch_command_parser

        asked = launch_command_parser().parse_args(rest[1:])
        accept([asked.training_script, *asked.training_script_args])
    elif launcher == "torchrun":
        from torch.distributed.run import get_args_parser

        asked = get_args_parser().parse_args(rest)
        script = [asked.training_script, *asked.training_script_args]
        accept(["-m", *script] if asked.module else script)
    else:
        pytest.fail(f"no test knows what this runs: {command}")


def accept(words: list[str]) -> None:
    """Raise, or end, unless the program that is named takes these arguments."""
    script, *arguments = words
    if script == "-m":
        assert arguments[0] == "fancgan"
        build_parser().parse_args(arguments[1:])
    elif script == "train.py":
        asked = train.parse_arguments(arguments)
        train.choose_training(asked), train.choose_data(asked)
        if asked.preset in PRESETS:
            train.choose_model(asked)
    elif script in SCRIPTS:
        SCRIPTS[script](arguments)
    else:
        flags = {word for word in arguments if word.startswith("--")}
        assert flags <= flags_of(ROOT / script), words


def flags_of(path: Path) -> set[str]:
    """The flags that a script adds to its parser, read from its source."""
    constants = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant))
    return {n.value for n in constants if isinstance(n.value, str) and n.value.startswith("--")}


@cache
def known_flags() -> set[str]:
    """The flags of every program here."""
    said = io.StringIO()
    for parse in (app.parse_args, export.parse_args, train.parse_arguments):
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            parse(["--help"])
    verbs = next(
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    texts = [said.getvalue(), *(verb.format_help() for verb in verbs.choices.values())]
    found = set(re.findall(r"--[a-z][a-z0-9-]*", "\n".join(texts)))
    sources = (
        path
        for folder in ("tools", "benchmarks", "tests")
        for path in ROOT.glob(f"{folder}/**/*.py")
    )
    return found.union(*(flags_of(path) for path in sources if path.name != "test_documents.py"))


@PAGES
def test_flags_that_are_named_are_there(document: Page) -> None:
    foreign = {"--num_processes", "--mixed_precision", "--cpu"}  # accelerate's
    for words in document.code():
        named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", words)) - foreign
        assert named <= known_flags(), f"{document.name}: {words}"


def test_the_manual_explains_every_loss_with_its_default() -> None:
    rows = re.findall(
        r"^\| `\w.*? \| `(--w-[\w-]+)` ([\d.]+) \|", page("docs/training.md").text, re.M
    )
    weights = {
        f"--{field.name.replace('_', '-')}": field.default
        for settings in (TrainConfig, PainterTrainConfig)
        for field in dataclasses.fields(settings)
        if field.name.startswith("w_")
    }
    assert {flag: float(value) for flag, value in rows} == weights


def test_every_verb_is_listed() -> None:
    listed = re.findall(r"^\| `([a-z-]+) ", page("docs/python-and-api.md").text, flags=re.MULTILINE)
    modules = (ROOT / "fancgan/cli").glob("[a-z]*.py")
    assert set(listed) == {path.stem.replace("_", "-") for path in modules}


@PAGES
def test_snippets_are_python(document: Page) -> None:
    for block in document.blocks("python"):
        ast.parse(block)


def snippet(name: str, containing: str) -> str:
    """The one Python snippet of a page that contains these words."""
    found = [block for block in page(name).blocks("python") if containing in block]
    assert len(found) == 1
    return found[0]


def run(code: str, **names: object) -> dict:
    exec(compile(code, "snippet", "exec"), names)
    return names


def test_the_snippets_of_the_pipeline_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    mask = np.zeros((96, 128), bool)
    mask[20:50, 20:60] = mask[60:85, 70:110] = True
    noise = np.random.default_rng(0).integers(0, 60, mask.shape).astype(np.uint8)
    done = run(snippet("README.md", "pipe.instances"), mask=mask, ref=noise, image=noise)
    assert done["sem"].shape == done["prob"].shape == done["labels"].shape == mask.shape
    pipe = done["pipe"]
    looks = run(snippet("docs/python-and-api.md", "with_levels"), pipe=pipe, mask=mask)
    assert (looks["first"] != looks["second"]).any()
    Image.fromarray(pipe.synthesize(mask, seed=1)).save("a.tif")
    measuring = snippet("docs/python-and-api.md", "analyse(")
    found = run(measuring.replace("split=0.3", "split=0.3, nm_per_px=7.3"), pipe=pipe)["found"]
    assert len(found.measured.table)


def test_the_small_unet_learns(write_pairs, tmp_path) -> None:
    import torch

    root = write_pairs(tmp_path / "sets/mine", count=6)
    code = snippet("docs/data-sets.md", "class UNet").replace("sets/mine", str(root))
    torch.manual_seed(0)
    names = run(code.replace("range(150)", "range(100)"))
    with torch.no_grad():
        found = names["net"](names["images"]) > 0
    both = (found & (names["masks"] > 0)).sum()
    dice = 2 * both / (found.sum() + (names["masks"] > 0).sum())
    assert dice > 0.9


def test_the_client_example_runs(tmp_path, monkeypatch) -> None:
    pytest.importorskip("gradio_client")
    from tests.support.bundles import make_tiny_bundle
    from tests.support.serving import serve

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.chdir(tmp_path)
    example = snippet("docs/python-and-api.md", "gradio_client")
    with serve(make_tiny_bundle(tmp_path / "tiny"), temporary) as served:
        names = run(example.replace("http://127.0.0.1:7860", served.url))
    assert names["figures"]["levels"]["background"] == pytest.approx(45, abs=0.1)
    assert names["facts"]["pairs"] == 20
