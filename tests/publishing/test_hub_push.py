"""Publishing with the real Hub client against a stand-in server: whole, or not at all."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

from fancgan.pretrained.bundle import CARD, CONFIG, FILES, MODULES, PORTABLE, open_bundle
from fancgan.publishing.export_run import finish
from fancgan.publishing.model_card import SHEET, write_card
from tests.support.bundles import make_tiny_bundle
from tests.support.hub_client import EXPORT, hub_environment, one_sentence, run_python
from tests.support.runs import FIGURE, make_run
from tests.support.stand_in_hub import Hub, digest, stand_in_hub

REPO = "lab/tiny"


@pytest.fixture(scope="module")
def tiny_bundle(tmp_path_factory) -> Path:
    """A tiny bundle with measured numbers."""
    folder = make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
    figures = {"dice": FIGURE | {"value": 0.9531234567}, "kid": FIGURE | {"value": 3e-05}}
    measured = {"split": "val", "images": ["x"], "seeds_per_image": 8, "seed": 0}
    finish(folder, open_bundle(folder).config | {"metrics": measured | {"figures": figures}})
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with stand_in_hub() as hub:
        yield hub


@pytest.fixture
def push(hub: Hub, tmp_path: Path):
    """push(bundle, *arguments, token=...): export.py --bundle BUNDLE --push lab/tiny ..."""

    def push(bundle: Path, *arguments: str, repo: str = REPO, **environment):
        return run_python(
            EXPORT,
            *("--bundle", str(bundle), "--push", repo, *arguments),
            environment=hub_environment(hub.url, tmp_path / "home", **environment),
        )

    return push


def test_a_push_is_one_commit_with_card_and_sheet(hub: Hub, push, tiny_bundle: Path) -> None:
    done = push(tiny_bundle, "--tag", "v1")
    assert done.returncode == 0, done.stderr
    repo = hub.model(REPO)
    assert len(repo.commits) == 2  # the Hub's own first one, and ours
    assert repo.files.keys() - {".gitattributes"} == {*FILES, SHEET}
    for name in set(FILES) - {CARD}:
        assert repo.files[name] == (tiny_bundle / name).read_bytes(), name
    commit = repo.commits[-1][0]
    assert repo.tags == {"v1": commit}
    assert f"published {REPO}@{commit}" in done.stdout
    assert not repo.private
    sheet = Image.open(io.BytesIO(repo.files[SHEET]))
    assert sheet.text["Synthetic"] == "true"
    assert np.asarray(sheet).std() > 10


def test_the_card_on_the_hub_is_valid_and_tells_the_measured_numbers(
    hub: Hub, push, tiny_bundle: Path, tmp_path: Path
) -> None:
    assert push(tiny_bundle, "--tag", "v1").returncode == 0
    text = hub.model(REPO).files[CARD].decode()
    assert f'Pipeline.from_pretrained("{REPO}", revision="v1")' in text
    assert f"({SHEET})" in text
    card = tmp_path / CARD
    card.write_text(text)
    code = (
        "import sys\nfrom huggingface_hub import ModelCard\nModelCard.load(sys.argv[1]).validate()"
    )
    environment = hub_environment(hub.url, tmp_path / "home")
    assert run_python(code, str(card), environment=environment).returncode == 0
    card.write_text(text.replace("value: 0.95", "value: about 0.95"))
    assert "ValueError" in run_python(code, str(card), environment=environment).stderr
    told = {r.metric_type: r.metric_value for r in ModelCard(text).data.eval_results}
    figures = json.loads(hub.model(REPO).files[CONFIG])["metrics"]["figures"]
    assert told == {name: figure["value"] for name, figure in figures.items()}


def test_the_example_in_the_card_runs_with_torch_alone(
    hub: Hub, push, tiny_bundle: Path, tmp_path: Path
) -> None:
    assert push(tiny_bundle).returncode == 0
    files = hub.model(REPO).files
    for name in MODULES:
        (tmp_path / name).write_bytes(files[name])
    example = files[CARD].decode().split("```python\n")[2].split("```")[0]
    script = tmp_path / "example.py"
    # -I shuts out the repository; whatever is installed beside torch is made unimportable.
    script.write_text(
        "import sys\n"
        "for name in ('fancgan', 'scipy', 'skimage', 'PIL', 'huggingface_hub', 'safetensors'):\n"
        "    sys.modules[name] = None\n"
        f"{example}\n"
        "print(tuple(image.shape), tuple(particle.shape), float(particle[100, 130]) > 0.5)"
    )
    done = subprocess.run(
        [sys.executable, "-I", str(script)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == "(1, 1, 256, 384) (256, 384) True", done.stderr


def test_a_run_is_exported_and_pushed_in_one_command(hub: Hub, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "out"
    done = run_python(
        EXPORT,
        *("--run", str(run), "--out", str(out), "--push", REPO, "--private"),
        environment=hub_environment(hub.url, tmp_path / "home"),
    )
    assert done.returncode == 0, done.stderr
    assert hub.model(REPO).private
    assert digest(hub.model(REPO).files[CONFIG]) == digest((out / CONFIG).read_bytes())


def test_a_second_push_sends_what_changed_and_an_edited_card_as_it_is(
    hub: Hub, push, tiny_bundle: Path, tmp_path: Path
) -> None:
    assert push(tiny_bundle).returncode == 0
    repo = hub.model(REPO)
    before = repo.commits[-1][0]
    hub.seen.clear()
    assert push(tiny_bundle).returncode == 0
    assert repo.commits[-1][0] == before, "an equal bundle makes no commit"
    edited = Path(shutil.copytree(tiny_bundle, tmp_path / "edited"))
    card = write_card(open_bundle(edited).config) + "\nMeasured on a Tuesday.\n"
    (edited / CARD).write_text(card)
    hub.seen.clear()
    assert push(edited).returncode == 0
    assert len(repo.commits) == 3
    assert repo.files[CARD].decode() == card
    assert not [path for method, path in hub.sent() if method == "PUT"]


def test_a_dry_run_names_everything_and_sends_nothing(hub: Hub, push, tiny_bundle: Path) -> None:
    done = push(tiny_bundle, "--tag", "v1", "--dry-run", token=None)
    assert done.returncode == 0, done.stderr
    for name in (*FILES, SHEET):
        assert name in done.stdout
    size = (tiny_bundle / "generator.pt").stat().st_size
    assert f"{size:,}  generator.pt" in done.stdout
    assert not hub.seen


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (("/api/whoami-v2", 500), "has a fault (HTTP 500)"),
        (("/preupload/", 503), "has a fault (HTTP 503)"),
        (("/commit/", 500), "has a fault (HTTP 500)"),
        (("/commit/", "cut"), "the connection broke off"),
        (("/api/repos/create", "stall"), "does not answer"),
        (("/commit/", 413), "HTTP 413: told to fail"),
    ],
)
def test_a_fault_of_the_hub_is_one_sentence_and_publishes_nothing(
    hub: Hub, push, tiny_bundle: Path, fault, words: str
) -> None:
    hub.fault = lambda method, path: fault[1] if fault[0] in path else None
    sentence = one_sentence(push(tiny_bundle, "--tag", "v1", "--timeout", "1.5"))
    assert words in sentence
    assert "Nothing was published" in sentence
    assert all(len(repo.commits) == 1 and not repo.tags for repo in hub.repos.values())


def test_permissions_are_one_sentence_each(hub: Hub, push, tiny_bundle: Path) -> None:
    assert "There is no token" in one_sentence(push(tiny_bundle, token=None))
    assert "does not accept the token" in one_sentence(push(tiny_bundle, token="hf_old"))
    sentence = one_sentence(push(tiny_bundle, repo="somebody/else"))
    assert "may not write to somebody/else" in sentence
    assert "no name of a Hub repository" in one_sentence(push(tiny_bundle, repo="tiny"))
    assert "no good tag" in one_sentence(push(tiny_bundle, "--tag", "a b"))
    assert not hub.repos


def test_no_network_is_one_sentence(hub: Hub, push, tiny_bundle: Path) -> None:
    sentence = one_sentence(push(tiny_bundle, HF_ENDPOINT="http://127.0.0.1:9"))
    assert "cannot be reached" in sentence
    assert "HF_HUB_OFFLINE" not in sentence
    assert "cannot be reached" in one_sentence(push(tiny_bundle, HF_HUB_OFFLINE="1"))


def test_a_cut_upload_publishes_nothing_and_the_same_command_finishes_it(
    hub: Hub, push, tiny_bundle: Path
) -> None:
    late = f"/lfs/{digest((tiny_bundle / 'style_encoder.pt').read_bytes())}"
    hub.fault = lambda method, path: "cut" if path == late else None
    sentence = one_sentence(push(tiny_bundle, "--tag", "v1"))
    assert "the connection broke off" in sentence
    assert len(hub.model(REPO).commits) == 1
    assert hub.store, "the other files had arrived"
    arrived = set(hub.store)
    hub.seen.clear()
    hub.fault = lambda method, path: None
    assert push(tiny_bundle, "--tag", "v1").returncode == 0
    again = {path.removeprefix("/lfs/") for method, path in hub.seen if method == "PUT"}
    assert again.isdisjoint(arrived)
    assert len(hub.model(REPO).commits) == 2
    assert hub.model(REPO).tags.keys() == {"v1"}


def test_ctrl_c_publishes_nothing_and_the_same_command_finishes_it(
    hub: Hub, push, tiny_bundle: Path, tmp_path: Path
) -> None:
    late = f"/lfs/{digest((tiny_bundle / 'style_encoder.pt').read_bytes())}"
    hub.fault = lambda method, path: "stall" if path == late else None
    arguments = ("--bundle", str(tiny_bundle), "--push", REPO, "--tag", "v1")
    process = subprocess.Popen(
        [sys.executable, "-c", EXPORT, *arguments],
        env=hub_environment(hub.url, tmp_path / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job inherits an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while ("PUT", late) not in hub.seen and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.count("export.py: interrupted") == 1
    assert len(hub.model(REPO).commits) == 1 and not hub.model(REPO).tags
    hub.fault = lambda method, path: None
    assert push(tiny_bundle, "--tag", "v1").returncode == 0
    assert len(hub.model(REPO).commits) == 2
    assert hub.model(REPO).tags.keys() == {"v1"}


def test_a_tag_is_never_moved(hub: Hub, push, tiny_bundle: Path, tmp_path: Path) -> None:
    assert push(tiny_bundle, "--tag", "v1").returncode == 0
    repo = hub.model(REPO)
    other = make_tiny_bundle(tmp_path / "other", seed=1)
    assert "has a tag v1 already" in one_sentence(push(other, "--tag", "v1"))
    assert len(repo.commits) == 2


def test_a_tag_that_fails_says_that_the_files_are_there(hub: Hub, push, tiny_bundle: Path) -> None:
    hub.fault = lambda method, path: 500 if "/tag/" in path else None
    sentence = one_sentence(push(tiny_bundle, "--tag", "v1"))
    commit = hub.model(REPO).commits[-1][0]
    assert f"published at {commit}, the tag is not set" in sentence
    hub.fault = lambda method, path: None
    assert push(tiny_bundle, "--tag", "v1").returncode == 0
    assert hub.model(REPO).tags == {"v1": commit}


def test_private_is_not_sent_to_a_public_repository(hub: Hub, push, tiny_bundle: Path) -> None:
    assert push(tiny_bundle).returncode == 0
    commits = len(hub.model(REPO).commits)
    assert "is public" in one_sentence(push(tiny_bundle, "--private"))
    assert len(hub.model(REPO).commits) == commits


@pytest.mark.parametrize("name", ["segmenter.pt", "segmenter.pt2"])
def test_a_damaged_bundle_is_not_published(
    hub: Hub, push, tiny_bundle: Path, tmp_path: Path, name: str
) -> None:
    broken = with_programs(Path(shutil.copytree(tiny_bundle, tmp_path / "broken")))
    content = bytearray((broken / name).read_bytes())
    content[len(content) // 2] ^= 1
    (broken / name).write_bytes(content)
    assert f"{name} is not the file that was exported" in one_sentence(push(broken))
    assert not hub.repos


def test_files_for_other_programs_are_published(
    hub: Hub, push, tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle = with_programs(Path(shutil.copytree(tiny_bundle, tmp_path / "bundle")))
    (bundle / "segmenter.onnx").write_bytes(b"not part of the bundle")
    assert push(bundle).returncode == 0
    files = hub.model(REPO).files
    assert files.keys() - {".gitattributes"} == {*FILES, *PORTABLE["export"], SHEET}
    assert b'torch.export.load("generator.pt2")' in files[CARD]


def with_programs(bundle: Path) -> Path:
    """The bundle with files that stand for those of torch.export: publishing does not load them."""
    for name in PORTABLE["export"]:
        (bundle / name).write_bytes(name.encode())
    finish(bundle, open_bundle(bundle).config | {"formats": ["torchscript", "export"]})
    return bundle
