"""The Space: a folder that needs nothing of the repository, and no package unnamed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from fancgan.pretrained.bundle import FILES
from fancgan.publishing.space import assemble
from tests.support.bundles import make_tiny_bundle
from tests.support.hub_client import EXPORT, hub_environment, one_sentence, run_python
from tests.support.imports import is_within, project
from tests.support.paths import ROOT
from tests.support.serving import serve
from tests.support.stand_in_hub import Repo, card_faults, stand_in_hub
from tests.test_packaging import BY_NAME
from tests.test_rooms import EXTRAS, SERVING

DISTRIBUTION = {"PIL": "pillow", "skimage": "scikit-image", "huggingface_hub": "huggingface-hub"}


def test_the_requirements_are_what_serving_imports() -> None:
    source = project()
    seen = source.reached([m for m in source.paths if is_within(m, SERVING)])
    roots = {name.split(".")[0] for module in seen for name in source.imports(module)}
    roots -= {*sys.stdlib_module_names, "fancgan", "app", *EXTRAS}
    needed = {DISTRIBUTION.get(root, root) for root in roots}
    texts = [source.paths[name].read_text() for name in seen]
    needed |= {name for sign, name in BY_NAME.items() if any(sign in text for text in texts)}
    text = (ROOT / "space/requirements.txt").read_text()
    named = set(re.findall(r"^([a-z][\w-]*)", text, re.MULTILINE))
    assert named | {"gradio"} == needed
    everything = (ROOT / "requirements.txt").read_text().splitlines()
    assert set(re.findall(r"^[a-z].*", text, re.MULTILINE)) <= set(everything)


def test_the_lock_pins_with_a_hash_whatever_the_space_needs() -> None:
    card = (ROOT / "space/README.md").read_text()
    gradio = re.search(r"^sdk_version: (\S+)$", card, re.MULTILINE)[1]
    lock = (ROOT / "space/requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^\S", lock, re.MULTILINE)) > 50
    wanted = re.findall(
        r"^[a-z][\w-]*", (ROOT / "space/requirements.txt").read_text(), re.MULTILINE
    )
    assert {*wanted, "gradio"} <= {name for name, _ in pins} and ("gradio", gradio) in pins
    assert "//" not in lock, "no address: the hashes say what is meant"


def test_the_folder_names_its_model_and_the_card_is_valid(tmp_path: Path) -> None:
    folder = assemble(tmp_path / "space", f"lab/tiny@{'a' * 40}")
    card = (folder / "README.md").read_text()
    assert card_faults("space", card) == []
    assert f"  - lab/tiny {','.join(FILES)} {'a' * 40}\n" in card
    assert not [path for path in folder.rglob("*") if "__pycache__" in path.parts]
    version = re.search(r"^sdk_version: (\S+)$", card, re.MULTILINE)[1]
    assert re.fullmatch(r"6\.\d+\.\d+", version)


def test_the_app_starts_from_the_folder_alone(tmp_path: Path, monkeypatch) -> None:
    folder = assemble(tmp_path / "space")
    (tmp_path / "temporary").mkdir()
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.delenv("FANCGAN_BUNDLE", raising=False)
    monkeypatch.setenv("GRADIO_SERVER_NAME", "127.0.0.1")
    code = "import sys; sys.path.insert(0, '.'); import fancgan; print(fancgan.__file__)"
    where = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert Path(where.stdout.strip()).is_relative_to(folder), where.stderr
    with serve(None, tmp_path / "temporary", app=folder / "app.py") as served:
        with urllib.request.urlopen(served.url, timeout=60) as answer:
            assert "F-ANcGAN" in answer.read().decode()
        with urllib.request.urlopen(f"{served.url}config", timeout=60) as answer:
            assert "tio2-sem" in json.dumps(json.load(answer))


def test_a_space_is_uploaded_with_the_pinned_model(tmp_path: Path) -> None:
    bundle = make_tiny_bundle(tmp_path / "tiny")
    with stand_in_hub() as hub:
        model = hub.repos["models", "lab/tiny"] = Repo()
        model.tags["v1"] = model.commit({n: (bundle / n).read_bytes() for n in FILES})
        model.commit({})
        environment = hub_environment(hub.url, tmp_path / "home")

        def publish(*arguments: str):
            command = ("--space", "lab/demo", *arguments)
            return run_python(EXPORT, *command, environment=environment)

        done = publish("--bundle-repo", "lab/tiny@v1", "--dry-run")
        assert done.returncode == 0, done.stderr
        assert "fancgan/bundles/tio2-sem/generator.pt" in done.stdout
        assert f"FANCGAN_BUNDLE = lab/tiny@{model.tags['v1']}" in done.stdout
        assert not hub.sent()
        assert "has no commit or tag v9" in one_sentence(publish("--bundle-repo", "lab/tiny@v9"))
        assert ("spaces", "lab/demo") not in hub.repos

        assert publish("--bundle-repo", "lab/tiny@v1").returncode == 0
        space = hub.repos["spaces", "lab/demo"]
        assert space.variables == {"FANCGAN_BUNDLE": f"lab/tiny@{model.tags['v1']}"}
        assert {
            "app.py",
            "README.md",
            "requirements.txt",
            "fancgan/pipeline.py",
        } <= space.files.keys()
        assert len(space.commits) == 2
        order = [path.rsplit("/", 2)[-2:] for _, path in hub.sent()]
        assert order.index(["demo", "variables"]) < order.index(["commit", "main"])

        space.commit(space.files | {"fancgan/old.py": b"left over"})
        assert publish().returncode == 0
        assert "fancgan/old.py" not in space.files
        assert len(space.commits) == 4


@pytest.mark.skipif(
    os.environ.get("FANCGAN_SPACE_VENV") != "1",
    reason="installs torch anew (6 GB, minutes); FANCGAN_SPACE_VENV=1 runs it",
)
@pytest.mark.timeout(1800)
def test_the_space_starts_with_exactly_its_requirements(tmp_path: Path) -> None:
    folder = assemble(tmp_path / "space")
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    install = [python, "-m", "pip", "install", "-q", "--no-cache-dir", "--require-hashes"]
    subprocess.run([*install, "-r", ROOT / "space/requirements.lock"], check=True)
    (tmp_path / "temporary").mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FANCGAN"))}
    with (
        pytest.MonkeyPatch.context() as patch,
        serve(None, tmp_path / "temporary", app=folder / "app.py", python=python) as served,
    ):
        patch.delenv("PYTHONPATH", raising=False)
        code = (
            "import sys\nfrom gradio_client import Client\n"
            "print(len(Client(sys.argv[1], verbose=False).config['components']))"
        )
        done = subprocess.run(
            [python, "-c", code, served.url], env=clean, capture_output=True, text=True
        )
        assert int(done.stdout) > 20, done.stderr
        names = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True)
        assert names.returncode == 0, names.stdout
