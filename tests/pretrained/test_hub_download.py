"""Downloading with the real Hub client: pinned, checked before it is loaded, honest offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fancgan.errors import UserError
from fancgan.pipeline import Pipeline
from fancgan.pretrained.bundle import FILES, open_bundle
from fancgan.pretrained.served import bundle_to_serve
from fancgan.ui.models import Models
from tests.support.hub_client import WITHOUT_WAITING, hub_environment, run_python
from tests.support.serving import serve
from tests.support.stand_in_hub import Hub, Repo, stand_in_hub

LOAD = (
    WITHOUT_WAITING
    + """
import json, hashlib
import numpy as np
from fancgan import Pipeline, UserError

mask = np.zeros((64, 80), bool)
mask[20:40, 30:60] = True
for source in sys.argv[1:]:
    name, _, revision = source.partition("@")
    try:
        pipe = Pipeline.from_pretrained(name, revision or None, precision="float32")
        sem = pipe.synthesize(mask, seed=7)
        answer = [hashlib.sha256(x.tobytes()).hexdigest() for x in (sem, pipe.instances(sem))]
        print(json.dumps({"origin": pipe.origin, "revision": pipe.revision, "bytes": answer}))
    except UserError as error:
        print(json.dumps({"error": str(error)}))
"""
)


@pytest.fixture
def hub(tiny_bundle: Path) -> Iterator[Hub]:
    """A Hub with lab/tiny: the bundle, tagged v1, and a later commit with a changed module."""
    with stand_in_hub() as hub:
        repo = hub.repos["models", "lab/tiny"] = Repo()
        files = {name: (tiny_bundle / name).read_bytes() for name in FILES}
        files["generator.pt2"] = files["segmenter.onnx"] = b"for other programs"
        repo.tags["v1"] = repo.commit(files)
        repo.branches["stable"] = repo.tags["v1"]
        changed = bytearray(files["segmenter.pt"])
        changed[len(changed) // 2] ^= 1
        repo.commit(files | {"segmenter.pt": bytes(changed)})
        yield hub


def load(hub: Hub, home: Path, *sources: str, **environment: str) -> tuple[list[dict], str]:
    """What LOAD tells of each source, and what was written to stderr."""
    environment = hub_environment(hub.url, home, token=None, **environment)
    done = run_python(LOAD, *sources, environment=environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_folder_tag_commit_and_cache_give_the_same_bytes(
    hub: Hub, tiny_bundle: Path, tmp_path: Path
) -> None:
    commit = hub.model("lab/tiny").tags["v1"]
    told, progress = load(hub, tmp_path, str(tiny_bundle), "lab/tiny@v1", f"lab/tiny@{commit}")
    folder, by_tag, by_commit = told
    assert folder["bytes"] == by_tag["bytes"] == by_commit["bytes"]
    fetched = {path.rsplit("/", 1)[1] for _, path in hub.seen if "/resolve/" in path}
    assert fetched == set(FILES)
    assert by_tag["origin"] == by_commit["origin"] == f"lab/tiny@{commit}"
    assert folder["revision"] == by_tag["revision"]
    assert "100%" in progress
    hub.seen.clear()
    told, _ = load(hub, tmp_path, f"lab/tiny@{commit}")
    assert told == [by_commit]
    assert not hub.seen, "a commit in the cache needs no question"
    unreachable = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    for offline in (unreachable, {"HF_HUB_OFFLINE": "1"}):
        told, _ = load(hub, tmp_path, "lab/tiny@v1", f"lab/tiny@{commit}", **offline)
        assert told == [by_tag, by_commit]


def test_a_tampered_file_is_refused_before_anything_is_loaded(hub: Hub, tmp_path: Path) -> None:
    commit = hub.model("lab/tiny").commits[-1][0]
    code = "import torch\ntorch.jit.load = lambda *a, **k: print('LOADED')\n" + LOAD
    environment = hub_environment(hub.url, tmp_path, token=None)
    done = run_python(code, f"lab/tiny@{commit}", environment=environment)
    assert "segmenter.pt is not the file that was exported" in done.stdout, done.stderr
    assert "LOADED" not in done.stdout


def test_what_is_not_there_is_one_sentence_each(hub: Hub, tmp_path: Path) -> None:
    hub.repos["models", "lab/empty"] = Repo(commits=[("e" * 40, {"notes.txt": b"none"})])
    told, _ = load(
        hub,
        tmp_path,
        *("lab/none@v1", "lab/tiny@v9", f"lab/tiny@{'0' * 40}", "lab/tiny", "lab/tiny@main"),
        "lab/tiny@stable",
        f"lab/empty@{'e' * 40}",
    )
    words = ("no repository lab/none", "no commit or tag v9", "no commit or tag 0000")
    words += ("or a tag", "or a tag, not 'main'", "stable is a branch", "so it is no bundle")
    for answer, expected in zip(told, words, strict=True):
        assert expected in answer["error"]


def test_a_hub_with_a_fault_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.fault = lambda method, path: 500
    ((answer,), _) = load(hub, tmp_path, "lab/tiny@v1")
    assert "HTTP 500" in answer["error"]


def test_the_app_serves_the_pinned_bundle_and_says_so(
    hub: Hub, tmp_path: Path, monkeypatch
) -> None:
    from gradio_client import Client

    commit = hub.model("lab/tiny").tags["v1"]
    for key, value in hub_environment(hub.url, tmp_path / "home", token=None).items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("FANCGAN_BUNDLE", f"lab/tiny@{commit}")
    (tmp_path / "temporary").mkdir()
    with serve(None, tmp_path / "temporary") as served:
        page = json.dumps(Client(served.url, verbose=False).config)
    assert f"lab/tiny@{commit[:12]}" in page
    assert "stands in" not in page
    assert f"of lab/tiny@{commit}" in (tmp_path / "server.log").read_text()


def test_without_hub_and_cache_the_app_serves_what_ships_and_says_so(
    tmp_path: Path, monkeypatch
) -> None:
    from gradio_client import Client

    for key, value in hub_environment("http://127.0.0.1:9", tmp_path / "home").items():
        monkeypatch.setenv(key, value)
    (tmp_path / "temporary").mkdir()
    with serve(f"lab/tiny@{'a' * 40}", tmp_path / "temporary") as served:
        page = json.dumps(Client(served.url, verbose=False).config)
    assert "ships with the program and stands in" in page
    log = (tmp_path / "server.log").read_text()
    assert f"lab/tiny@{'a' * 40} could not be loaded; tio2-sem, which ships" in log


def test_a_bundle_that_is_wrong_is_no_reason_to_serve_another(hub: Hub, tmp_path: Path) -> None:
    code = WITHOUT_WAITING + "import app\nsys.exit(app.main(sys.argv[1:]))"
    environment = hub_environment(hub.url, tmp_path, token=None)
    done = run_python(code, "--bundle", "lab/none@v1", environment=environment)
    assert done.returncode == 2
    assert "no repository lab/none" in done.stderr


@pytest.mark.parametrize("value", ["lab/tiny", "lab/tiny@v1", "lab/tiny@" + "A" * 40, "tio2-sem"])
def test_the_variable_takes_a_commit_alone(value: str) -> None:
    with pytest.raises(UserError, match="40 digits"):
        bundle_to_serve(None, {"FANCGAN_BUNDLE": value})


def test_the_operators_word_comes_before_the_variable(tiny_bundle: Path) -> None:
    bundle, notice = bundle_to_serve(str(tiny_bundle), {"FANCGAN_BUNDLE": "nonsense"})
    assert (bundle.path, notice) == (tiny_bundle, "")
    assert bundle_to_serve(None, {})[0].config["name"] == "tio2-sem"


def test_a_visitor_cannot_choose_what_is_loaded(tiny_bundle: Path) -> None:
    models = Models(Pipeline(open_bundle(tiny_bundle)))
    for name in ("lab/tiny@v1", str(tiny_bundle), f"lab/tiny@{'a' * 40}"):
        with pytest.raises(UserError, match="There is no model"):
            models.get(name)
