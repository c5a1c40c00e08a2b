"""The page's scripts: served whole under a name of their version, small, and tested by node."""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fancgan.ui import scripts
from tests.support.paths import ROOT

pytest.importorskip("gradio")
from starlette.applications import Starlette
from starlette.testclient import TestClient

MAX_LINES = 350
IMPORT = re.compile(r'^(?:import|export) [^;]*?from "([^"]+)";', flags=re.MULTILINE)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=[scripts.route()]))


def test_a_script_is_served_as_what_it_is_and_may_be_kept(client):
    answer = client.get(f"{scripts.address()}/sketch/drawing.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.text == (ROOT / "fancgan/ui/sketch/drawing.js").read_text()


@pytest.mark.parametrize(
    "name",
    ["sketch/none.js", "page.py", "sketch/sketch.html", "../__init__.py", "", "%2e%2e/page.py"],
)
def test_nothing_else_is_served(client, name):
    assert client.get(f"{scripts.address()}/{name}").status_code == 404


def test_another_version_has_another_address(client, monkeypatch):
    before = scripts.address()
    changed = scripts.scripts() | {"sketch/drawing.js": "export {};"}
    monkeypatch.setattr(scripts, "scripts", lambda: changed)
    scripts.address.cache_clear()
    assert scripts.address() != before
    monkeypatch.undo()
    scripts.address.cache_clear()
    assert scripts.address() == before
    assert client.get("/scripts/0123456789abcdef/sketch/drawing.js").status_code == 404


@pytest.mark.parametrize("name", sorted(scripts.scripts()))
def test_what_a_script_imports_is_there(name):
    for target in IMPORT.findall(scripts.scripts()[name]):
        assert target.startswith("."), f"{name} imports {target}"
        resolved = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        assert resolved in scripts.scripts(), f"{name} imports {target}"


def test_scripts_import_in_no_circle_and_only_their_room_or_what_is_shared():
    imports = {
        name: {
            posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            for target in IMPORT.findall(text)
        }
        for name, text in scripts.scripts().items()
    }
    for name, targets in imports.items():
        rooms = {posixpath.dirname(target) for target in targets}
        assert rooms <= {posixpath.dirname(name), "shared"}, f"{name} imports {targets}"
    left = dict(imports)
    while free := [name for name, targets in left.items() if not targets & set(left)]:
        for name in free:
            del left[name]
    assert not left, f"these import each other: {sorted(left)}"


def test_what_the_page_asks_of_a_script_is_there():
    assert "mount" in scripts.mount("sketch/view.js")
    assert "shownImage" in scripts.call("sketch/messages.js", "shownImage")
    with pytest.raises(FileNotFoundError):
        scripts.mount("sketch/none.js")
    with pytest.raises(AttributeError):
        scripts.call("sketch/messages.js", "none")


def test_files_of_the_page_are_small():
    paths = [p for kind in ("js", "css", "html") for p in (ROOT / "fancgan/ui").rglob(f"*.{kind}")]
    assert len(paths) > 40
    long = {p.name: n for p in paths if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert not long


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here: pure scripts go untested")
def test_the_scripts_own_tests_pass():
    tests = sorted(Path(ROOT / "tests/js").glob("*.test.mjs"))
    assert tests
    done = subprocess.run(["node", "--test", *tests], cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
