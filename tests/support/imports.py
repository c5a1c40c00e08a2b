"""Who imports whom: read from the source of scripts and package, without importing anything."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT


def module_name(path: Path, root: Path = ROOT) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Source:
    """The scripts on top and the package `fancgan` of one folder.

    imports(module): all dotted names that a module imports anywhere, inside functions too, but not
    for annotations alone (TYPE_CHECKING). own(module): those of them that are modules here.
    """

    def __init__(self, root: Path):
        paths = [*root.glob("*.py"), *sorted((root / "fancgan").rglob("*.py"))]
        self.paths = {module_name(path, root): path for path in paths}
        self._trees = {name: ast.parse(path.read_text()) for name, path in self.paths.items()}

    def imports(self, module: str, *, top_level_only: bool = False) -> set[str]:
        found: set[str] = set()
        pending: list[ast.AST] = list(self._trees[module].body)
        while pending:
            node = pending.pop()
            if is_typing_guard(node):
                continue
            found.update(self._named(node, module))
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if not (top_level_only and function):
                pending.extend(ast.iter_child_nodes(node))
        return found

    def own(self, module: str) -> set[str]:
        return {name for name in self.imports(module) if name in self.paths} - {module}

    def reached(self, starts: list[str]) -> set[str]:
        """The modules that the given ones import, and those import, and so on; themselves too."""
        seen: set[str] = set()
        pending = list(starts)
        while pending:
            module = pending.pop()
            if module not in seen:
                seen.add(module)
                pending.extend(self.own(module))
        return seen

    def circle(self) -> list[str]:
        """Modules that import each other in a circle, first and last alike; empty without one."""
        done: set[str] = set()

        def visit(module: str, trail: list[str]) -> list[str]:
            if module in trail:
                return [*trail[trail.index(module) :], module]
            if module not in done:
                for imported in sorted(self.own(module)):
                    if found := visit(imported, [*trail, module]):
                        return found
                done.add(module)
            return []

        return next((found for module in self.paths if (found := visit(module, []))), [])

    def _named(self, node: ast.AST, importer: str) -> list[str]:
        """The dotted modules that one import statement names ('from a import b' may name a.b)."""
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        base = node.module or ""
        if node.level:
            is_package = self.paths[importer].name == "__init__.py"
            package = importer.split(".") if is_package else importer.split(".")[:-1]
            package = package[: len(package) - (node.level - 1)]
            base = ".".join([*package, *([node.module] if node.module else [])])
        names = [f"{base}.{alias.name}" for alias in node.names]
        modules = [name for name in names if name in self.paths]
        return modules if len(modules) == len(names) else [base, *modules]


def is_typing_guard(node: ast.AST) -> bool:
    test = getattr(node, "test", None)
    name = getattr(test, "id", None) or getattr(test, "attr", None)
    return isinstance(node, ast.If) and name == "TYPE_CHECKING"


def is_within(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


@cache
def project() -> Source:
    return Source(ROOT)
