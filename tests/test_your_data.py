"""docs/your-data.md, followed word for word in an empty folder with real micrographs as own data.

The commands are those of the document, in its order. Changed are the number of steps and the size
of networks, crops and data set, because a training for use takes an hour; and the app gets a free
port. The Hub is the stand-in, so `hf auth login` is left out.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fancgan.datasets.fields import list_files
from tests.support.hub_client import WITHOUT_WAITING, hub_environment
from tests.support.paths import ROOT
from tests.support.serving import serve
from tests.support.stand_in_hub import stand_in_hub
from tests.support.trainings import tiny_flags

DOCUMENT = (ROOT / "docs/your-data.md").read_text()
FIELDS = 5
# Flags that come after the document's own, of which the last one counts.
SHORT_TRAINING = [*tiny_flags(steps=2), "--eval-every-steps", "100"]
ONE_STEP = shlex.split(
    "--steps 1 --segmenter-steps 0 --batch-size 1 --random-batch 1 --segmenter-batch 0 "
    "--crop-px 128 --perceptual none --w-kernel 0"
)

pytestmark = pytest.mark.micrographs


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line]


def code(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", DOCUMENT, flags=re.DOTALL)[1]


def step(*words: str) -> str:
    """The one command of the document with all these words, and without --dry-run or --init."""
    unasked = {"--dry-run", "--init"} - set(words)
    found = [
        line
        for line in commands()
        if set(words) <= set(shlex.split(line)) and not unasked & set(shlex.split(line))
    ]
    assert len(found) == 1, (words, found)
    return found[0]


@pytest.fixture(scope="module")
def desk(tio2: Path, tmp_path_factory) -> Path:
    """A folder with the program as a clone has it, and a lab's files as the document wants them."""
    desk = tmp_path_factory.mktemp("lab")
    for name in ("train.py", "export.py", "app.py", "fancgan", "space", "requirements.txt"):
        (desk / name).symlink_to(ROOT / name)
    listing = list_files(tio2, "sem")
    for folder in ("images", "masks"):
        (desk / "particles" / folder).mkdir(parents=True)
    for number, stem in enumerate(listing.split["train"][:FIELDS], 1):
        shutil.copy(listing.images[stem], desk / f"particles/images/a{number}.tif")
        mask = listing.masks[stem]
        shutil.copy(mask, desk / f"particles/masks/a{number}{mask.suffix}")
    (desk / "pictures").mkdir()
    shutil.copy(desk / "particles/images/a1.tif", desk / "pictures")
    return desk


@pytest.fixture(scope="module")
def follow(desk: Path) -> Callable[..., str]:
    """follow(command, *flags, **environment): run it with further flags; return what it prints."""

    def follow(command: str, *flags: str, **environment: str) -> str:
        words = [*shlex.split(command), *flags]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environ = os.environ | environment | {"PATH": path, "ACCELERATE_USE_CPU": "true"}
        done = subprocess.run(
            words, cwd=desk, env=environ, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    return follow


def test_from_one_picture_to_a_bundle_of_ones_own(desk: Path, follow) -> None:
    follow(step("segment", "measured"))
    shutil.make_archive(str(desk / "fancgan_results"), "zip", desk / "measured")
    said = follow(step("teach"), "--steps", "1", "--no-synthetic")
    assert "On 1 kept aside" in said and "wrote bundles/mine" in said
    follow(step("segment", "measured-mine"))
    settings = json.loads((desk / "measured-mine/settings.json").read_text())
    assert settings["bundle"]["name"] == "mine"
    assert "ap50" in follow(step("evaluate"))


def test_from_files_to_a_demo_that_segments(desk: Path, follow, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    assert "error" not in follow(step("check", "particles")).lower()
    assert "step 2 of 2, done" in follow(step("accelerate", "train.py"), *SHORT_TRAINING)
    follow(step("export.py", "--run"))
    card = (desk / "bundles/particles/README.md").read_text()
    assert f"{FIELDS - 1} images for training, 1 for validation" in card
    follow(step("make-dataset"), "--n", "2", "--workers", "1")
    assert len(list((desk / "synthetic/images").iterdir())) == 2

    assert shlex.split(step("app.py"))[-2:] == ["--bundle", "bundles/mine"]
    (tmp_path / "temporary").mkdir()
    with serve(desk / "bundles/particles", tmp_path / "temporary", app=desk / "app.py") as demo:
        client = Client(demo.url, verbose=False)
        image = handle_file(desk / "particles/images/a1.tif")
        labels, _, figures = client.predict(image, None, api_name="/segment")
    labels = np.asarray(Image.open(labels))
    assert labels.shape[1] == Image.open(desk / "particles/images/a1.tif").width
    assert figures["nm_per_px"] == pytest.approx(7.344, abs=0.01)  # as the microscope wrote it


def test_a_training_begins_with_the_shipped_weights(desk: Path, follow) -> None:
    """The other way of step 3; its networks are the shipped ones, so it takes a single step."""
    words = shlex.split(step("accelerate", "train.py", "--init"))
    words[words.index("--run") + 1] = "runs/tuned"  # the document names the run of the other way
    assert "step 1 of 1, done" in follow(shlex.join(words), *ONE_STEP)


def test_from_a_bundle_to_the_hub_and_a_space(desk: Path, follow, tmp_path: Path) -> None:
    assert (desk / "bundles/mine").is_dir(), "the steps before have made the bundle"
    with stand_in_hub() as hub:
        environment = hub_environment(hub.url, tmp_path / "home")
        follow(step("export.py", "--push", "--dry-run"), **environment)
        assert not hub.sent()
        follow(step("export.py", "--push"), **environment)
        commit = hub.model("lab/particles").tags["v1"]
        told = subprocess.run(
            [sys.executable, "-c", WITHOUT_WAITING + code("python")],
            env=environment,
            cwd=desk,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert told.stdout.strip() == f"lab/particles@{commit}", told.stderr
        follow(step("export.py", "--space", "--dry-run"), **environment)
        follow(step("export.py", "--space"), **environment)
        variables = hub.repos["spaces", "lab/particles-demo"].variables
        assert variables["FANCGAN_BUNDLE"] == f"lab/particles@{commit}"
