"""The package as pip installs it: outside the clone, with its dependencies and no more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

import fancgan
from tests.support.drawing import draw_discs
from tests.support.imports import is_within, project
from tests.support.paths import ROOT
from tests.test_rooms import EXTRAS as NEVER_NEEDED

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
OPTIONAL = ("scale-bars", "parquet")  # these are not in requirements.txt
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
# What each list is for: these modules, and whatever they import.
LEAN_VERBS = ("synthesize", "segment", "make_masks", "make_dataset", "check")
LEAN = ("fancgan.pipeline", *(f"fancgan.cli.{verb}" for verb in LEAN_VERBS))
STARTS = {
    "app": ("app", "fancgan.ui"),
    "train": ("train", "fancgan.training", "fancgan.cli.download", "fancgan.cli.evaluate"),
    "publish": ("export", "fancgan.publishing"),
}
DISTRIBUTION = {"PIL": "pillow", "skimage": "scikit-image"}
# Packages that are named in a string, not by an import of ours.
BY_NAME = {
    'engine="openpyxl"': "openpyxl",
    "torch.utils.tensorboard": "tensorboard",
    "tifffile.TIFF.DECOMPRESSORS": "imagecodecs",
}
PAINT = """
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import fancgan
from fancgan import Pipeline

assert Path(fancgan.__file__).is_relative_to(sys.prefix), fancgan.__file__
mask = np.asarray(Image.open("mask.png"))
pipe = Pipeline.from_pretrained()
image = pipe.synthesize(mask, seed=7)
assert image.shape == mask.shape and image.dtype == np.uint8
read = pipe.segment(image) > 0.5
dice = 2 * (read & (mask > 0)).sum() / (read.sum() + (mask > 0).sum())
assert dice > 0.8, dice
assert not {"gradio", "accelerate", "tensorboard", "safetensors"} & set(sys.modules)
"""
PAGE = """
import sys
from pathlib import Path

import fancgan.ui.site
from fancgan import Pipeline

assert Path(fancgan.__file__).is_relative_to(sys.prefix), fancgan.__file__
page = fancgan.ui.site.build(Pipeline.from_pretrained())
assert len(page.blocks) > 50
"""


def lines_of(path: Path) -> set[str]:
    lines = (line.strip() for line in path.read_text().splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def names(lines: list[str]) -> set[str]:
    return {Requirement(line).name for line in lines}


def imported(starts: tuple[str, ...]) -> set[str]:
    """The distributions that the modules below `starts` need, with all that these import."""
    source = project()
    modules = source.reached([m for m in source.paths if is_within(m, starts)])
    roots = {name.split(".")[0] for module in modules for name in source.imports(module)}
    roots -= {*sys.stdlib_module_names, *NEVER_NEEDED, "fancgan", "app", "train", "export"}
    texts = [source.paths[module].read_text() for module in modules]
    by_name = {name for sign, name in BY_NAME.items() if any(sign in text for text in texts)}
    roots = {DISTRIBUTION.get(root, root) for root in roots}
    return {root.replace("_", "-") for root in roots} | by_name


def test_the_lists_together_are_the_requirements() -> None:
    parts = [name for name in EXTRAS if name not in ("all", *OPTIONAL)]
    lists = [PROJECT["dependencies"], *(EXTRAS[name] for name in parts)]
    assert {line for lines in lists for line in lines} == lines_of(ROOT / "requirements.txt")
    assert EXTRAS["all"] == [f"fancgan[{','.join(parts)}]"]


def test_the_lean_part_is_what_painting_and_measuring_import() -> None:
    assert names(PROJECT["dependencies"]) == imported(LEAN)
    assert not names(PROJECT["dependencies"]) & {"gradio", "accelerate", "tensorboard"}


@pytest.mark.parametrize("extra", sorted(STARTS))
def test_an_extra_is_what_its_part_imports_besides(extra: str) -> None:
    assert names(EXTRAS[extra]) == imported(STARTS[extra]) - names(PROJECT["dependencies"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this working tree, built from a copy: a build leaves files where it runs."""
    folder = tmp_path_factory.mktemp("wheel")
    junk = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    shutil.copytree(ROOT / "fancgan", folder / "source/fancgan", ignore=junk)
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "app.py"):
        shutil.copy(ROOT / name, folder / "source")
    shutil.copytree(ROOT / "tests/support", folder / "source/tests/support", ignore=junk)
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, folder / "source"]
    subprocess.run([*PIP, *build], check=True)
    return next(folder.glob("*.whl"))


