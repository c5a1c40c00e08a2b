"""What the README promises is there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

import app
import export
from fancgan.__main__ import build_parser
from fancgan.pretrained.find import find_bundle
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text()


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("this copy of the repository is no git clone")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_readme_lists_every_verb() -> None:
    table = set(re.findall(r"^\| `([a-z-]+) ", README, flags=re.MULTILINE))
    modules = (ROOT / "fancgan/cli").glob("[a-z]*.py")
    assert table == {path.stem.replace("_", "-") for path in modules}


def test_readme_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert targets
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_readme_names_scripts_that_are_there() -> None:
    scripts = set(re.findall(r"\b(?:python|bash|launch) ([\w/.]+\.py|tests/run)\b", README))
    assert scripts >= {"app.py", "export.py", "train.py", "tests/run"}
    assert all((ROOT / script).exists() for script in scripts)


@pytest.mark.parametrize(
    ("row", "figure"),
    [
        ("Dice of the segmenter on real images", "dice"),
        ("AP50 of the particles (at least 20 px) on real images", "ap50"),
        ("Dice of a mask and what is read back from its image", "cycle_dice"),
    ],
)
def test_readme_figures_are_those_of_the_bundle_that_ships(row: str, figure: str) -> None:
    """Both in float32, the README's rounded."""
    said = float(re.search(rf"\| {re.escape(row)} \| ([\d.]+) ", README)[1])
    measured = find_bundle(None).config["metrics"]["figures"][figure]["value"]
    assert said == pytest.approx(measured, abs=0.00051)


def test_no_micrograph_and_no_large_file_is_tracked() -> None:
    for path in tracked_files():
        assert path.suffix.lower() not in {".tif", ".tiff", ".bmp", ".jpg", ".jpeg"}, path
        assert path.stat().st_size <= 30e6, path


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def documented_commands() -> list[str]:
    texts = [README, *(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))]
    joined = "\n".join(texts).replace("\\\n", " ")
    command = r"^(?:\.venv/bin/)?(python (?:app\.py|export\.py|-m fancgan) .+)$"
    return re.findall(command, joined, flags=re.MULTILINE)


@pytest.mark.parametrize("command", documented_commands())
def test_documented_commands_are_accepted(command: str) -> None:
    _, script, *arguments = shlex.split(command, comments=True)
    if script == "-m":
        build_parser().parse_args(arguments[1:])
    else:
        {"app.py": app, "export.py": export}[script].parse_args(arguments)


def snippet(containing: str) -> str:
    """The README's Python snippet that contains these words."""
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    found = [block for block in blocks if containing in block]
    assert len(found) == 1
    return found[0]


def test_the_small_unet_of_the_readme_learns(write_pairs, tmp_path) -> None:
    import torch

    root = write_pairs(tmp_path / "sets/mine", count=6)
    code = snippet("class UNet").replace("sets/mine", str(root))
    code = code.replace("range(150)", "range(100)")
    torch.manual_seed(0)
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    with torch.no_grad():
        found = names["net"](names["images"]) > 0
    both = (found & (names["masks"] > 0)).sum()
    dice = 2 * both / (found.sum() + (names["masks"] > 0).sum())
    assert dice > 0.9


def test_the_client_example_of_the_readme_runs(tmp_path, monkeypatch) -> None:
    pytest.importorskip("gradio_client")
    from tests.support.bundles import make_tiny_bundle
    from tests.support.serving import serve

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.chdir(tmp_path)
    with serve(make_tiny_bundle(tmp_path / "tiny"), temporary) as served:
        code = snippet("gradio_client").replace("http://127.0.0.1:7860", served.url)
        names: dict = {}
        exec(compile(code, "README.md", "exec"), names)
    assert names["figures"]["levels"]["background"] == pytest.approx(45, abs=0.1)
    assert names["facts"]["pairs"] == 20