def environment(folder: Path, wheel: Path, packages: Path) -> Path:
    """A new environment in `folder` with the wheel, beside the packages that are in `packages`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    install = ["--python", python, "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*PIP, *install, wheel], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "beside.pth").write_text(f"{packages}\n")
    return python


def closure(lines: list[str]) -> set[str]:
    """The installed distributions that the requirements name, and those they require in turn."""
    found: set[str] = set()
    pending = [(Requirement(line), "") for line in lines]
    while pending:
        wanted, extra = pending.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": extra})):
            continue
        found.add(name)
        for line in distribution(name).requires or []:
            pending += [(Requirement(line), extra) for extra in ("", *wanted.extras)]
    return found


@pytest.fixture(scope="module")
def lean(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The Python of an environment that has the wheel and its dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("lean")
    packages = folder / "packages"
    packages.mkdir()
    for name in closure(PROJECT["dependencies"]):
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(distribution(name).locate_file(top))
    return environment(folder / "venv", wheel, packages)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that sees nothing of the clone."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FANCGAN"))}
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=300)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        said = Parser().parsestr(archive.read(metadata).decode())
    files = (path for path in (ROOT / "fancgan").rglob("*") if path.is_file())
    there = {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}
    assert held == there
    assert said["Version"] == fancgan.__version__
    required = {Requirement(line) for line in said.get_all("Requires-Dist")}
    plain = {str(line) for line in required if line.marker is None}
    assert plain == {str(Requirement(line)) for line in PROJECT["dependencies"]}
    named = {
        f"{line.name}{line.specifier}"
        for line in required
        if line.name != "fancgan" and not any(extra in str(line.marker) for extra in OPTIONAL)
    }
    assert named == lines_of(ROOT / "requirements.txt")


def test_the_lean_package_paints_and_reads_outside_the_clone(lean: Path, tmp_path: Path) -> None:
    mask = draw_discs(160, 192).mask
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    done = run(lean, "-c", PAINT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_command_works_outside_the_clone(lean: Path, tmp_path: Path) -> None:
    command = lean.with_name("fancgan")
    said = run(command, "--help", cwd=tmp_path).stdout
    assert said.startswith("usage: fancgan [-h]")
    run_as_module = run(lean, "-m", "fancgan", "--help", cwd=tmp_path).stdout
    assert run_as_module.startswith("usage: python -m fancgan [-h]")

    made = run(command, "make-masks", "--n", "2", "--out", "masks", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert list((tmp_path / "masks").iterdir())
    drawn = draw_discs(160, 192)
    Image.fromarray(drawn.image).save(tmp_path / "drawn.png")
    read = run(command, "segment", "drawn.png", "--out", "read", "--nm-per-px", "5", cwd=tmp_path)
    assert read.returncode == 0, read.stderr
    assert (tmp_path / "read/particles.csv").is_file() and (tmp_path / "read/report.pdf").is_file()


def test_a_missing_package_is_named_in_one_sentence(lean: Path, tmp_path: Path) -> None:
    done = run(lean.with_name("fancgan"), "download", "tio2", "--out", "tio2", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "fancgan download: this needs the package pooch, which is not installed; "
        "fancgan[all] has everything.\n"
    )


def test_the_page_is_built_from_the_installed_package(wheel: Path, tmp_path: Path) -> None:
    beside = Path(sysconfig.get_path("purelib"))
    python = environment(tmp_path / "venv", wheel, beside)
    done = run(python, "-c", PAGE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
